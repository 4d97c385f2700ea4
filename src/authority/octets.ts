import { createHash } from 'node:crypto';

/** Whether two DER encodings are the same. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** Lower-case hex SHA-256; text as UTF-8. */
export function sha256(octets: Uint8Array | string): string {
  return createHash('sha256').update(octets).digest('hex');
}
