import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AccountRecord, EabCredential } from '../../../src/acme/ports.ts';
import type { Storage } from '../../../src/storage/index.ts';
import {
  accountRecord,
  at,
  credentialRecord,
  directory,
  later,
} from '../../support/acme-records.ts';
import { sha256, tenant } from '../../support/inventory-records.ts';
import { AcmeNodes } from './acme-nodes.ts';

let nodes: AcmeNodes;

beforeAll(async () => {
  nodes = await AcmeNodes.open('acme_accounts');
});
afterAll(async () => await nodes.close());

async function register(changes: Partial<AccountRecord> = {}): Promise<AccountRecord> {
  const account = accountRecord(changes);
  await nodes.one.acme.run(async ({ acme }) => {
    expect(await acme.insertAccount(account)).toBe(true);
  });
  return account;
}

async function credential(changes: Partial<EabCredential> = {}): Promise<EabCredential> {
  const record = credentialRecord(changes);
  await nodes.one.acme.run(async ({ acme }) => await acme.insertCredential(record));
  return record;
}

async function credentialNow(kid: string): Promise<EabCredential | undefined> {
  return await nodes.one.acme.readOne(async ({ acme }) => await acme.findCredential(tenant, kid));
}

function nonce(value = randomBytes(24).toString('base64url')) {
  return { value, notAfter: later(900) };
}

async function admit(
  value: ReturnType<typeof nonce>,
  account?: { readonly accountId: string } | { readonly thumbprint: string },
  through: Storage = nodes.one,
) {
  return await through.acme.readOne(
    async ({ acme }) => await acme.admit(tenant, directory, value, account),
  );
}

/** How often it is true when all run at once, half of them on each node. */
async function wins(count: number, act: (through: Storage) => Promise<boolean>): Promise<number> {
  const all = await Promise.all(
    Array.from({ length: count }, async (_, index) => act(index % 2 ? nodes.one : nodes.two)),
  );
  return all.filter(Boolean).length;
}

describe('nonces', () => {
  test('one is spent once, whichever nodes are asked at the same time (§6.5, A8)', async () => {
    for (let round = 0; round < 5; round += 1) {
      const value = nonce();
      expect(await wins(8, async (through) => (await admit(value, undefined, through)).fresh)).toBe(
        1,
      );
    }
  });

  test('a spent one is spent after a restart, and the account is told either way', async () => {
    const account = await register();
    const value = nonce();
    const { accountId, thumbprint } = account;
    const access = { account, ownerDisabled: false };
    expect(await admit(value, { accountId })).toEqual({ fresh: true, access });
    expect(await admit(value, { thumbprint })).toEqual({ fresh: false, access });
    expect(await admit(nonce(), { accountId: thumbprint })).toEqual({ fresh: true });
    expect(await admit(nonce())).toEqual({ fresh: true });
    await nodes.one.acme.readOne(async ({ acme }) => {
      const found = await acme.admit(tenant, 'eab', nonce(), { accountId });
      expect(found).toEqual({ fresh: true });
    });
  });
});

describe('accounts', () => {
  test('one comes back as it was written, its key and its binding to the letter (§7.3.4)', async () => {
    const { kid } = await credential();
    const account = await register({
      kid,
      termsAgreedAt: at,
      externalAccountBinding: { signature: 'c', protected: 'a', payload: 'b' },
    });
    await nodes.two.acme.readOne(async ({ acme }) => {
      const found = await acme.findAccount(tenant, directory, { accountId: account.accountId });
      expect(found?.account).toEqual(account);
      expect(JSON.stringify(found?.account.key)).toBe(JSON.stringify(account.key));
      expect(Object.keys(found?.account.externalAccountBinding ?? {})).toEqual([
        'signature',
        'protected',
        'payload',
      ]);
      expect(await acme.findAccount(tenant, directory, { thumbprint: account.thumbprint })).toEqual(
        found,
      );
      expect(
        await acme.findAccount('other', directory, { thumbprint: account.thumbprint }),
      ).toBeUndefined();
      expect(await acme.isAccountKey(tenant, account.spkiHash)).toBe(true);
      expect(await acme.isAccountKey(tenant, sha256('another key'))).toBe(false);
      expect(await acme.isAccountKey('other', account.spkiHash)).toBe(false);
    });
  });

  test('a key has one account a directory, on however many nodes it registers (§7.3.1)', async () => {
    const { thumbprint } = accountRecord();
    const register_ = async (through: Storage, changes: Partial<AccountRecord>) =>
      await through.acme.run(
        async ({ acme }) => await acme.insertAccount(accountRecord({ thumbprint, ...changes })),
      );
    expect(await wins(8, async (through) => await register_(through, {}))).toBe(1);
    expect(await register_(nodes.one, { directory: 'eab' })).toBe(true);
    expect(await register_(nodes.one, { tenant: 'other' })).toBe(true);
  });

  test('contact and terms change by themselves; an ended account is kept as it is (§7.3.6, I42)', async () => {
    const account = await register();
    const { accountId } = account;
    await nodes.one.acme.run(async ({ acme }) => {
      await acme.updateAccount(tenant, accountId, { contact: [] });
      await acme.updateAccount(tenant, accountId, { termsAgreedAt: later(5) });
      expect((await acme.findAccount(tenant, directory, { accountId }))?.account).toEqual({
        ...account,
        contact: [],
        termsAgreedAt: later(5),
      });
      expect(await acme.endAccount(tenant, accountId, 'deactivated')).toBe(true);
      expect(await acme.endAccount(tenant, accountId, 'revoked')).toBe(false);
    });
    expect((await admit(nonce(), { accountId })).access?.account.status).toBe('deactivated');
    const change = { contact: ['mailto:new@example.org'] };
    await expect(
      nodes.one.acme.run(async ({ acme }) => await acme.updateAccount(tenant, accountId, change)),
    ).rejects.toMatchObject({ code: 'illegalTransition' });
    await expect(
      nodes.one.acme.run(async ({ acme }) => await acme.updateAccount(tenant, 'nobody', change)),
    ).rejects.toMatchObject({ code: 'notFound' });
  });

  test('a key change is made on the old key, to a key that is nobody’s (§7.3.5, A19, I42)', async () => {
    const [account, neighbour] = [await register(), await register()];
    const next = accountRecord();
    const change = async (
      from: AccountRecord,
      to: AccountRecord,
      through: Storage = nodes.one,
    ): Promise<unknown> =>
      await through.acme.run(
        async ({ acme }) =>
          await acme.changeAccountKey(tenant, directory, from.accountId, from.thumbprint, to),
      );
    expect(await change(account, neighbour)).toEqual({ conflict: neighbour.accountId });
    expect(await change(account, next)).toBe('changed');
    expect(await change(account, accountRecord())).toBe('gone');
    await nodes.one.acme.readOne(async ({ acme }) => {
      const { accountId } = account;
      const { key, thumbprint, spkiHash } = next;
      expect((await acme.findAccount(tenant, directory, { accountId }))?.account).toEqual({
        ...account,
        key,
        thumbprint,
        spkiHash,
      });
    });
    // Many change to the same key at once: one does, the others are told who has it.
    const accounts = await Promise.all(Array.from({ length: 6 }, async () => await register()));
    const wanted = accountRecord();
    const results = await Promise.all(
      accounts.map(async (one, index) => change(one, wanted, index % 2 ? nodes.one : nodes.two)),
    );
    const winner = accounts[results.indexOf('changed')];
    expect(results.filter((result) => result !== 'changed')).toEqual(
      Array.from({ length: 5 }, () => ({ conflict: winner?.accountId })),
    );
  });

  test('they are listed newest first, by directory and by credential, in pages', async () => {
    const { kid } = await credential({ directory: 'listed' });
    const accounts: AccountRecord[] = [];
    for (let index = 0; index < 3; index += 1) {
      accounts.push(await register({ directory: 'listed', ...(index > 0 && { kid }) }));
    }
    await nodes.one.acme.readOne(async ({ acme }) => {
      const first = await acme.listAccounts(tenant, { directory: 'listed', limit: 2 });
      expect(first.items).toEqual([accounts[2], accounts[1]]);
      const cursor = first.next ?? '';
      expect(await acme.listAccounts(tenant, { directory: 'listed', cursor, limit: 2 })).toEqual({
        items: [accounts[0]],
        next: null,
      });
      expect((await acme.listAccounts(tenant, { kid, limit: 9 })).items).toHaveLength(2);
      expect((await acme.listAccounts('other', { kid, limit: 9 })).items).toEqual([]);
    });
  });
});

describe('credentials of external account binding', () => {
  test('they come back as they were written; a key identifier is given once', async () => {
    const full = await credential({
      directory: 'pages',
      allow: ['*.example.org', '10.0.0.0/8'],
      challengeRequired: false,
      profiles: ['tls-server'],
      quota: 5,
      singleUse: true,
      tags: ['a'],
      notAfter: later(60),
    });
    const plain = await credential({ directory: 'pages', profiles: [] });
    await nodes.one.acme.readOne(async ({ acme }) => {
      const first = await acme.listCredentials(tenant, { directory: 'pages', limit: 1 });
      expect(first.items).toEqual([plain]);
      const cursor = first.next ?? '';
      expect(await acme.listCredentials(tenant, { directory: 'pages', cursor, limit: 1 })).toEqual({
        items: [full],
        next: null,
      });
      expect(await acme.findCredential('other', full.kid)).toBeUndefined();
    });
    await expect(
      nodes.one.acme.run(async ({ acme }) => await acme.insertCredential(full)),
    ).rejects.toMatchObject({ code: 'alreadyExists' });
  });

  test('a single-use one binds one account, and nothing binds after expiry or revocation (I41)', async () => {
    const bind = async (kid: string, now = at, through = nodes.one): Promise<boolean> =>
      await through.acme.run(async ({ acme }) => await acme.bindCredential(tenant, kid, now));
    const single = await credential({ singleUse: true });
    expect(await wins(8, async (through) => await bind(single.kid, at, through))).toBe(1);
    expect(await credentialNow(single.kid)).toMatchObject({ accounts: 1 });
    const expiring = await credential({ notAfter: later(60) });
    expect(await bind(expiring.kid, later(59))).toBe(true);
    expect(await bind(expiring.kid, later(60))).toBe(false);
    const revoked = await credential();
    await nodes.one.acme.run(async ({ acme }) => {
      expect(await acme.revokeCredential(tenant, revoked.kid, later(1), 'admin')).toBe(true);
      expect(await acme.revokeCredential(tenant, revoked.kid, later(2), 'eve')).toBe(false);
    });
    expect(await bind(revoked.kid)).toBe(false);
    expect(await credentialNow(revoked.kid)).toEqual({
      ...revoked,
      revokedAt: later(1),
      revokedBy: 'admin',
    });
    expect(await bind('nobody')).toBe(false);
  });

  test('a quota holds for all nodes together', async () => {
    const spend = async (kid: string, through: Storage): Promise<boolean> =>
      await through.acme.run(async ({ acme }) => await acme.spendQuota(tenant, kid));
    const limited = await credential({ quota: 5 });
    expect(await wins(12, async (through) => await spend(limited.kid, through))).toBe(5);
    expect(await credentialNow(limited.kid)).toMatchObject({ issued: 5 });
    const unlimited = await credential();
    expect(await wins(12, async (through) => await spend(unlimited.kid, through))).toBe(12);
    await nodes.one.acme.run(async ({ acme }) => {
      await acme.revokeCredential(tenant, unlimited.kid, at, 'admin');
    });
    expect(await spend(unlimited.kid, nodes.one)).toBe(false);
  });

  test('an account shows its credential as it is now, and whether the owner was disabled', async () => {
    const record = await credential({ owner: 'owner-1' });
    const { accountId } = await register({ kid: record.kid });
    const access = async () => (await admit(nonce(), { accountId })).access;
    expect(await access()).toMatchObject({ credential: record, ownerDisabled: false });
    const principal = { id: 'p1', tenant, name: 'owner-1', createdAt: at, createdBy: 'admin' };
    await nodes.one.acme.run(async ({ acme, principals }) => {
      await principals.insert({ ...principal, role: 'subscriber', disabledAt: later(1) });
      await acme.revokeCredential(tenant, record.kid, later(3), 'admin');
    });
    expect(await access()).toMatchObject({
      credential: { ...record, revokedAt: later(3), revokedBy: 'admin' },
      ownerDisabled: true,
    });
  });

  test('no account is bound to a credential that is not there', async () => {
    await expect(register({ kid: 'nobody' })).rejects.toBeDefined();
  });
});
