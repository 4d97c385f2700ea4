import { type DerReader, integer } from '../der/index.ts';
import type { SerialNumber } from '../domain/index.ts';
import { refuse, toHex } from './decoding.ts';

/** Octets of the longest serial number (RFC 5280 §4.1.2.2). */
const maxLength = 20;

/** Hex of content octets without leading zeros: how SerialNumber is written everywhere. */
export function serialNumberOf(content: Uint8Array): SerialNumber {
  const hex = toHex(content);
  let start = 0;
  while (start < hex.length - 1 && hex.charCodeAt(start) === 0x30) start += 1;
  return start === 0 ? hex : hex.slice(start);
}

/**
 * Reads a CertificateSerialNumber's content octets. Negative, zero and longer than 20 octets are
 * refused everywhere, in OCSP requests too: as hex, a negative number would read as another
 * certificate's positive one.
 */
export function readSerialNumberBytes(reader: DerReader, tag?: number): Uint8Array {
  const content = reader.integerBytes(tag);
  const first = content[0] ?? 0;
  if (first >= 0x80) refuse('serial number is negative (RFC 5280 §4.1.2.2)', reader);
  if (first === 0 && content.length === 1)
    refuse('serial number is zero (RFC 5280 §4.1.2.2)', reader);
  if (content.length > maxLength) {
    refuse(`serial number longer than ${maxLength} octets (RFC 5280 §4.1.2.2)`, reader);
  }
  return content;
}

/**
 * INTEGER of a serial number.
 *
 * @throws DerError when it is not lower-case hex, zero, or longer than 20 octets as an INTEGER.
 */
export function encodeSerialNumber(serialNumber: SerialNumber): Uint8Array {
  if (!/^[0-9a-f]{1,40}$/.test(serialNumber) || /^0+$/.test(serialNumber)) {
    refuse(`serial number ${JSON.stringify(serialNumber.slice(0, 60))} is not positive hex`);
  }
  const even = serialNumber.length % 2 === 0 ? serialNumber : `0${serialNumber}`;
  const encoded = integer(Uint8Array.from(Buffer.from(even, 'hex')));
  if (encoded.length - 2 > maxLength) {
    refuse(`serial number longer than ${maxLength} octets (RFC 5280 §4.1.2.2)`);
  }
  return encoded;
}
