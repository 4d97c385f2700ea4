import { sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseJwk } from '../../../src/acme/jwk.ts';
import { type ParsedJws, parseJws, verifyJws } from '../../../src/acme/jws.ts';
import {
  base64url,
  encodePayload,
  type FlattenedJws,
  type JwsAlgorithm,
  jwsKey,
  signJws,
} from '../../support/acme-keys.ts';
import { problemOf } from '../../support/acme-problem.ts';
import { jwsDefects } from '../../vectors/jws-defects.ts';

const key = jwsKey();
const header = {
  alg: 'ES256',
  nonce: 'bm9uY2U',
  url: 'https://a.test/x',
  kid: 'https://a.test/acme/default/account/1',
};
const octets = (body: unknown): Uint8Array =>
  body instanceof Uint8Array
    ? body
    : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
const read = (body: unknown): ParsedJws => parseJws(octets(body), { nonce: 'required' });

describe('RFC 8555 §6.2 (A2, A3, A4, I37): refused', () => {
  it.each(jwsDefects.map((one) => [one.defect, one] as const))('%s', async (_, row) => {
    let jws: FlattenedJws = signJws(key, { ...header, ...row.header }, { contact: [] });
    if (row.headerText !== undefined) jws = { ...jws, protected: base64url(row.headerText) };
    const problem = await problemOf(() => read(row.body === undefined ? jws : row.body(jws)));
    expect(problem.type).toBe(row.type);
    expect(problem.message).toMatch(row.says);
    if (row.type === 'badSignatureAlgorithm') {
      expect(problem.document.algorithms).toEqual([
        'ES256',
        'ES384',
        'ES512',
        'RS256',
        'PS256',
        'EdDSA',
      ]);
      expect(problem.status).toBe(400);
    }
  });
});

describe('RFC 8555 §6.2 (A3): read', () => {
  it('kid, nonce, url and payload come out as they were signed', () => {
    const jws = read(signJws(key, header, { contact: [] }));
    expect(jws).toMatchObject(header);
    expect(Buffer.from(jws.payload).toString()).toBe('{"contact":[]}');
    expect(jws.jwk).toBeUndefined();
  });

  it('POST-as-GET has an empty payload (A6)', () => {
    expect(read(signJws(key, header, '')).payload).toHaveLength(0);
  });

  it('white space, order of members and unknown header parameters do not matter', () => {
    const {
      signature,
      payload,
      protected: head,
    } = signJws(key, { ...header, typ: 'x', jku: 'y' }, '');
    expect(read(JSON.stringify({ signature, payload, protected: head }, null, 2)).url).toBe(
      header.url,
    );
  });

  it('the inner JWS of a key change has no nonce (§7.3.5)', async () => {
    const { nonce: _, ...inner } = { ...header, kid: undefined, jwk: key.jwk };
    const without = octets(signJws(key, inner, {}));
    expect(parseJws(without, { nonce: 'forbidden' }).nonce).toBeUndefined();
    const withNonce = octets(signJws(key, { ...inner, nonce: header.nonce }, {}));
    expect((await problemOf(() => parseJws(withNonce, { nonce: 'forbidden' }))).type).toBe(
      'malformed',
    );
  });
});

describe('RFC 8555 §6.2 (A4): signatures', () => {
  const sizes: Readonly<Record<JwsAlgorithm, number>> = {
    ES256: 64,
    ES384: 96,
    ES512: 132,
    RS256: 256,
    PS256: 256,
    EdDSA: 64,
  };
  it.each(Object.entries(sizes))(
    '%s verifies, and nothing that was changed does',
    async (alg, size) => {
      const signer = jwsKey(alg as JwsAlgorithm);
      const account = parseJwk(signer.jwk);
      const right = signJws(signer, { ...header, alg }, { a: 1 });
      await expect(verifyJws(read(right), account)).resolves.toBeUndefined();
      const bytes = Buffer.from(right.signature, 'base64url');
      expect(bytes).toHaveLength(size);
      const flipped = Buffer.from(bytes);
      flipped[9] = (flipped[9] ?? 0) ^ 1;
      for (const wrong of [
        { ...right, signature: base64url(flipped) },
        { ...right, signature: base64url(bytes.subarray(1)) },
        { ...right, signature: base64url(Buffer.concat([bytes, bytes])) },
        { ...right, signature: base64url(Buffer.alloc(size)) },
        { ...right, payload: encodePayload({ a: 2 }) },
        {
          ...right,
          protected: base64url(JSON.stringify({ ...header, alg, url: 'https://b.test' })),
        },
        signJws(jwsKey(alg as JwsAlgorithm), { ...header, alg }, { a: 1 }),
      ]) {
        const problem = await problemOf(async () => verifyJws(read(wrong), account));
        expect(problem.type).toBe('malformed');
        expect(problem.message).toMatch(/does not verify/);
      }
    },
  );

  it('I37: the header does not choose how a key is used', async () => {
    for (const [signer, alg] of [
      ['ES256', 'ES384'],
      ['ES256', 'ES512'],
      ['ES384', 'ES256'],
      ['ES256', 'RS256'],
      ['ES256', 'EdDSA'],
      ['RS256', 'ES256'],
      ['EdDSA', 'ES256'],
      ['EdDSA', 'PS256'],
    ] as const) {
      const other = jwsKey(signer);
      const jws = {
        ...signJws(other, { ...header, alg: signer }, {}),
        protected: base64url(JSON.stringify({ ...header, alg })),
      };
      const problem = await problemOf(async () => verifyJws(read(jws), parseJwk(other.jwk)));
      expect(problem.type).toBe('badSignatureAlgorithm');
      expect(problem.document.algorithms).toEqual(parseJwk(other.jwk).algorithms);
    }
  });

  it('a DER signature is no JWS signature (RFC 7518 §3.4)', async () => {
    const jws = signJws(key, header, {});
    const der = sign('sha256', Buffer.from(`${jws.protected}.${jws.payload}`), key.privateKey);
    const problem = await problemOf(async () =>
      verifyJws(read({ ...jws, signature: base64url(der) }), parseJwk(key.jwk)),
    );
    expect(problem.type).toBe('malformed');
  });
});
