/** RFC 8555 §6.2: who may say what, and in which form (A1 to A5, I37, I38). */
import { generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { AcmeClient, type Answer, expectProblem, headerOf } from '../support/acme-client.ts';
import {
  base64url,
  type FlattenedJws,
  type JwsAlgorithm,
  jwsKey,
  signJws,
} from '../support/acme-keys.ts';
import { acmeUnderTest } from '../support/acme-under-test.ts';

const under = await acmeUnderTest('acme-6-2');
const client = under.client();
let newOrder = '';
let newAccount = '';
const payload = { identifiers: [{ type: 'dns', value: 'a.example.test' }] };

beforeAll(async () => {
  await client.register();
  ({ newOrder, newAccount } = await client.directory());
});

async function orders(): Promise<number> {
  const [row] = await under.authority.sql('SELECT count(*)::int AS n FROM acme_orders');
  return Number(row?.['n']);
}

async function accounts(): Promise<number> {
  const [row] = await under.authority.sql('SELECT count(*)::int AS n FROM acme_accounts');
  return Number(row?.['n']);
}

/** Refused, and nothing came of it. */
async function refused(answer: Promise<Answer>, status: number, type: string): Promise<void> {
  const before = [await orders(), await accounts()];
  expectProblem(await answer, status, type);
  expect([await orders(), await accounts()]).toEqual(before);
}

describe('A1 content type', () => {
  it.each([
    undefined,
    '',
    'application/json',
    'application/jose',
    'text/plain',
    'application/jose+jsonx',
  ])('%s: 415', async (contentType) => {
    const answer = await client.post(newOrder, payload, { contentType });
    expect(answer.status).toBe(415);
  });

  it('the right one in any case, with parameters, is the right one', async () => {
    for (const contentType of ['Application/JOSE+JSON', 'application/jose+json; charset=utf-8']) {
      expect((await client.post(newOrder, payload, { contentType })).status).toBe(201);
    }
  });
});

describe('A2 flattened JSON, one signature, nothing unprotected, nothing detached', () => {
  const bodies: Readonly<Record<string, (jws: FlattenedJws) => unknown>> = {
    'general serialization': (jws) => ({
      payload: jws.payload,
      signatures: [{ protected: jws.protected, signature: jws.signature }],
    }),
    'signatures beside signature': (jws) => ({
      ...jws,
      signatures: [{ protected: jws.protected, signature: jws.signature }],
    }),
    'compact serialization': (jws) => `${jws.protected}.${jws.payload}.${jws.signature}`,
    'compact serialization as a JSON string': (jws) =>
      JSON.stringify(`${jws.protected}.${jws.payload}.${jws.signature}`),
    'unprotected header': (jws) => ({ ...jws, header: { kid: 'x' } }),
    'empty unprotected header': (jws) => ({ ...jws, header: {} }),
    'payload missing': (jws) => ({ ...jws, payload: undefined }),
    'payload null': (jws) => ({ ...jws, payload: null }),
    'payload an object': (jws) => ({ ...jws, payload: {} }),
    'payload padded': (jws) => ({ ...jws, payload: `${jws.payload}=` }),
    'payload in base64 with a plus': (jws) => ({ ...jws, payload: `${jws.payload}+a` }),
    'protected missing': (jws) => ({ ...jws, protected: undefined }),
    'protected empty': (jws) => ({ ...jws, protected: '' }),
    'protected not base64url': (jws) => ({ ...jws, protected: `${jws.protected}!` }),
    'protected padded': (jws) => ({ ...jws, protected: `${jws.protected}==` }),
    'protected a JSON array': (jws) => ({ ...jws, protected: base64url('[]') }),
    'protected no JSON': (jws) => ({ ...jws, protected: base64url('{"alg"') }),
    'protected not UTF-8': (jws) => ({
      ...jws,
      protected: base64url(Buffer.from([0x7b, 0xff, 0x7d])),
    }),
    'signature missing': (jws) => ({ ...jws, signature: undefined }),
    'signature a number': (jws) => ({ ...jws, signature: 7 }),
    'signature padded': (jws) => ({ ...jws, signature: `${jws.signature}==` }),
    'an array of JWS': (jws) => [jws],
    null: () => null,
    'no JSON': () => '{"protected":',
    nothing: () => '',
    'deep nesting': () => '['.repeat(5000),
  };
  it.each(Object.keys(bodies))('%s', async (name) => {
    await refused(client.post(newOrder, payload, { body: bodies[name] }), 400, 'malformed');
  });

  it('b64=false (RFC 7797), and any other critical header', async () => {
    for (const header of [
      { b64: false, crit: ['b64'] },
      { b64: false },
      { crit: ['exp'], exp: 1 },
      { crit: [] },
    ]) {
      await refused(client.post(newOrder, payload, { header }), 400, 'malformed');
    }
  });

  it('a header member given twice', async () => {
    const nonce = await client.nonce();
    const body = (jws: FlattenedJws): unknown => ({
      ...jws,
      protected: base64url(
        `{"alg":"none","alg":"ES256","kid":"${client.kid}","nonce":"${nonce}","url":"${newOrder}"}`,
      ),
    });
    const answer = await client.post(newOrder, payload, { header: { nonce }, body });
    expect(answer.status).toBe(400);
  });

  it('I38: a megabyte of header is refused before anything is computed', async () => {
    const started = performance.now();
    const answer = await client.post(newOrder, payload, { header: { x: 'a'.repeat(1_000_000) } });
    expect([400, 413]).toContain(answer.status);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe('A3 alg, nonce, url, and one of jwk and kid', () => {
  it.each([
    ['no alg', { alg: undefined }],
    ['alg a number', { alg: 256 }],
    ['no url', { url: undefined }],
    ['url a list', { url: ['https://x'] }],
    ['neither jwk nor kid', { kid: undefined }],
    ['kid a number', { kid: 1 }],
    ['kid empty', { kid: '' }],
    ['nonce a number', { nonce: 7 }],
  ])('%s', async (_, header) => {
    await refused(client.post(newOrder, payload, { header }), 400, 'malformed');
  });

  it('both jwk and kid, at newAccount, newOrder and revokeCert', async () => {
    const { revokeCert } = await client.directory();
    const header = { jwk: client.key.jwk, kid: client.kid };
    for (const url of [newOrder, newAccount, revokeCert]) {
      await refused(client.post(url, payload, { header }), 400, 'malformed');
    }
  });
});

describe('A4 algorithms and keys', () => {
  it.each<JwsAlgorithm>(['ES256', 'ES384', 'ES512', 'RS256', 'PS256', 'EdDSA'])(
    '%s is supported',
    async (alg) => {
      const other = under.client('default', jwsKey(alg));
      expect((await other.register()).status).toBe(201);
      expect((await other.newOrder(['b.example.test'])).status).toBe(201);
    },
  );

  it.each(['none', 'None', 'HS256', 'HS384', 'HS512', 'ES256K', 'RS1', 'RSA1_5', 'dir', ''])(
    'alg %s is refused with the list of those supported',
    async (alg) => {
      for (const url of [newOrder, newAccount]) {
        const answer = await client.post(url, payload, {
          header: { alg },
          jwk: url === newAccount,
        });
        const problem = expectProblem(
          answer,
          400,
          alg === '' ? 'malformed' : 'badSignatureAlgorithm',
        );
        if (alg === '') continue;
        expect(problem.algorithms).toEqual(
          expect.arrayContaining(['ES256', 'ES384', 'ES512', 'RS256', 'PS256', 'EdDSA']),
        );
        expect(problem.algorithms?.filter((one) => /^(none|HS)/i.test(one))).toEqual([]);
      }
    },
  );

  it('I37: an algorithm that is not of the key is refused', async () => {
    const rsa = jwsKey('RS256');
    for (const [key, alg] of [
      [client.key, 'ES384'],
      [client.key, 'RS256'],
      [client.key, 'EdDSA'],
      [rsa, 'ES256'],
      [rsa, 'EdDSA'],
    ] as const) {
      const answer = await under
        .client('default', key)
        .post(newAccount, {}, { jwk: true, header: { alg } });
      expect(answer.status, alg).toBe(400);
    }
  });

  it('a signature of another key, a flipped bit, a DER signature, a cut one: refused', async () => {
    const other = jwsKey();
    const flip = (jws: FlattenedJws): FlattenedJws => {
      const bytes = Buffer.from(jws.signature, 'base64url');
      bytes[9] = (bytes[9] ?? 0) ^ 1;
      return { ...jws, signature: base64url(bytes) };
    };
    for (const change of [
      { key: other },
      { body: flip },
      { body: (jws: FlattenedJws) => ({ ...jws, signature: '' }) },
      { body: (jws: FlattenedJws) => ({ ...jws, signature: base64url(Buffer.alloc(64)) }) },
      { body: (jws: FlattenedJws) => ({ ...jws, signature: jws.signature.slice(0, -6) }) },
      { body: (jws: FlattenedJws) => ({ ...jws, payload: base64url('{"identifiers":[]}') }) },
    ]) {
      const before = await orders();
      const answer = await client.post(newOrder, payload, change);
      expect([400, 401, 403]).toContain(answer.status);
      expect(await orders()).toBe(before);
    }
  });

  const p256 = jwsKey().jwk;
  const badKeys: Readonly<Record<string, unknown>> = {
    'RSA of 1024 bits': weakRsa(1024),
    'RSA with exponent 3': { ...jwsKey('RS256').jwk, e: 'Aw' },
    'RSA of 16384 bits': { kty: 'RSA', e: 'AQAB', n: base64url(Buffer.alloc(2048, 0xff)) },
    'RSA with an exponent of 4096 bits': {
      ...jwsKey('RS256').jwk,
      e: base64url(Buffer.alloc(512, 0xff)),
    },
    'RSA with an even modulus': { ...jwsKey('RS256').jwk, n: base64url(Buffer.alloc(256, 0xfe)) },
    'EC point off the curve': { ...p256, y: p256['x'] },
    'EC with a short coordinate': { ...p256, x: 'AQ' },
    'EC of another curve': { ...p256, crv: 'secp256k1' },
    'a symmetric key': { kty: 'oct', k: base64url('secret') },
    'a private member': { ...p256, d: base64url(Buffer.alloc(32, 7)) },
    'no kty': { crv: p256['crv'], x: p256['x'], y: p256['y'] },
    X25519: { kty: 'OKP', crv: 'X25519', x: base64url(Buffer.alloc(32, 9)) },
    'coordinates in numbers': { ...p256, x: 5 },
    'padded coordinates': { ...p256, x: `${p256['x']}=` },
  };
  it.each(Object.keys(badKeys))('I35, I38: badPublicKey for %s, quickly', async (name) => {
    const started = performance.now();
    const answer = await client.post(
      newAccount,
      {},
      { header: { kid: undefined, jwk: badKeys[name] } },
    );
    expectProblem(answer, 400, 'badPublicKey');
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it.each([['a string'], [[]], [null], [7]])('jwk %j is no key', async (jwk) => {
    const answer = await client.post(newAccount, {}, { header: { kid: undefined, jwk } });
    expect(answer.status).toBe(400);
  });
});

describe('A5 jwk for newAccount, kid for all else', () => {
  it('jwk is refused where an account must sign', async () => {
    const { order, url } = await client.order(['c.example.test']);
    const { keyChange, newAuthz } = await client.directory();
    const [authorization] = await client.authorizations(order);
    for (const target of [
      ...[newOrder, keyChange, newAuthz ?? newOrder, client.kid, `${client.kid}/orders`, url],
      ...[order.finalize, order.authorizations[0] ?? '', authorization?.challenges[0]?.url ?? ''],
    ]) {
      const answer = await client.post(target, {}, { jwk: true });
      expect([400, 401, 403], target).toContain(answer.status);
    }
    // "EAB bypass by JWK-signed new-order": not even where the key is an account's.
    await refused(client.post(newOrder, payload, { jwk: true }), 400, 'malformed');
  });

  it('kid is refused at newAccount', async () => {
    await refused(client.post(newAccount, {}), 400, 'malformed');
  });

  it('a kid that is no account of this directory', async () => {
    const other = under.client('eab');
    const eabUrl = (await other.directory()).newOrder;
    for (const kid of [
      client.kid.replace(/[^/]+$/, 'AAAAAAAAAAAAAAAAAAAAAA'),
      client.kid.replace('/default/', '/eab/'),
      client.kid.replace('https://', 'http://'),
      `${client.kid}/`,
      'https://elsewhere.example/acme/default/account/AAAAAAAAAAAAAAAAAAAAAA',
      client.kid.split('/').at(-1),
      '../../etc/passwd',
    ]) {
      const answer = await client.post(newOrder, payload, { header: { kid } });
      expect([400, 401], kid).toContain(answer.status);
      expect(JSON.parse(answer.text).type, kid).toMatch(
        /:(accountDoesNotExist|malformed|unauthorized)$/,
      );
    }
    // An account of one directory is nobody in another.
    const answer = await client.post(eabUrl, payload, { header: { url: eabUrl } });
    expect([400, 401]).toContain(answer.status);
  });

  it("another account's kid with one's own key", async () => {
    const other = under.client();
    await other.register();
    const answer = await other.post(newOrder, payload, { header: { kid: client.kid } });
    expect([400, 401, 403]).toContain(answer.status);
  });
});

it('a request that another client made independently is taken (RFC 7515 §5.1)', async () => {
  const key = jwsKey();
  const url = newAccount;
  const fresh = new AcmeClient(under.transport, under.directoryUrl());
  const header = { alg: 'ES256', jwk: key.jwk, nonce: await fresh.nonce(), url };
  const jws = signJws(key, header, { contact: [] });
  const answer = await fresh.send({
    method: 'POST',
    url,
    contentType: 'application/jose+json',
    // White space and member order are JSON's business.
    body: JSON.stringify(
      { signature: jws.signature, payload: jws.payload, protected: jws.protected },
      null,
      2,
    ),
  });
  expect(answer.status, answer.text).toBe(201);
  expect(headerOf(answer, 'location')).toMatch(/^https:/);
});

function weakRsa(modulusLength: number): unknown {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength });
  return publicKey.export({ format: 'jwk' });
}
