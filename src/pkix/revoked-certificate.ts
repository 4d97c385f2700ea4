import {
  DerError,
  type DerReader,
  fitsUtcTime,
  headerSize,
  tags,
  writeHeader,
  writeTime,
} from '../der/index.ts';
import { type ReasonCode, reasonCodeNumber } from '../domain/index.ts';
import { encode, type Structure } from './decoding.ts';
import { readExtensions } from './extensions/extension.ts';
import { parseInvalidityDate, parseReasonCode } from './extensions/revocation.ts';
import { oids } from './oids.ts';
import { readSerialNumberBytes, serialNumberOf } from './serial-number.ts';
import type { Extension, RevokedCertificate } from './types.ts';

export const revokedStructure: Structure = {
  name: 'revokedCertificates entry',
  clause: 'RFC 5280 §5.1.2.6',
};

/** Extension of reasonCode up to its last octet, the reason itself. */
const reasonPrefix = Uint8Array.of(0x30, 0x0a, 6, 3, 0x55, 0x1d, 0x15, 4, 3, 0x0a, 1);
/** Extension of invalidityDate up to the 15 octets of its GeneralizedTime. */
const invalidityPrefix = Uint8Array.of(0x30, 0x18, 6, 3, 0x55, 0x1d, 0x18, 4, 0x11, 0x18, 0x0f);

/** Largest encoding of an entry: serial number 22, time 17, extensions 2 + 12 + 26, outer header 2. */
export const maxEntryLength = 96;

/** Value of each lower-case hex digit by its character code; 255 for everything else. */
const hexValues = new Uint8Array(128).fill(255);
for (let digit = 0; digit < 16; digit += 1) hexValues[digit.toString(16).charCodeAt(0)] = digit;

function hexDigit(code: number): number {
  const value = hexValues[code] ?? 255;
  if (value === 255) throw new DerError('serial number is not lower-case hex', -1);
  return value;
}

/** Writes the INTEGER of a serial number and returns the octet behind it. */
function writeSerialNumber(target: Uint8Array, at: number, hex: string): number {
  let start = 0;
  while (start < hex.length && hex.charCodeAt(start) === 0x30) start += 1;
  const digits = hex.length - start;
  if (digits === 0 || digits > 40) {
    throw new DerError('serial number must be positive and have at most 20 octets', -1);
  }
  const octets = (digits + 1) >> 1;
  const firstDigit = hexDigit(hex.charCodeAt(start));
  const padded = digits % 2 === 0 && firstDigit >= 8 ? 1 : 0;
  if (octets + padded > 20) throw new DerError('serial number longer than 20 octets', -1);
  target[at] = tags.integer;
  target[at + 1] = octets + padded;
  let position = at + 2;
  if (padded === 1) {
    target[position] = 0;
    position += 1;
  }
  let index = start;
  if (digits % 2 === 1) {
    target[position] = firstDigit;
    position += 1;
    index += 1;
  }
  for (; index < hex.length; index += 2) {
    target[position] = (hexDigit(hex.charCodeAt(index)) << 4) | hexDigit(hex.charCodeAt(index + 1));
    position += 1;
  }
  return position;
}

function extensionsLength(
  reason: ReasonCode | undefined,
  invalidityDate: Date | undefined,
): number {
  return (reason === undefined ? 0 : 12) + (invalidityDate === undefined ? 0 : 26);
}

/**
 * Writes one entry at `at` and returns the octet behind it; `target` must have `maxEntryLength`
 * octets left. `unspecified` is left out (RFC 5280 §5.3.1). Straight into the buffer, because a
 * list may have a million of them.
 *
 * @throws DerError for a serial number that is not positive hex of up to 20 octets.
 */
export function writeRevokedCertificate(
  target: Uint8Array,
  at: number,
  entry: RevokedCertificate,
): number {
  const reason = entry.reasonCode === 'unspecified' ? undefined : entry.reasonCode;
  const { invalidityDate } = entry;
  // The content is at most 79 octets: the outer length is always one octet, written last.
  let position = writeSerialNumber(target, at + 2, entry.serialNumber);
  const utc = fitsUtcTime(entry.revocationDate);
  target[position] = utc ? tags.utcTime : tags.generalizedTime;
  target[position + 1] = utc ? 13 : 15;
  position = writeTime(target, position + 2, entry.revocationDate, !utc);
  const extensions = extensionsLength(reason, invalidityDate);
  if (extensions > 0) {
    position = writeHeader(target, position, tags.sequence, extensions);
    if (reason !== undefined) {
      target.set(reasonPrefix, position);
      position += reasonPrefix.length;
      target[position] = reasonCodeNumber(reason);
      position += 1;
    }
    if (invalidityDate !== undefined) {
      target.set(invalidityPrefix, position);
      position = writeTime(target, position + invalidityPrefix.length, invalidityDate, true);
    }
  }
  writeHeader(target, at, tags.sequence, position - at - headerSize(0));
  return position;
}

/** Where entries are written before their length is known; what is answered is a copy. */
let scratch = new Uint8Array(0);

/**
 * Encodes entries of revokedCertificates one behind the other, each with reasonCode (unless
 * `unspecified`) and invalidityDate. In one piece, because a buffer each for a million is dear.
 *
 * @throws ChanceryError `malformed`.
 */
export function encodeRevokedCertificates(entries: readonly RevokedCertificate[]): Uint8Array {
  return encode(revokedStructure, () => {
    const needed = entries.length * maxEntryLength;
    if (scratch.length < needed) scratch = new Uint8Array(needed);
    let end = 0;
    for (const entry of entries) end = writeRevokedCertificate(scratch, end, entry);
    return scratch.slice(0, end);
  });
}

/** An entry as read, with every extension it has. */
export type ParsedRevokedCertificate = RevokedCertificate & {
  readonly extensions: readonly Extension[];
};

const noExtensions: readonly Extension[] = [];

/** Reads one entry. @throws DerError, or ChanceryError `malformed` for a bad extension value. */
export function readRevokedCertificate(
  reader: DerReader,
  version: 1 | 2,
): ParsedRevokedCertificate {
  const body = reader.sequence();
  const serialNumber = serialNumberOf(readSerialNumberBytes(body));
  const revocationDate = body.time();
  if (body.done) return { serialNumber, revocationDate, extensions: noExtensions };
  if (version === 1) throw new DerError('entry extensions need version 2', body.offset);
  const extensions = readExtensions(body);
  body.end();
  let reasonCode: ReasonCode | undefined;
  let invalidityDate: Date | undefined;
  for (const extension of extensions) {
    if (extension.oid === oids.reasonCode) reasonCode = parseReasonCode(extension.value);
    else if (extension.oid === oids.invalidityDate) {
      invalidityDate = parseInvalidityDate(extension.value);
    }
  }
  return { serialNumber, revocationDate, reasonCode, invalidityDate, extensions };
}
