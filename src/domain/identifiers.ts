import { ChanceryError } from './errors.ts';

/** Lower-case hex of the serialNumber's content octets without leading zeros (RFC 5280 §4.1.2.2). */
export type SerialNumber = string;
/** Lower-case hex SHA-1 of the issuer's subjectPublicKey BIT STRING content (RFC 5280 §4.2.1.2 (1)), stable for good. */
export type IssuerId = string;
/** Lower-case hex CKA_ID of a token key: the same SHA-1 key identifier of its public key. */
export type KeyId = string;
/** One tenant exists so far; every key and query carries it. */
export type TenantId = string;

/**
 * Reads a serial number as a person writes it: hex in any case, colons, blanks and leading zeros ignored.
 *
 * @throws ChanceryError `malformed` when it is not hex, is zero, or is longer than 20 octets (RFC 5280 §4.1.2.2).
 */
export function parseSerialNumber(text: string): SerialNumber {
  const hex = text.trim().toLowerCase().replace(/^0x/, '').replace(/[:\s]/g, '').replace(/^0+/, '');
  if (!/^[0-9a-f]{1,40}$/.test(hex)) {
    throw new ChanceryError('malformed', {
      message: `serial number ${JSON.stringify(text.slice(0, 80))} is not 1 to 20 octets of hex; write it as openssl prints it, for example 1A:2B:3C`,
      field: 'serialNumber',
      clause: 'RFC 5280 §4.1.2.2',
    });
  }
  return hex;
}
