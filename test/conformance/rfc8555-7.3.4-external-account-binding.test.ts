/** RFC 8555 §7.3.4: what binds an account, and what does not (A18, I41). */
import { beforeAll, describe, expect, it } from 'vitest';
import { type AcmeClient, type Answer, expectProblem, json } from '../support/acme-client.ts';
import { csr } from '../support/acme-csr.ts';
import {
  base64url,
  externalAccountBinding,
  type FlattenedJws,
  jwsKey,
} from '../support/acme-keys.ts';
import { acmeUnderTest, type Credential } from '../support/acme-under-test.ts';

const under = await acmeUnderTest('acme-7-3-4');
let newAccount = '';
let credential: Credential = { kid: '', hmacKey: '' };

beforeAll(async () => {
  ({ newAccount } = await under.client('eab').directory());
  credential = await under.credential();
});

async function bindWith(client: AcmeClient, binding: unknown, url = newAccount): Promise<Answer> {
  return client.post(url, { externalAccountBinding: binding }, { jwk: true });
}

/** Refused, no account there, nothing counted for the credential. */
async function refused(
  client: AcmeClient,
  answer: Answer,
  type = 'unauthorized|malformed|badSignatureAlgorithm|badPublicKey',
): Promise<void> {
  expect(answer.status, answer.text).toBeGreaterThanOrEqual(400);
  expect(answer.status, answer.text).toBeLessThan(500);
  expect(json<{ type: string }>(answer).type).toMatch(new RegExp(`:(${type})$`));
  const looked = await client.post(newAccount, { onlyReturnExisting: true }, { jwk: true });
  expectProblem(looked, 400, 'accountDoesNotExist');
}

describe('A18 the binding', () => {
  it.each(['HS256', 'HS384', 'HS512'])(
    '%s by the right key: 201, returned verbatim',
    async (alg) => {
      const client = under.client('eab');
      const binding = externalAccountBinding(credential, newAccount, client.key.jwk, {
        header: { alg },
      });
      const answer = await bindWith(client, binding);
      expect(answer.status, answer.text).toBe(201);
      expect(json<Record<string, unknown>>(answer)['externalAccountBinding']).toEqual(binding);
      client.kid = String(answer.headers['location']);
      const account = await client.fetch<Record<string, unknown>>(client.kid);
      expect(account['externalAccountBinding']).toEqual(binding);
      expect((await client.newOrder(['a.example.test'])).status).toBe(201);
    },
  );

  it('the account key in another member order is the same key', async () => {
    const client = under.client('eab');
    const { x, y, crv, kty } = client.key.jwk;
    const payload = { y, x, kty, crv };
    const binding = externalAccountBinding(credential, newAccount, client.key.jwk, { payload });
    expect((await bindWith(client, binding)).status).toBe(201);
  });

  it('missing where it is required: externalAccountRequired', async () => {
    const client = under.client('eab');
    for (const payload of [{}, { externalAccountBinding: undefined }]) {
      expectProblem(await client.post(newAccount, payload), 403, 'externalAccountRequired');
    }
    for (const binding of [null, false, '', [], 7, {}]) {
      const answer = await bindWith(client, binding);
      await refused(client, answer, 'malformed|externalAccountRequired');
    }
  });

  it('an existing account is found without one (§7.3.1)', async () => {
    const client = under.client('eab');
    await client.register({
      externalAccountBinding: externalAccountBinding(credential, newAccount, client.key.jwk),
    });
    expect(
      (await client.post(newAccount, { onlyReturnExisting: true }, { jwk: true })).status,
    ).toBe(200);
    expect((await client.post(newAccount, {}, { jwk: true })).status).toBe(200);
  });

  const other = jwsKey();
  const wrong: Readonly<Record<string, (client: AcmeClient) => unknown>> = {
    'an unknown kid': ({ key }) =>
      externalAccountBinding({ ...credential, kid: 'nobody' }, newAccount, key.jwk),
    'a MAC by another key': ({ key }) =>
      externalAccountBinding(
        { ...credential, hmacKey: base64url(Buffer.alloc(32, 1)) },
        newAccount,
        key.jwk,
      ),
    'a MAC by the text of the key': ({ key }) =>
      externalAccountBinding(credential, newAccount, key.jwk, { decode: false }),
    'an empty MAC key': ({ key }) =>
      externalAccountBinding({ ...credential, hmacKey: '' }, newAccount, key.jwk),
    'another account key': () => externalAccountBinding(credential, newAccount, other.jwk),
    'the same coordinates, other curve': ({ key }) =>
      externalAccountBinding(credential, newAccount, { ...key.jwk, crv: 'P-384' }),
    'another url': ({ key }) =>
      externalAccountBinding(credential, newAccount.replace('new-account', 'new-order'), key.jwk),
    "another directory's url": ({ key }) =>
      externalAccountBinding(credential, newAccount.replace('/eab/', '/default/'), key.jwk),
    'no url': ({ key }) =>
      externalAccountBinding(credential, newAccount, key.jwk, { header: { url: undefined } }),
    'a nonce': ({ key }) =>
      externalAccountBinding(credential, newAccount, key.jwk, { header: { nonce: 'AAAA' } }),
    'alg none': ({ key }) => ({
      ...externalAccountBinding(credential, newAccount, key.jwk, {
        header: { alg: 'none' },
        digest: 'sha256',
      }),
      signature: '',
    }),
    'alg ES256 signed by the account key': ({ key }) =>
      externalAccountBinding(credential, newAccount, key.jwk, {
        header: { alg: 'ES256' },
        digest: 'sha256',
      }),
    'a jwk beside the kid': ({ key }) =>
      externalAccountBinding(credential, newAccount, key.jwk, { header: { jwk: key.jwk } }),
    'a crit header': ({ key }) =>
      externalAccountBinding(credential, newAccount, key.jwk, {
        header: { crit: ['b64'], b64: true },
      }),
    'a MAC cut short': ({ key }) => cut(externalAccountBinding(credential, newAccount, key.jwk)),
    'an empty MAC': ({ key }) => ({
      ...externalAccountBinding(credential, newAccount, key.jwk),
      signature: '',
    }),
    'an unprotected header': ({ key }) => ({
      ...externalAccountBinding(credential, newAccount, key.jwk),
      header: {},
    }),
    'an empty payload': ({ key }) =>
      externalAccountBinding(credential, newAccount, key.jwk, { payload: '' }),
    'a private key as payload': ({ key }) =>
      externalAccountBinding(credential, newAccount, key.jwk, { payload: { ...key.jwk, d: 'AA' } }),
    'a kid with a wildcard': ({ key }) =>
      externalAccountBinding({ ...credential, kid: '%' }, newAccount, key.jwk),
  };
  it.each(Object.keys(wrong))('I41: %s is refused', async (name) => {
    const client = under.client('eab');
    await refused(client, await bindWith(client, wrong[name]?.(client)));
  });

  it('nobody learns from the answer whether a kid exists', async () => {
    const client = under.client('eab');
    const unknown = await bindWith(client, wrong['an unknown kid']?.(client));
    const badMac = await bindWith(client, wrong['a MAC by another key']?.(client));
    const blank = (answer: Answer): string =>
      answer.text.replaceAll(credential.kid, 'KID').replaceAll('nobody', 'KID');
    expect([unknown.status, blank(unknown)]).toEqual([badMac.status, blank(badMac)]);
  });

  it('I41: a binding of one account is no binding for another, and single use is one account', async () => {
    const once = await under.credential({ singleUse: true });
    const first = under.client('eab');
    const binding = externalAccountBinding(once, newAccount, first.key.jwk);
    expect((await bindWith(first, binding)).status).toBe(201);
    const thief = under.client('eab');
    await refused(thief, await bindWith(thief, binding));
    const second = under.client('eab');
    await refused(
      second,
      await bindWith(second, externalAccountBinding(once, newAccount, second.key.jwk)),
    );
  });

  it('I41: of five that use a single-use credential at once, one gets through', async () => {
    const once = await under.credential({ singleUse: true });
    const answers = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const client = under.client('eab');
        return bindWith(client, externalAccountBinding(once, newAccount, client.key.jwk));
      }),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  });

  it("I41: another directory's credential", async () => {
    const elsewhere = await under.credential({ directory: 'default' });
    const client = under.client('eab');
    await refused(
      client,
      await bindWith(client, externalAccountBinding(elsewhere, newAccount, client.key.jwk)),
    );
  });

  it('I41: expired, it binds no more, and accounts that are bound go on', async () => {
    const short = await under.credential({ days: 1 });
    const before = under.client('eab');
    await before.register({
      externalAccountBinding: externalAccountBinding(short, newAccount, before.key.jwk),
    });
    under.clock.advance(86_401);
    const after = under.client('eab');
    await refused(
      after,
      await bindWith(after, externalAccountBinding(short, newAccount, after.key.jwk)),
    );
    expect((await before.newOrder(['goes-on.example.test'])).status).toBe(201);
  });

  it('I41: revoked, it binds no more and stops its accounts', async () => {
    const revoked = await under.credential();
    const bound = under.client('eab');
    await bound.register({
      externalAccountBinding: externalAccountBinding(revoked, newAccount, bound.key.jwk),
    });
    const { order } = await bound.order(['r.example.test']);
    await bound.authorize(order);
    await under.revokeCredential(revoked.kid);
    const names = ['r.example.test'];
    expectProblem(await bound.finalize(order, csr(names).der), 401, 'unauthorized');
    expectProblem(await bound.newOrder(names), 401, 'unauthorized');
    expectProblem(await bound.get(bound.kid), 401, 'unauthorized');
    const after = under.client('eab');
    await refused(
      after,
      await bindWith(after, externalAccountBinding(revoked, newAccount, after.key.jwk)),
    );
  });

  it('where it is optional a given one is verified, and a wrong one refused', async () => {
    const { newAccount: url } = await under.client().directory();
    const optional = await under.credential({ directory: 'default' });
    const client = under.client();
    const wrongKey = { ...optional, hmacKey: base64url(Buffer.alloc(32, 2)) };
    const bad = await bindWith(client, externalAccountBinding(wrongKey, url, client.key.jwk), url);
    expect(bad.status).toBeGreaterThanOrEqual(400);
    const binding = externalAccountBinding(optional, url, client.key.jwk);
    const good = await bindWith(client, binding, url);
    expect(good.status, good.text).toBe(201);
    expect(json<Record<string, unknown>>(good)['externalAccountBinding']).toEqual(binding);
  });
});

describe('what a credential grants', () => {
  async function bound(options: Parameters<typeof under.credential>[0]): Promise<AcmeClient> {
    const made = await under.credential(options);
    const client = under.client('eab');
    await client.register({
      externalAccountBinding: externalAccountBinding(made, newAccount, client.key.jwk),
    });
    return client;
  }

  it('names outside it are rejectedIdentifier, each named; wildcards only where it says so', async () => {
    const client = await bound({ allow: ['in.example', '*.wild.example', '10.0.0.0/8'] });
    for (const name of ['in.example', 'a.in.example', '*.wild.example', 'a.wild.example']) {
      expect((await client.newOrder([name])).status, name).toBe(201);
    }
    expect((await client.newOrder([{ type: 'ip', value: '10.1.2.3' }])).status).toBe(201);
    for (const name of ['out.example', 'xin.example', 'in.example.org', '*.in.example']) {
      const answer = await client.newOrder(['in.example', name]);
      const problem = expectProblem(answer, 400, 'rejectedIdentifier');
      expect(problem.subproblems?.map(({ identifier }) => identifier?.value)).toEqual([name]);
    }
    const address = await client.newOrder([{ type: 'ip', value: '11.1.2.3' }]);
    expectProblem(address, 400, 'rejectedIdentifier');
  });

  it('I18: for every place of a forbidden name among eight', async () => {
    const client = await bound({ allow: ['in.example'] });
    for (let place = 0; place < 8; place += 1) {
      const names = Array.from(
        { length: 8 },
        (_, n) => `n${n}.${n === place ? 'out' : 'in'}.example`,
      );
      expectProblem(await client.newOrder(names), 400, 'rejectedIdentifier');
    }
  });

  it('names that need no challenge are ready at once (§7.1.3), and no others', async () => {
    const client = await bound({ allow: ['free.example'], challengeRequired: false });
    const names = ['a.free.example', 'b.free.example'];
    const { order } = await client.order(names);
    expect(order.status).toBe('ready');
    for (const authorization of await client.authorizations(order)) {
      expect(authorization).toMatchObject({ status: 'valid' });
      expect(authorization.wildcard).toBeUndefined();
    }
    const done = await client.obtain(names, csr(names).der);
    expect(done.certificate.subjectAltName).toContain('DNS:a.free.example');
    expectProblem(await client.newOrder(['other.example']), 400, 'rejectedIdentifier');
  });

  it('the quota counts certificates', async () => {
    const client = await bound({ quota: 2, allow: ['q.example'], challengeRequired: false });
    for (const name of ['a.q.example', 'b.q.example']) await client.obtain([name], csr([name]).der);
    const third = await client.newOrder(['c.q.example']);
    const answer =
      third.status === 201 ? await client.finalize(json(third), csr(['c.q.example']).der) : third;
    expect([403, 429]).toContain(answer.status);
    expect(json<{ type: string }>(answer).type).toMatch(/:(unauthorized|rateLimited)$/);
    expect(answer.text).toMatch(/quota/i);
  });
});

function cut(jws: FlattenedJws): FlattenedJws {
  return { ...jws, signature: jws.signature.slice(0, 11) };
}
