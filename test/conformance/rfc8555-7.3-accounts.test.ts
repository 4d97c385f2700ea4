/** RFC 8555 §7.3 accounts, §7.3.1 finding, §7.3.2 update, §7.3.3 terms, §7.3.6 deactivation (A16, A17, A20). */
import { beforeAll, describe, expect, it } from 'vitest';
import { type AcmeClient, expectProblem, headerOf, json, links } from '../support/acme-client.ts';
import { csr } from '../support/acme-csr.ts';
import { jwsKey } from '../support/acme-keys.ts';
import { acmeUnderTest } from '../support/acme-under-test.ts';

interface Account {
  readonly status: string;
  readonly contact?: readonly string[];
  readonly orders: string;
  readonly termsOfServiceAgreed?: boolean;
}

const under = await acmeUnderTest('acme-7-3');
const probe = under.client();
let newAccount = '';

beforeAll(async () => {
  ({ newAccount } = await probe.directory());
});

async function registered(payload: unknown = {}): Promise<AcmeClient> {
  const client = under.client();
  await client.register(payload);
  return client;
}

describe('§7.3 creation', () => {
  it('A16: 201, Location, and the object with what is known of it', async () => {
    const client = under.client();
    const contact = ['mailto:admin@example.test', 'mailto:ops@example.test'];
    const answer = await client.register({ contact, termsOfServiceAgreed: true });
    expect(answer.status).toBe(201);
    expect(headerOf(answer, 'location')).toMatch(
      /^https:\/\/[^/]+\/acme\/default\/account\/[\w-]{22}$/,
    );
    const account = json<Account>(answer);
    expect(account).toMatchObject({ status: 'valid', contact });
    expect(account.orders).toBe(`${client.kid}/orders`);
    expect(await client.fetch<Account>(client.kid)).toEqual(account);
  });

  it('A16: what the server does not know, or decides itself, is ignored and not reflected', async () => {
    const client = under.client();
    const answer = await client.register({
      orders: 'https://elsewhere.example/orders',
      status: 'revoked',
      id: 7,
      role: 'administrator',
      kid: 'x',
      key: { kty: 'oct' },
      createdAt: '1970-01-01T00:00:00Z',
    });
    const account = json<Record<string, unknown>>(answer);
    expect(account['status']).toBe('valid');
    expect(account['orders']).toBe(`${client.kid}/orders`);
    for (const name of ['id', 'role', 'kid']) expect(account).not.toHaveProperty(name);
  });

  it.each([
    ['tel:+123456', 'unsupportedContact'],
    ['https://example.test/me', 'unsupportedContact'],
    ['javascript:alert(1)', 'unsupportedContact'],
    ['admin@example.test', 'unsupportedContact|invalidContact'],
    ['mailto:admin@example.test?subject=x', 'invalidContact'],
    ['mailto:a@example.test,b@example.test', 'invalidContact'],
    ['mailto:', 'invalidContact'],
    ['mailto:admin', 'invalidContact'],
    ['mailto:a b@example.test', 'invalidContact'],
    ['mailto:a%0d%0aBcc:x@example.test', 'invalidContact'],
    [`mailto:${'a'.repeat(2000)}@example.test`, 'invalidContact'],
    ['mailto:ü@example.test', 'invalidContact'],
  ])('A16: contact %s is refused', async (contact, type) => {
    const client = under.client();
    const answer = await client.post(newAccount, { contact: ['mailto:a@example.test', contact] });
    expect(answer.status, answer.text).toBe(400);
    expect(json<{ type: string }>(answer).type).toMatch(new RegExp(`:(${type})$`));
    // Nothing was created.
    const looked = await client.post(newAccount, { onlyReturnExisting: true });
    expectProblem(looked, 400, 'accountDoesNotExist');
  });

  it.each([['mailto:a@example.test'], [7], [[7]], [{ a: 1 }], [null]])(
    'A16: contact %j is malformed',
    async (contact) => {
      expectProblem(await under.client().post(newAccount, { contact }), 400, 'malformed');
    },
  );

  it('A16: a list of contacts without end is refused', async () => {
    const contact = Array.from({ length: 1000 }, (_, n) => `mailto:a${n}@example.test`);
    expect((await under.client().post(newAccount, { contact })).status).toBe(400);
  });

  it.each([['termsOfServiceAgreed'], ['onlyReturnExisting']])(
    '%s that is no boolean is malformed, not true',
    async (name) => {
      for (const value of ['true', 1, {}, 'false']) {
        expectProblem(await under.client().post(newAccount, { [name]: value }), 400, 'malformed');
      }
    },
  );

  it('A16: where there are terms, they must be agreed to; the answer names them', async () => {
    const client = under.client('terms');
    const url = (await client.directory()).newAccount;
    for (const payload of [{}, { termsOfServiceAgreed: false }]) {
      const answer = await client.post(url, payload);
      const problem = expectProblem(answer, 403, 'userActionRequired');
      expect(links(answer, 'terms-of-service')).toEqual(['https://pki.example.test/terms/2']);
      expect(problem.instance).toMatch(/^https:/);
    }
    expect((await client.register({ termsOfServiceAgreed: true })).status).toBe(201);
  });
});

describe('§7.3.1 finding an account by its key', () => {
  it('A17: the same key again is 200 with the account as it was; the request changes nothing', async () => {
    const contact = ['mailto:first@example.test'];
    const client = await registered({ contact });
    const again = await client.post(
      newAccount,
      { contact: ['mailto:second@example.test', 'tel:bad'], status: 'deactivated' },
      { jwk: true },
    );
    expect(again.status, again.text).toBe(200);
    expect(headerOf(again, 'location')).toBe(client.kid);
    expect(json<Account>(again)).toMatchObject({ status: 'valid', contact });
    expect(await client.fetch<Account>(client.kid)).toMatchObject({ contact });
  });

  it('A17: onlyReturnExisting finds it, and never creates one', async () => {
    const client = await registered();
    const found = await client.post(newAccount, { onlyReturnExisting: true }, { jwk: true });
    expect(found.status).toBe(200);
    expect(headerOf(found, 'location')).toBe(client.kid);
    const nobody = under.client();
    for (let n = 0; n < 2; n += 1) {
      const answer = await nobody.post(newAccount, { onlyReturnExisting: true });
      expectProblem(answer, 400, 'accountDoesNotExist');
    }
  });

  it('A17: a key written in another way is the same key', async () => {
    const client = await registered();
    const { x, y, crv, kty } = client.key.jwk;
    const jwk = { use: 'sig', kid: 'mine', alg: 'ES256', y, x, kty, crv };
    const answer = await client.post(newAccount, {}, { header: { kid: undefined, jwk } });
    expect(answer.status, answer.text).toBe(200);
    expect(headerOf(answer, 'location')).toBe(client.kid);
  });

  it('A17: eight registrations of one key at once make one account', async () => {
    const key = jwsKey();
    const answers = await Promise.all(
      Array.from({ length: 8 }, async () => under.client('default', key).register()),
    );
    expect(new Set(answers.map((answer) => headerOf(answer, 'location'))).size).toBe(1);
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  });

  it('one key has an account of its own in each directory', async () => {
    const client = await registered();
    const other = under.client('terms', client.key);
    expect((await other.register()).status).toBe(201);
    expect(other.kid).not.toBe(client.kid);
  });
});

describe('§7.3.2 update', () => {
  it('contacts change; what the client may not change does not', async () => {
    const client = await registered({ contact: ['mailto:a@example.test'] });
    const contact = ['mailto:b@example.test'];
    const answer = await client.post(client.kid, {
      contact,
      status: 'valid',
      orders: 'https://elsewhere.example',
      termsOfServiceAgreed: false,
      unknown: 1,
    });
    expect(answer.status, answer.text).toBe(200);
    const account = json<Account>(answer);
    expect(account).toMatchObject({ status: 'valid', contact, orders: `${client.kid}/orders` });
    expect(account).not.toHaveProperty('unknown');
    expect(await client.fetch<Account>(client.kid)).toEqual(account);
    // An empty list takes them away.
    const none = json<Account>(await client.post(client.kid, { contact: [] }));
    expect(none.contact ?? []).toEqual([]);
  });

  it('a bad contact leaves the old ones', async () => {
    const contact = ['mailto:a@example.test'];
    const client = await registered({ contact });
    const answer = await client.post(client.kid, { contact: ['ftp://x'] });
    expectProblem(answer, 400, 'unsupportedContact');
    expect(await client.fetch<Account>(client.kid)).toMatchObject({ contact });
  });

  it('a status that a client can not give itself', async () => {
    const client = await registered();
    for (const status of ['revoked', 'DEACTIVATED', 'pending', 7, null]) {
      const answer = await client.post(client.kid, { status });
      // Ignored or refused, but it is not there afterwards.
      expect([200, 400]).toContain(answer.status);
      expect((await client.fetch<Account>(client.kid)).status).toBe('valid');
    }
  });
});

describe('§7.3.6 deactivation', () => {
  it('A20, I42: afterwards every POST is 401 unauthorized, and nothing is issued', async () => {
    const client = await registered();
    const { newOrder, revokeCert, keyChange, newNonce } = await client.directory();
    const names = ['bye.example.test'];
    const { url, order } = await client.order(names);
    await client.authorize(order);
    const done = await client.obtain(['kept.example.test'], csr(['kept.example.test']).der);
    const ended = await client.post(client.kid, { status: 'deactivated' });
    expect(ended.status).toBe(200);
    expect(json<Account>(ended).status).toBe('deactivated');
    const certificate = Buffer.from(done.certificate.raw).toString('base64url');
    const request = Buffer.from(csr(names).der).toString('base64url');
    for (const [target, payload] of [
      [client.kid, ''],
      [client.kid, { contact: [] }],
      [`${client.kid}/orders`, ''],
      [newOrder, { identifiers: [{ type: 'dns', value: names[0] }] }],
      [url, ''],
      [order.finalize, { csr: request }],
      [order.authorizations[0] ?? '', ''],
      [done.order.certificate ?? '', ''],
      [revokeCert, { certificate }],
      [keyChange, {}],
      [newNonce, ''],
      [client.directoryUrl, ''],
    ] as const) {
      expectProblem(await client.post(target, payload), 401, 'unauthorized');
    }
    // Nor is it found or made anew by its key; there is no way back.
    for (const payload of [{}, { onlyReturnExisting: true }]) {
      expectProblem(await client.post(newAccount, payload, { jwk: true }), 401, 'unauthorized');
    }
    expect((await client.post(client.kid, { status: 'valid' })).status).toBe(401);
    // Its certificates go on (SHOULD NOT revoke); its orders do not.
    const serial = done.certificate.serialNumber.toLowerCase().replace(/^0+/, '');
    expect(await under.statusOf(serial)).toMatchObject({ status: 'good' });
  });

  it('A20: only its own key deactivates it, and it is audited once', async () => {
    const client = await registered();
    const stranger = await registered();
    const answer = await stranger.post(client.kid, { status: 'deactivated' });
    expect([401, 403, 404]).toContain(answer.status);
    expect((await client.fetch<Account>(client.kid)).status).toBe('valid');
    await client.post(client.kid, { status: 'deactivated' });
    const id = client.kid.split('/').at(-1) ?? '';
    const records = (await under.audited(id)).filter(({ act }) => act.includes('deactivate'));
    expect(records).toHaveLength(1);
  });
});
