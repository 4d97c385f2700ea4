import { expect, it } from 'vitest';
import { dnsDigest, keyAuthorization } from '../../../src/acme/challenge.ts';

it('RFC 8555 §8.1: the key authorization is token, dot, thumbprint', () => {
  expect(keyAuthorization('token', 'thumbprint')).toBe('token.thumbprint');
});

it('RFC 8555 §8.4, I32: the TXT value is base64url of the SHA-256 of the key authorization', () => {
  const authorization = 'DGyRejmCefe7v4NfDGDKfA.NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs';
  // From printf '%s' … | openssl dgst -sha256 -binary | basenc --base64url
  expect(dnsDigest(authorization)).toBe('Bs72Q7B-BSSQo4oDjA2qBR07GB6sc3hiG9zqaqvHx7U');
});
