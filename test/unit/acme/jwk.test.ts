import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loadAccountKey, parseJwk, publicJwk, thumbprintOf } from '../../../src/acme/jwk.ts';
import {
  base64url,
  type Jwk,
  type JwsAlgorithm,
  jwsKey,
  keyWithLeadingZero,
} from '../../support/acme-keys.ts';
import { problemOf } from '../../support/acme-problem.ts';

const p256 = jwsKey().jwk;
const rsa = jwsKey('RS256').jwk;
const ed25519 = jwsKey('EdDSA').jwk;

describe('RFC 7638 thumbprints', () => {
  it("RFC 7638 §3.1: the example's", () => {
    const jwk = {
      kty: 'RSA',
      n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
      e: 'AQAB',
      alg: 'RS256',
      kid: '2011-04-29',
    };
    expect(thumbprintOf(publicJwk(jwk))).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs');
    expect(parseJwk(jwk).thumbprint).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs');
  });

  it("RFC 8037 A.3: the Ed25519 example's", () => {
    const jwk = { x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo', kty: 'OKP', crv: 'Ed25519' };
    expect(parseJwk(jwk).thumbprint).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
  });

  it('order and further members do not change it (RFC 7638 §3.2)', () => {
    const turned = Object.fromEntries(Object.entries(p256).toReversed());
    const key = parseJwk({ kid: 'x', x5c: ['y'], use: 'sig', ...turned });
    expect(key.thumbprint).toBe(parseJwk(p256).thumbprint);
    expect(Object.keys(key.jwk)).toEqual(['crv', 'kty', 'x', 'y']);
  });

  it('A29: a coordinate keeps its leading zero, and is refused without it', async () => {
    const { jwk, thumbprint } = keyWithLeadingZero();
    expect(parseJwk(jwk).thumbprint).toBe(thumbprint);
    const name = Buffer.from(jwk['x'] ?? '', 'base64url')[0] === 0 ? 'x' : 'y';
    const short = {
      ...jwk,
      [name]: base64url(Buffer.from(jwk[name] ?? '', 'base64url').subarray(1)),
    };
    expect((await problemOf(() => parseJwk(short))).message).toMatch(/exactly 32 octets/);
  });
});

describe('RFC 8555 §6.2 account keys', () => {
  it.each<[JwsAlgorithm, readonly string[]]>([
    ['ES256', ['ES256']],
    ['ES384', ['ES384']],
    ['ES512', ['ES512']],
    ['RS256', ['RS256', 'PS256']],
    ['EdDSA', ['EdDSA']],
  ])('a key of %s signs with %j and nothing else', (alg, algorithms) => {
    const { jwk } = jwsKey(alg);
    const key = parseJwk(jwk);
    expect(key.algorithms).toEqual(algorithms);
    const spki = createPublicKey({ key: { ...jwk }, format: 'jwk' }).export({
      type: 'spki',
      format: 'der',
    });
    // §11.1: a CSR's SubjectPublicKeyInfo is compared by this hash.
    expect(key.spkiHash).toBe(createHash('sha256').update(spki).digest('hex'));
    expect(loadAccountKey(key.jwk)).toMatchObject({
      thumbprint: key.thumbprint,
      spkiHash: key.spkiHash,
    });
  });

  const octets = (length: number, value = 0xff): string => base64url(Buffer.alloc(length, value));
  const weak = (modulusLength: number): unknown =>
    generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' });
  const bad: Readonly<Record<string, unknown>> = {
    'a text': 'x',
    null: null,
    'a list': [p256],
    'an empty object': {},
    'a symmetric key': { kty: 'oct', k: octets(32) },
    'a private EC key': { ...p256, d: octets(32, 7) },
    'a private RSA key': { ...rsa, d: octets(256, 7) },
    'a prime of the RSA key': { ...rsa, p: octets(128) },
    'a private member that is null': { ...p256, d: null },
    secp256k1: { ...p256, crv: 'secp256k1' },
    'P-384 with coordinates of P-256': { ...p256, crv: 'P-384' },
    X25519: { kty: 'OKP', crv: 'X25519', x: octets(32, 9) },
    'a crv that no text can be made of': { ...p256, crv: { toString: 1, valueOf: 1 } },
    'a kty that no text can be made of': { ...p256, kty: { toString: 1, valueOf: 1 } },
    Ed448: { kty: 'OKP', crv: 'Ed448', x: octets(57, 9) },
    'kty of another case': { ...p256, kty: 'ec' },
    'kty a list': { ...p256, kty: ['EC'] },
    'kty RSA with the members of EC': { ...p256, kty: 'RSA' },
    'kty __proto__': { kty: '__proto__' },
    'no y': { ...p256, y: undefined },
    'x a number': { ...p256, x: 5 },
    'x padded': { ...p256, x: `${p256['x']}=` },
    'x in base64': { ...p256, x: `${'A'.repeat(42)}/8` },
    'x with a zero octet in front': {
      ...p256,
      x: base64url(Buffer.concat([Buffer.alloc(1), Buffer.from(p256['x'] ?? '', 'base64url')])),
    },
    'x of a megabyte': { ...p256, x: 'A'.repeat(1_000_000) },
    'a point off the curve': { ...p256, y: p256['x'] },
    'the point at infinity': { ...p256, x: octets(32, 0), y: octets(32, 0) },
    'a coordinate above the prime': { ...p256, x: octets(32) },
    'Ed25519 of small order': {
      ...ed25519,
      x: base64url(Buffer.from('01'.padEnd(64, '0'), 'hex')),
    },
    'Ed25519 of 31 octets': { ...ed25519, x: octets(31, 1) },
    'RSA of 1024 bits': weak(1024),
    'RSA of 16384 bits (I38)': { ...rsa, n: octets(2048) },
    'RSA with an exponent of 4096 bits (I38)': { ...rsa, e: octets(512) },
    'RSA with exponent 1': { ...rsa, e: 'AQ' },
    'RSA with exponent 3': { ...rsa, e: 'Aw' },
    'RSA with exponent 0': { ...rsa, e: 'AA' },
    'RSA with an empty exponent': { ...rsa, e: '' },
    'RSA with a zero octet before n': {
      ...rsa,
      n: base64url(Buffer.concat([Buffer.alloc(1), Buffer.from(rsa['n'] ?? '', 'base64url')])),
    },
    'RSA with a zero octet before e': { ...rsa, e: 'AAEAAQ' },
    'RSA with an even modulus': { ...rsa, n: octets(256, 0xfe) },
    'RSA with a small factor': { ...rsa, n: octets(256) },
    'a key for encryption': { ...p256, use: 'enc' },
    'a key for another algorithm': { ...p256, alg: 'ES384' },
    'a key that only derives': { ...p256, key_ops: ['deriveKey'] },
  };
  it.each(Object.keys(bad))('I35, I38: badPublicKey for %s', async (name) => {
    const started = process.cpuUsage();
    const problem = await problemOf(() => parseJwk(bad[name]));
    const { user, system } = process.cpuUsage(started);
    expect(problem.type).toBe('badPublicKey');
    expect(problem.status).toBe(400);
    // 50 ms is the bound of I38; a machine under load is given some room.
    expect((user + system) / 1000).toBeLessThan(200);
  });

  it('the detail of a refused private key says that it was given away, and not the key', async () => {
    const secret = octets(32, 7);
    const { message } = await problemOf(() => parseJwk({ ...p256, d: secret }));
    expect(message).toMatch(/given away/);
    expect(message).not.toContain(secret);
  });

  it('a stored key is a key: what is none is refused when it is loaded', async () => {
    const stored: Jwk = { ...p256, y: p256['x'] ?? '' };
    expect((await problemOf(() => loadAccountKey(stored))).type).toBe('badPublicKey');
  });
});
