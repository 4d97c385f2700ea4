import { createHash } from 'node:crypto';

/** `token || '.' || base64url(thumbprint of the account key)` (RFC 8555 §8.1). */
export function keyAuthorization(token: string, thumbprint: string): string {
  return `${token}.${thumbprint}`;
}

/** base64url SHA-256 of a key authorization: the value of dns-01's TXT record (RFC 8555 §8.4). */
export function dnsDigest(authorization: string): string {
  return createHash('sha256').update(authorization, 'ascii').digest('base64url');
}
