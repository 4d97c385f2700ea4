import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Principal } from '../../../src/domain/index.ts';
import { type AcmeClient, type Answer, expectProblem, json } from '../../support/acme-client.ts';
import { externalAccountBinding, jwsKey, signJws } from '../../support/acme-keys.ts';
import { baseUrl, directoryPolicy, testAcme } from '../../support/acme-node.ts';
import { admin, principal, refusal } from '../../support/authority.ts';

const server = await testAcme('acme_credentials');
const { acme, chancery } = server;
await server.authority.createPrincipal(admin, { name: 'web-team', role: 'subscriber' });
const newAccount = (directory: string) => `${baseUrl}/acme/${directory}/new-account`;

interface Binding {
  readonly kid: string;
  readonly hmacKey: string;
}

async function credential(
  more: Partial<Parameters<typeof acme.createCredential>[1]> = {},
): Promise<Binding> {
  const asked = { directory: 'eab', owner: 'web-team', ...more };
  const { credential: made, hmacKey } = await acme.createCredential(admin, asked);
  return { kid: made.kid, hmacKey };
}

async function register(client: AcmeClient, binding: unknown, directory = 'eab'): Promise<Answer> {
  return client.post(newAccount(directory), { externalAccountBinding: binding }, { jwk: true });
}

/** An account that is bound to the credential. */
async function bound(of: Binding, directory = 'eab'): Promise<AcmeClient> {
  const client = server.client(directory);
  const binding = externalAccountBinding(of, newAccount(directory), client.key.jwk);
  await client.register({ externalAccountBinding: binding });
  return client;
}

describe('what an operator does', () => {
  test('a credential is made, with its key once, listed, shown and revoked; all of it is recorded', async () => {
    const { credential: made, hmacKey } = await acme.createCredential(admin, {
      directory: 'eab',
      owner: 'web-team',
      allow: ['example.org', '*.apps.example.org', '10.0.0.0/8'],
      challengeRequired: false,
      profiles: ['tls-server'],
      quota: 5,
      days: 30,
      singleUse: true,
      tags: ['team=web'],
    });
    expect(Buffer.from(hmacKey, 'base64url').length).toBe(32);
    expect(made.notAfter?.getTime()).toBe(server.clock.now().getTime() + 30 * 86_400_000);
    const shown = await acme.showCredential(admin, made.kid);
    expect(shown).toEqual({ ...made });
    expect(shown).toMatchObject({
      owner: 'web-team',
      challengeRequired: false,
      profiles: ['tls-server'],
      quota: 5,
      issued: 0,
      singleUse: true,
      accounts: 0,
      tags: ['team=web'],
      createdBy: 'admin',
    });
    const listed = await acme.listCredentials(admin, { directory: 'eab', limit: 100 });
    expect(listed.items.map(({ kid }) => kid)).toContain(made.kid);
    const revoked = await acme.revokeCredential(admin, made.kid);
    expect(revoked.revokedBy).toBe('admin');
    expect(await refusal(acme.revokeCredential(admin, made.kid))).toBe('alreadyRevoked');
    const [created] = (await chancery.audit('acmeCredential.create')).slice(-1);
    expect(created).toMatchObject({ object: made.kid, details: { quota: 5, owner: 'web-team' } });
    expect((await chancery.audit('acmeCredential.revoke')).map(({ outcome }) => outcome)).toEqual([
      'done',
      'refused',
    ]);
  });

  test('neither key nor secret stands in the database', async () => {
    const { hmacKey } = await credential();
    const bytes = Buffer.from(hmacKey, 'base64url');
    const rows = [
      ...(await chancery.sql('SELECT * FROM acme_external_accounts')),
      ...(await chancery.sql("SELECT * FROM audit WHERE act LIKE 'acme%'")),
    ];
    expect(rows.length).toBeGreaterThan(1);
    for (const value of rows.flatMap((row) => Object.values(row))) {
      const text =
        value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value);
      expect(text).not.toContain(hmacKey);
      expect(text).not.toContain(bytes.toString('latin1'));
      expect(text).not.toContain(bytes.toString('hex'));
    }
  });

  test('what could not work is not made', async () => {
    const good = { directory: 'eab', owner: 'web-team' };
    for (const [change, code] of [
      [{ directory: 'none' }, 'notFound'],
      [{ owner: 'nobody' }, 'notFound'],
      [{ challengeRequired: false }, 'invalidArgument'],
      [{ allow: ['not a name'] }, 'invalidArgument'],
      [{ allow: ['10.0.0.0/33'] }, 'invalidArgument'],
      [{ profiles: ['code-signing'] }, 'invalidArgument'],
      [{ profiles: [] }, 'invalidArgument'],
      [{ quota: 0 }, 'invalidArgument'],
      [{ days: 0 }, 'invalidArgument'],
      [{ days: 1.5 }, 'invalidArgument'],
      [{ tags: [''] }, 'invalidArgument'],
    ] as const) {
      const refused = refusal(acme.createCredential(admin, { ...good, ...change }));
      expect(await refused, JSON.stringify(change)).toBe(code);
    }
    await chancery.sql(
      "INSERT INTO principals (tenant, id, name, role, created_at, created_by, disabled_at) VALUES ('default', gen_random_uuid(), 'gone', 'subscriber', now(), 'test', now())",
    );
    expect(await refusal(acme.createCredential(admin, { ...good, owner: 'gone' }))).toBe(
      'invalidArgument',
    );
    expect(await refusal(acme.showCredential(admin, 'none'))).toBe('notFound');
    expect(await refusal(acme.revokeCredential(admin, 'none'))).toBe('notFound');
  });

  test('I15: each act has its permission, and a refusal is recorded', async () => {
    const { kid } = await credential();
    const reading: readonly ((who: Principal) => Promise<unknown>)[] = [
      async (who) => acme.listCredentials(who, { limit: 1 }),
      async (who) => acme.showCredential(who, kid),
      async (who) => acme.listAccounts(who, { limit: 1 }),
      async (who) => acme.listLimitOverrides(who),
      async (who) => acme.listIncidents(who),
    ];
    const managing: readonly ((who: Principal) => Promise<unknown>)[] = [
      async (who) => acme.createCredential(who, { directory: 'none', owner: 'x' }),
      async (who) => acme.revokeCredential(who, 'none'),
      async (who) => acme.revokeAccount(who, 'none'),
      async (who) =>
        acme.putLimitOverride(who, {
          limit: 'none',
          key: 'x',
          burst: 1,
          seconds: 1,
          notAfter: new Date(0),
        }),
      async (who) => acme.removeLimitOverride(who, 'none', 'x'),
      async (who) => acme.openIncident(who, { spreadSeconds: 0 }),
      async (who) => acme.closeIncident(who, 'none'),
    ];
    for (const role of ['administrator', 'operator', 'auditor'] as const) {
      for (const call of reading) await call(principal(role));
    }
    for (const role of ['administrator', 'operator'] as const) {
      for (const call of managing) {
        expect(await refusal(call(principal(role)))).not.toBe('forbidden');
      }
    }
    for (const call of managing) {
      expect(await refusal(call(principal('auditor', 'curious')))).toBe('forbidden');
    }
    for (const call of [...reading, ...managing]) {
      expect(await refusal(call(principal('subscriber', 'curious')))).toBe('forbidden');
    }
    const refusals = (await chancery.audit()).filter(
      ({ principalName, act }) => principalName === 'curious' && act.startsWith('acme'),
    );
    expect(refusals.length).toBe(managing.length * 2 + reading.length);
  });
});

describe('A18, I41: the binding of a new account', () => {
  test('a right one binds, is returned verbatim, counted and recorded; the account is listed', async () => {
    for (const alg of ['HS256', 'HS384', 'HS512']) {
      const made = await credential();
      const client = server.client('eab');
      expect((await client.directory()).meta?.externalAccountRequired).toBe(true);
      const binding = externalAccountBinding(made, newAccount('eab'), client.key.jwk, {
        header: { alg },
      });
      const answer = await client.register({ externalAccountBinding: binding });
      expect(answer.status).toBe(201);
      expect(json<Record<string, unknown>>(answer)['externalAccountBinding']).toEqual(binding);
      expect((await client.get(client.kid)).status).toBe(200);
      expect((await acme.showCredential(admin, made.kid)).accounts).toBe(1);
      const accountId = client.kid.split('/').at(-1);
      const { items } = await acme.listAccounts(admin, { kid: made.kid, limit: 10 });
      expect(items.map((account) => account.accountId)).toEqual([accountId]);
      const [record] = (await chancery.audit('acmeCredential.bind')).slice(-1);
      expect(record).toMatchObject({
        object: made.kid,
        details: { account: `eab/${accountId}`, owner: 'web-team' },
      });
    }
  });

  test('T-EAB-1: whatever is wrong with it, there is no account', async () => {
    const made = await credential();
    const elsewhere = await credential({ directory: 'bound' });
    const url = newAccount('eab');
    const client = server.client('eab');
    const { jwk } = client.key;
    const of = (
      which: Binding = made,
      change: Parameters<typeof externalAccountBinding>[3] = {},
      at = url,
    ) => externalAccountBinding(which, at, jwk, change);
    const good = of();
    const cases: readonly (readonly [string, unknown, string, number])[] = [
      ['none', undefined, 'externalAccountRequired', 403],
      ['null', null, 'malformed', 400],
      ['text', 'x', 'malformed', 400],
      ['another MAC key', of({ ...made, hmacKey: elsewhere.hmacKey }), 'unauthorized', 401],
      ['the key as text', of(made, { decode: false }), 'unauthorized', 401],
      ['an unknown kid', of({ ...made, kid: 'AAAAAAAAAAAAAAAAAAAAAA' }), 'unauthorized', 401],
      ['a kid with NUL', of({ ...made, kid: 'a\u0000b' }), 'malformed', 400],
      ['of another directory', of(elsewhere), 'unauthorized', 401],
      ['no kid', of(made, { header: { kid: undefined } }), 'malformed', 400],
      ['a nonce', of(made, { header: { nonce: 'AAAA' } }), 'malformed', 400],
      ['another url', of(made, {}, `${baseUrl}/acme/eab/new-order`), 'unauthorized', 401],
      ['url of another directory', of(made, {}, newAccount('bound')), 'unauthorized', 401],
      ['another key', of(made, { payload: jwsKey().jwk }), 'malformed', 400],
      ['no key', of(made, { payload: {} }), 'badPublicKey', 400],
      [
        'alg none',
        of(made, { header: { alg: 'none' }, digest: 'sha256' }),
        'badSignatureAlgorithm',
        400,
      ],
      [
        'alg ES256',
        of(made, { header: { alg: 'ES256' }, digest: 'sha256' }),
        'badSignatureAlgorithm',
        400,
      ],
      ['another digest', of(made, { digest: 'sha512' }), 'unauthorized', 401],
      ['an unprotected header', { ...good, header: {} }, 'malformed', 400],
      [
        'a changed MAC',
        { ...good, signature: Buffer.alloc(32).toString('base64url') },
        'unauthorized',
        401,
      ],
    ];
    for (const [name, binding, type, status] of cases) {
      const answer = await register(client, binding);
      expect(answer.status, `${name}: ${answer.text}`).toBe(status);
      expectProblem(answer, status, type);
    }
    expect((await acme.showCredential(admin, made.kid)).accounts).toBe(0);
    expect((await register(client, good)).status, 'and the right one works').toBe(201);
  });

  test('expired or revoked it binds nobody, and says so to who holds the key only', async () => {
    const expiring = await credential({ days: 1 });
    const revoked = await credential();
    const before = await bound(expiring);
    await acme.revokeCredential(admin, revoked.kid);
    server.clock.advance(86_400);
    for (const [made, word] of [
      [expiring, 'binds no new account'],
      [revoked, 'was revoked'],
    ] as const) {
      const client = server.client('eab');
      const right = externalAccountBinding(made, newAccount('eab'), client.key.jwk);
      const told = expectProblem(await register(client, right), 401, 'unauthorized');
      expect(told.detail).toContain(word);
      const wrong = externalAccountBinding(
        { ...made, hmacKey: randomBytes(32).toString('base64url') },
        newAccount('eab'),
        client.key.jwk,
      );
      const untold = expectProblem(await register(client, wrong), 401, 'unauthorized');
      expect(untold.detail).not.toContain(word);
    }
    const later = server.client('eab', before.key);
    later.kid = before.kid;
    expect((await later.get(later.kid)).status, 'who was bound before goes on').toBe(200);
  });

  test('for a single account it binds one of many that come at once', async () => {
    const made = await credential({ singleUse: true });
    const answers = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const client = server.client('eab');
        const binding = externalAccountBinding(made, newAccount('eab'), client.key.jwk);
        return register(client, binding);
      }),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 401, 401, 401, 401]);
    expect((await acme.showCredential(admin, made.kid)).accounts).toBe(1);
  });

  test('where none is wanted, a given one is verified and binds all the same', async () => {
    const made = await credential({ directory: 'default' });
    const client = server.client('default');
    const wrong = externalAccountBinding(
      { ...made, kid: 'AAAAAAAAAAAAAAAAAAAAAA' },
      newAccount('default'),
      client.key.jwk,
    );
    expectProblem(await register(client, wrong, 'default'), 401, 'unauthorized');
    await bound(made, 'default');
    expect((await acme.showCredential(admin, made.kid)).accounts).toBe(1);
  });

  test('a key derived from a secret that a node lacks is that node’s failure, told to its log only', async () => {
    const made = await credential();
    const { secrets } = server;
    server.secrets = [new Uint8Array(randomBytes(32)), ...secrets];
    const rolled = await server.node('rolled');
    server.secrets = server.secrets.slice(0, 1);
    const lost = await server.node('lost');
    server.secrets = secrets;
    const client = lost.client('eab');
    const binding = externalAccountBinding(made, newAccount('eab'), client.key.jwk);
    const answer = await register(client, binding);
    const { detail } = expectProblem(answer, 500, 'serverInternal');
    expect(detail).not.toContain(made.kid);
    expect(server.log.filter(({ message }) => message === 'an ACME request failed').length).toBe(1);
    const other = rolled.client('eab', client.key);
    expect((await register(other, binding)).status, 'the older secret still counts').toBe(201);
  });
});

describe('accounts follow their credential', () => {
  test('a binding is for one account: who has the key of before a key change does not come back by it', async () => {
    const made = await credential();
    const client = await bound(made);
    const old = client.key;
    // The account object shows the binding to whoever has the account's key.
    const { externalAccountBinding: shown } = await client.fetch<Record<string, unknown>>(
      client.kid,
    );
    const next = jwsKey();
    const keyChange = `${baseUrl}/acme/eab/key-change`;
    const inner = signJws(
      next,
      { alg: next.alg, jwk: next.jwk, url: keyChange },
      { account: client.kid, oldKey: old.jwk },
    );
    expect((await client.post(keyChange, inner)).status).toBe(200);
    const thief = server.client('eab', old);
    const { detail } = expectProblem(await register(thief, shown), 401, 'unauthorized');
    expect(detail).toContain('used');
    expect((await acme.showCredential(admin, made.kid)).accounts).toBe(1);
    const fresh = server.client('eab');
    const binding = externalAccountBinding(made, newAccount('eab'), fresh.key.jwk);
    expect((await register(fresh, binding)).status).toBe(201);
  });

  test('I42: a revoked credential stops its accounts at their next request', async () => {
    const made = await credential();
    const client = await bound(made);
    const untouched = await bound(await credential());
    await acme.revokeCredential(admin, made.kid);
    for (const url of [client.kid, `${client.kid}/orders`, `${baseUrl}/acme/eab/new-nonce`]) {
      expect(expectProblem(await client.get(url), 401, 'unauthorized').detail).toContain(made.kid);
    }
    const again = await client.post(newAccount('eab'), {}, { jwk: true });
    expectProblem(again, 401, 'unauthorized');
    expect((await untouched.get(untouched.kid)).status).toBe(200);
  });

  test('a disabled owner stops them too', async () => {
    await server.authority.createPrincipal(admin, { name: 'leaver', role: 'subscriber' });
    const made = await credential({ owner: 'leaver' });
    const client = await bound(made);
    await chancery.sql("UPDATE principals SET disabled_at = now() WHERE name = 'leaver'");
    expectProblem(await client.get(client.kid), 401, 'unauthorized');
    const late = server.client('eab');
    const binding = externalAccountBinding(made, newAccount('eab'), late.key.jwk);
    expectProblem(await register(late, binding), 401, 'unauthorized');
  });

  test('always: an account without a binding from before is refused; newAccounts: it goes on', async () => {
    const directories = (externalAccount: 'none' | 'newAccounts' | 'always') => ({
      directories: [directoryPolicy('changing', { externalAccount })],
    });
    const open = await server.node('open', directories('none'));
    const client = open.client('changing');
    await client.register();
    const on = async (policy: 'newAccounts' | 'always') => {
      const node = await server.node(policy, directories(policy));
      const same = node.client('changing', client.key);
      same.kid = client.kid;
      return same;
    };
    const kept = await on('newAccounts');
    expect((await kept.get(kept.kid)).status).toBe(200);
    const fresh = await kept.post(newAccount('changing'), {}, { jwk: true, key: jwsKey() });
    expectProblem(fresh, 403, 'externalAccountRequired');
    const refused = await on('always');
    expectProblem(await refused.get(refused.kid), 403, 'externalAccountRequired');
    const again = await refused.post(newAccount('changing'), {}, { jwk: true });
    expectProblem(again, 403, 'externalAccountRequired');
  });
});
