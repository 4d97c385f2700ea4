import { createHash } from 'node:crypto';
import type { CertificateStatus, SerialNumber } from '../domain/index.ts';
import { decodeBase64url, encodeBase64url } from './base64url.ts';
import type { RenewalIncident } from './ports.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** A certificate as RFC 9773 §4.1 names it. */
export interface CertId {
  /** Lower-case hex of the keyIdentifier in its authorityKeyIdentifier. */
  readonly keyIdentifier: string;
  readonly serialNumber: SerialNumber;
}

/**
 * Reads `base64url(keyIdentifier) "." base64url(serialNumber)`; undefined for anything but the one
 * right spelling: no padding, and the content octets of the INTEGER as DER has them, with the
 * leading zero octet where it needs one and nowhere else (RFC 9773 §4.1).
 */
export function parseCertId(text: string): CertId | undefined {
  const [first = '', last = '', ...more] = text.length > 200 ? [] : text.split('.');
  const keyIdentifier = decodeBase64url(first);
  const serial = decodeBase64url(last);
  if (keyIdentifier === undefined || serial === undefined || more.length > 0) return undefined;
  if (keyIdentifier.length === 0 || !isPositiveInteger(serial)) return undefined;
  return {
    keyIdentifier: Buffer.from(keyIdentifier).toString('hex'),
    serialNumber: Buffer.from(serial).toString('hex').replace(/^0+/, ''),
  };
}

/** At most 20 octets (RFC 5280 §4.1.2.2), positive, in as few octets as it needs. */
function isPositiveInteger(octets: Uint8Array): boolean {
  const [first, following] = octets;
  if (first === undefined || octets.length > 21 || first >= 0x80) return false;
  if (first !== 0) return octets.length <= 20;
  return following !== undefined && following >= 0x80;
}

/** The certID of a certificate: what `parseCertId` reads. */
export function formatCertId({ keyIdentifier, serialNumber }: CertId): string {
  const even = serialNumber.length % 2 === 0 ? serialNumber : `0${serialNumber}`;
  const octets = Buffer.from(even, 'hex');
  const signed = (octets[0] ?? 0) >= 0x80 ? Buffer.concat([Uint8Array.of(0), octets]) : octets;
  return `${encodeBase64url(Buffer.from(keyIdentifier, 'hex'))}.${encodeBase64url(signed)}`;
}

/** What the window of a certificate depends on, and nothing else: it is the same on every node. */
export interface WindowInput {
  readonly certificate: {
    readonly notBefore: Date;
    readonly notAfter: Date;
    readonly serialNumber: SerialNumber;
  };
  readonly status: {
    readonly status: CertificateStatus;
    readonly notGoodSince?: Date | undefined;
  };
  /** The open incident that concerns it and ends first. */
  readonly incident?: RenewalIncident | undefined;
  readonly now: Date;
}

/** RFC 9773 §4.2, on whole seconds: `end` always lies after `start`. */
export interface SuggestedWindow {
  readonly start: Date;
  readonly end: Date;
  readonly retryAfterSeconds: number;
}

/**
 * When a certificate should be renewed. In the normal case a thirtieth of its life, two thirds
 * into it. Revoked: wholly in the past, that is at once, unless an incident revoked it that paces the
 * renewals: a hundred thousand at once would get none. An incident: from its start, with ends
 * spread evenly by a hash of the serial number over its pace, never later than normal. A hold
 * changes nothing: whoever renewed would go round it.
 */
export function suggestedWindow(input: WindowInput): SuggestedWindow {
  const { certificate, status, incident, now } = input;
  const notBefore = certificate.notBefore.getTime();
  const notAfter = certificate.notAfter.getTime();
  const life = Math.max(0, notAfter - notBefore);
  // Six hours (§4.3.2); for short lives so often that a change is seen well before the end.
  const retry = Math.min(6 * hour, Math.max(minute, life / 30));
  const retryAfterSeconds = Math.ceil(retry / second);
  const paced = incident?.pacesRevoked === true;
  if (status.status === 'revoked' && !paced) {
    const since = Math.min(status.notGoodSince?.getTime() ?? now.getTime(), now.getTime());
    const end = floor(since) - second;
    return { ...span(end - hour, end), retryAfterSeconds };
  }
  const start = notBefore + (life * 2) / 3;
  const normal = span(start, Math.min(start + Math.max(life / 30, minute), notAfter));
  if (incident === undefined) return { ...normal, retryAfterSeconds };
  const pace = Math.max(0, incident.endsAt.getTime() - incident.startsAt.getTime());
  const begin = incident.startsAt.getTime();
  const early = span(begin, begin + pace * fractionOf(certificate.serialNumber));
  const isEarly = status.status === 'revoked' || early.end < normal.end;
  return { ...(isEarly ? early : normal), retryAfterSeconds };
}

/** RFC 3339 in UTC with whole seconds: what every client's parser reads. */
export function formatTime(time: Date): string {
  return `${time.toISOString().slice(0, -5)}Z`;
}

function floor(time: number): number {
  return Math.floor(time / second) * second;
}

function span(start: number, end: number): { readonly start: Date; readonly end: Date } {
  const first = floor(start);
  return { start: new Date(first), end: new Date(Math.max(floor(end), first + second)) };
}

/** Above 0 and at most 1, even over all serial numbers and always the same for one. */
function fractionOf(serialNumber: SerialNumber): number {
  const hash = createHash('sha256').update(serialNumber, 'ascii').digest();
  return (hash.readUInt32BE(0) + 1) / 2 ** 32;
}
