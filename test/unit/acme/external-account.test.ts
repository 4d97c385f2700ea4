import { describe, expect, it } from 'vitest';
import {
  macKey,
  parseExternalAccountBinding,
  secretId,
} from '../../../src/acme/external-account.ts';
import {
  base64url,
  encodePayload,
  externalAccountBinding,
  type FlattenedJws,
  jwsKey,
  signJws,
} from '../../support/acme-keys.ts';
import { problemOf } from '../../support/acme-problem.ts';

const secret = Buffer.alloc(32, 7);
const url = 'https://ca.test:8443/acme/eab/new-account';
const { jwk } = jwsKey();
const kid = 'kid-1';
const key = macKey(secret, kid);
const credential = { kid, hmacKey: base64url(key) };
const expected = { url, jwk };

describe('the MAC key of a credential', () => {
  it('is 32 octets of the installation secret and the kid, and differs with either', () => {
    expect(key).toHaveLength(32);
    expect(macKey(secret, kid)).toEqual(key);
    expect(macKey(secret, 'kid-2')).not.toEqual(key);
    expect(macKey(Buffer.alloc(32, 8), kid)).not.toEqual(key);
  });

  it('is pinned: a credential that was given out goes on after an update', () => {
    // From printf 'chancery eab v1\0kid-1' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0707…07
    expect(Buffer.from(key).toString('hex')).toBe(
      '0f579ac4d83d5624dfd2fec5e964fd3d374b164941790aea3af9b98d96c45d47',
    );
    expect(secretId(secret)).toBe('704450335040f68c');
  });

  it('the name of a secret gives nothing of it away', () => {
    expect(secretId(secret)).toMatch(/^[0-9a-f]{16}$/);
    expect(secretId(Buffer.alloc(32, 8))).not.toBe(secretId(secret));
  });
});

describe('RFC 8555 §7.3.4 (A18, I41)', () => {
  it.each(['HS256', 'HS384', 'HS512'])(
    '%s by the right key verifies, and is kept verbatim',
    async (alg) => {
      const document = externalAccountBinding(credential, url, jwk, { header: { alg } });
      const binding = parseExternalAccountBinding(document, expected);
      expect(binding).toMatchObject({ kid, alg, document });
      await expect(binding.verify(key)).resolves.toBe(true);
      await expect(binding.verify(macKey(secret, 'kid-2'))).resolves.toBe(false);
    },
  );

  it('the payload may hold the key with further members and in another order', async () => {
    const payload = Object.fromEntries(Object.entries({ ...jwk, use: 'sig' }).toReversed());
    const document = externalAccountBinding(credential, url, jwk, { payload });
    await expect(parseExternalAccountBinding(document, expected).verify(key)).resolves.toBe(true);
  });

  it('a MAC of another hash, a cut one and one over another payload do not verify', async () => {
    const right = externalAccountBinding(credential, url, jwk);
    const cut = base64url(Buffer.from(right.signature, 'base64url').subarray(0, 16));
    const respelled = encodePayload({ ...jwk, use: 'sig' });
    for (const document of [
      externalAccountBinding(credential, url, jwk, { digest: 'sha512' }),
      externalAccountBinding(credential, url, jwk, { decode: false }),
      { ...right, signature: cut },
      { ...right, signature: base64url(Buffer.alloc(32)) },
      { ...right, payload: respelled },
    ]) {
      const binding = parseExternalAccountBinding(document, expected);
      await expect(binding.verify(key)).resolves.toBe(false);
    }
  });

  const other = jwsKey();
  const made = (change: Parameters<typeof externalAccountBinding>[3]): FlattenedJws =>
    externalAccountBinding(credential, url, jwk, change);
  it.each<[string, unknown, string]>([
    ['a text', 'x', 'malformed'],
    ['null', null, 'malformed'],
    ['an empty MAC', { ...made({}), signature: '' }, 'malformed'],
    [
      'alg none with an empty MAC',
      { ...made({ header: { alg: 'none' }, digest: 'sha256' }), signature: '' },
      'badSignatureAlgorithm',
    ],
    ['an unprotected header', { ...made({}), header: {} }, 'malformed'],
    ['no payload', { ...made({}), payload: undefined }, 'malformed'],
    [
      'alg none',
      { ...made({}), protected: base64url(JSON.stringify({ alg: 'none', kid, url })) },
      'badSignatureAlgorithm',
    ],
    [
      'a signature of the account key',
      signJws(other, { alg: 'ES256', kid, url }, jwk),
      'badSignatureAlgorithm',
    ],
    ['no alg', made({ header: { alg: undefined }, digest: 'sha256' }), 'malformed'],
    ['no kid', made({ header: { kid: undefined } }), 'malformed'],
    ['a kid that is a number', made({ header: { kid: 1 } }), 'malformed'],
    ['an empty kid', made({ header: { kid: '' } }), 'malformed'],
    ['a nonce', made({ header: { nonce: 'AAAA' } }), 'malformed'],
    ['a jwk', made({ header: { jwk } }), 'malformed'],
    ['crit', made({ header: { crit: ['x'] } }), 'malformed'],
    ['no url', made({ header: { url: undefined } }), 'malformed'],
    [
      'the url of another directory',
      made({ header: { url: url.replace('/eab/', '/default/') } }),
      'unauthorized',
    ],
    ['the key of another account', made({ payload: other.jwk }), 'malformed'],
    ['an empty payload', made({ payload: '' }), 'malformed'],
    ['a payload that is no key', made({ payload: { kty: 'oct', k: 'AAAA' } }), 'badPublicKey'],
  ])('refused: %s', async (_, document, type) => {
    const problem = await problemOf(() => parseExternalAccountBinding(document, expected));
    expect(problem.type).toBe(type);
  });
});
