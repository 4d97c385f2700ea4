import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CrlRecord, IdempotencyRecord } from '../../../src/authority/ports.ts';
import { openStorage, type Storage } from '../../../src/storage/index.ts';
import {
  issuerId,
  issuerRecord,
  reservedCrl,
  sha256,
  tenant,
} from '../../support/inventory-records.ts';
import { type TestDatabase, testDatabase } from '../../support/postgres.ts';

let database: TestDatabase;
let storage: Storage;

beforeAll(async () => {
  database = await testDatabase('records');
  storage = await openStorage({ url: database.applicationUrl });
});
afterAll(async () => await storage.close());

describe('issuers', () => {
  test('come back as they were written; pending becomes active once', async () => {
    const { certificate: _certificate, ...rest } = issuerRecord({
      issuerId: 'c3'.repeat(20),
      name: 'elsewhere',
      kind: 'external',
      state: 'pending',
      chain: [],
      certificationRequest: Uint8Array.of(1, 2, 3),
    });
    const active = issuerRecord();
    await storage.unitOfWork.run(async ({ issuers }) => {
      await issuers.insert(active);
      await issuers.insert(rest);
    });
    await storage.unitOfWork.read(async ({ issuers }) => {
      expect(await issuers.find(tenant, issuerId)).toEqual(active);
      expect(await issuers.findByName(tenant, 'elsewhere')).toEqual(rest);
      expect(await issuers.list(tenant)).toHaveLength(2);
      expect(await issuers.list('other')).toEqual([]);
    });
    const chain = [Uint8Array.of(9), Uint8Array.of(8)];
    const activate = async () =>
      await storage.unitOfWork.run(
        async ({ issuers }) =>
          await issuers.activate(tenant, rest.issuerId, Uint8Array.of(7), chain, issuerId),
      );
    await activate();
    await storage.unitOfWork.read(async ({ issuers }) => {
      expect(await issuers.find(tenant, rest.issuerId)).toEqual({
        ...rest,
        state: 'active',
        certificate: Uint8Array.of(7),
        chain,
        parentIssuerId: issuerId,
      });
    });
    await expect(activate()).rejects.toMatchObject({ code: 'illegalTransition' });
    await expect(
      storage.unitOfWork.run(
        async ({ issuers }) => await issuers.activate(tenant, 'ff', Uint8Array.of(7), []),
      ),
    ).rejects.toMatchObject({ code: 'notFound' });
  });

  test('a name is taken once', async () => {
    await expect(
      storage.unitOfWork.run(
        async ({ issuers }) => await issuers.insert(issuerRecord({ issuerId: 'd4'.repeat(20) })),
      ),
    ).rejects.toMatchObject({ code: 'alreadyExists', message: expect.stringContaining('name') });
  });
});

describe('crlNumber', () => {
  const reserve = async (now: Date, shard = 0): Promise<CrlRecord> =>
    await storage.unitOfWork.run(async ({ crls }) => await reservedCrl(crls, now, { shard }));

  test('is the time in microseconds, and never goes back or repeats, whatever the clock says', async () => {
    const now = new Date('2026-11-21T00:00:00Z');
    const first = await reserve(now);
    expect(first.crlNumber).toBe(BigInt(now.getTime()) * 1000n);
    expect((await reserve(now)).crlNumber).toBe(first.crlNumber + 1n);
    expect((await reserve(new Date('2026-11-20T00:00:00Z'))).crlNumber).toBe(first.crlNumber + 2n);
    const later = await reserve(new Date('2026-11-21T00:00:01Z'));
    expect(later.crlNumber).toBe(first.crlNumber + 1_000_000n);
    expect((await reserve(now, 1)).crlNumber).toBe(first.crlNumber);
  });

  test('reserved by many at once, all differ', async () => {
    const now = new Date('2026-11-21T00:00:00Z');
    const numbers = await Promise.all(
      Array.from({ length: 12 }, async () => (await reserve(now, 2)).crlNumber),
    );
    expect(new Set(numbers).size).toBe(12);
  });

  test('what is published is kept; a reserved number counts even when it was not', async () => {
    const record = await reserve(new Date('2026-11-21T00:00:00Z'), 3);
    const published = {
      ...record,
      publishedAt: new Date('2026-11-21T00:00:02Z'),
      sha256: sha256('crl'),
      size: 512,
      entries: 3,
    };
    await storage.unitOfWork.run(async ({ crls }) => {
      expect(await crls.latestPublished(tenant, issuerId, 3)).toBeUndefined();
      await crls.markPublished(published);
    });
    const unpublished = await reserve(new Date('2026-11-21T00:00:03Z'), 3);
    await storage.unitOfWork.read(async ({ crls }) => {
      expect(await crls.latestPublished(tenant, issuerId, 3)).toEqual(published);
      expect(await crls.highestNumber(tenant, issuerId, 3)).toBe(unpublished.crlNumber);
      expect(await crls.highestNumber(tenant, issuerId, 9)).toBeUndefined();
    });
    await expect(
      storage.unitOfWork.run(
        async ({ crls }) => await crls.markPublished({ ...published, sha256: sha256('another') }),
      ),
    ).rejects.toMatchObject({ code: 'illegalTransition' });
  });
});

describe('idempotency', () => {
  const longAgo = new Date('2026-11-20T00:00:00Z');
  const record = (changes: Partial<IdempotencyRecord> = {}): IdempotencyRecord => ({
    tenant,
    principalId: 'p-1',
    key: 'key-1',
    bodyHash: sha256('body'),
    startedAt: new Date('2026-11-21T00:00:00Z'),
    ...changes,
  });

  test('the second with a key gets the first, with what it led to', async () => {
    await storage.unitOfWork.run(async ({ idempotency }) => {
      expect(await idempotency.begin(record(), longAgo)).toBeUndefined();
      await idempotency.setCertificate(tenant, 'p-1', 'key-1', `${issuerId}/1b`);
    });
    await storage.unitOfWork.run(async ({ idempotency }) => {
      const second = record({ bodyHash: sha256('another body') });
      expect(await idempotency.begin(second, longAgo)).toEqual(
        record({ certificate: `${issuerId}/1b` }),
      );
      // Keys belong to a principal.
      expect(await idempotency.begin(record({ principalId: 'p-2' }), longAgo)).toBeUndefined();
    });
  });

  test('a forgotten one does not count, and a removed one is gone', async () => {
    const old = record({
      key: 'key-2',
      startedAt: new Date('2026-11-19T00:00:00Z'),
      certificate: 'x',
    });
    await storage.unitOfWork.run(async ({ idempotency }) => {
      await idempotency.begin(old, longAgo);
      expect(await idempotency.begin(record({ key: 'key-2' }), longAgo)).toBeUndefined();
      expect(await idempotency.find(tenant, 'p-1', 'key-2')).toEqual(record({ key: 'key-2' }));
      await idempotency.remove(tenant, 'p-1', 'key-2');
      expect(await idempotency.find(tenant, 'p-1', 'key-2')).toBeUndefined();
    });
  });

  test('of many at once, one begins', async () => {
    const answers = await Promise.all(
      Array.from(
        { length: 8 },
        async () =>
          await storage.unitOfWork.run(
            async ({ idempotency }) => await idempotency.begin(record({ key: 'key-3' }), longAgo),
          ),
      ),
    );
    expect(answers.filter((answer) => answer === undefined)).toHaveLength(1);
  });
});

test('there is one installation, and its prefix makes minimal positive serial numbers', async () => {
  const installation = { id: 'i-1', serialPrefix: '1b2c', generation: 1n };
  await storage.unitOfWork.run(async ({ installation: store }) => {
    expect(await store.find()).toBeUndefined();
    await store.insert(installation);
    await store.update({ ...installation, generation: 2n });
    expect(await store.find()).toEqual({ ...installation, generation: 2n });
  });
  for (const serialPrefix of ['8000', '00ff', '1B2C', '1b2']) {
    await expect(
      storage.unitOfWork.run(
        async ({ installation: store }) => await store.update({ ...installation, serialPrefix }),
      ),
    ).rejects.toThrow();
  }
  await expect(
    storage.unitOfWork.run(async ({ installation: store }) => await store.insert(installation)),
  ).rejects.toMatchObject({ code: 'alreadyExists' });
});

describe('leases', () => {
  test('one holder at a time; renewal keeps the number, a new holder gets a higher one', async () => {
    const { leases } = storage;
    const first = await leases.acquire('crl', 'node-1', 60);
    expect(first).toBeTypeOf('bigint');
    expect(await leases.acquire('crl', 'node-2', 60)).toBeUndefined();
    expect(await leases.acquire('crl', 'node-1', 60)).toBe(first);
    await leases.release('crl', 'node-2');
    expect(await leases.acquire('crl', 'node-2', 60)).toBeUndefined();
    await leases.release('crl', 'node-1');
    const second = await leases.acquire('crl', 'node-2', 60);
    expect(second).toBeGreaterThan(first ?? 0n);
  });

  test('an expired lease is lost, to its holder too', async () => {
    const { leases } = storage;
    const first = await leases.acquire('short', 'node-1', 0);
    const second = await leases.acquire('short', 'node-1', 60);
    expect(second).toBeGreaterThan(first ?? 0n);
  });

  test('to ask again writes nothing: an idle schedule makes no durable commits', async () => {
    const { leases } = storage;
    const first = await leases.acquire('idle', 'node-1', 60);
    const owner = new Client({ connectionString: database.superuserUrl });
    await owner.connect();
    const row = async (): Promise<unknown> =>
      (await owner.query(`SELECT ctid, xmin, xmax FROM leases WHERE name = 'idle'`)).rows[0];
    try {
      await owner.query('SET search_path TO chancery');
      const before = await row();
      expect(await leases.acquire('idle', 'node-1', 60)).toBe(first);
      expect(await leases.acquire('idle', 'node-2', 60)).toBeUndefined();
      expect(await row()).toEqual(before);
      // More than half of it is over when it is asked for longer than that: then it is renewed.
      expect(await leases.acquire('idle', 'node-1', 600)).toBe(first);
      expect(await row()).not.toEqual(before);
    } finally {
      await owner.end();
    }
  });

  test('of many at once, one gets it', async () => {
    const answers = await Promise.all(
      Array.from(
        { length: 8 },
        async (_, node) => await storage.leases.acquire('busy', `node-${node}`, 60),
      ),
    );
    expect(answers.filter((answer) => answer !== undefined)).toHaveLength(1);
  });
});
