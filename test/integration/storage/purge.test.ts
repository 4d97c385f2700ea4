/** Which certificates a purge takes, what it leaves, and what can still be done with them. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CertificateRecord } from '../../../src/authority/ports.ts';
import {
  openStatusStorage,
  openStorage,
  type StatusStorage,
  type Storage,
} from '../../../src/storage/index.ts';
import {
  certificateOver,
  change,
  issuerId,
  issuerRecord,
  preparedRecord,
  revoked,
  sha256,
  tenant,
} from '../../support/inventory-records.ts';
import { type TestDatabase, testDatabase } from '../../support/postgres.ts';
import { until } from '../../support/quickstart-run.ts';

const day = 86_400_000;
const now = Date.now();
const daysAgo = (days: number): Date => new Date(Math.floor((now - days * day) / 1000) * 1000);
const foreignIssuer = 'f0'.repeat(20);
let database: TestDatabase;
let storage: Storage;
let responder: StatusStorage;
let owner: Client;

beforeAll(async () => {
  database = await testDatabase('purge');
  storage = await openStorage({ url: database.applicationUrl });
  responder = await openStatusStorage({ url: database.responderUrl });
  owner = new Client({ connectionString: database.ownerUrl });
  await owner.connect();
  await owner.query('SET search_path TO chancery, public');
  await owner.query(
    `INSERT INTO foreign_issuers VALUES ('default', $1, 'elsewhere', '\\x3000', '{}', '{}', now(), 'x')`,
    [foreignIssuer],
  );
  await storage.unitOfWork.run(async ({ issuers }) => await issuers.insert(issuerRecord()));
});
afterAll(async () => {
  await owner.end();
  await responder.close();
  await storage.close();
});

/** Each in a month of its own past, issued, expired ten days ago unless told otherwise. */
async function made(changes: Partial<CertificateRecord> = {}): Promise<CertificateRecord> {
  const record = preparedRecord({
    requestedAt: daysAgo(100),
    notBefore: daysAgo(100),
    notAfter: daysAgo(10),
    ...changes,
  });
  const certificate = certificateOver(record.tbsCertificate);
  await storage.unitOfWork.run(async ({ inventory }) => {
    if (record.origin === 'imported') {
      await inventory.insertImported({ ...record, issuanceState: 'issued', certificate });
      return;
    }
    await inventory.insertPrepared(record);
    if (changes.issuanceState !== 'prepared') {
      await inventory.markIssued(
        record.tenant,
        record.issuerId,
        record.serialNumber,
        certificate,
        record.requestedAt,
      );
    }
  });
  return { ...record, certificate };
}

async function endStatus(
  { issuerId: issuer, serialNumber }: CertificateRecord,
  days: number,
  act: 'revoke' | 'hold' = 'revoke',
  until?: Date,
): Promise<void> {
  const notGoodSince = daysAgo(days);
  const ends = until === undefined ? {} : { holdUntil: until, holdThen: 'alarm' as const };
  await storage.unitOfWork.run(async ({ inventory }) => {
    await inventory.changeStatus(
      tenant,
      issuer,
      serialNumber,
      act === 'revoke'
        ? { ...revoked, notGoodSince }
        : {
            status: 'onHold',
            reasonCode: 'certificateHold',
            holdCause: 'other',
            notGoodSince,
            ...ends,
          },
      change(act, { effectiveAt: notGoodSince, requestedAt: notGoodSince }),
    );
  });
}

async function publishCrl(issuer: string, thisUpdate: Date, shard = 0): Promise<void> {
  await owner.query(
    `INSERT INTO crls (tenant, issuer_id, shard, crl_number, this_update, next_update, published_at, covers_change)
      VALUES ('default', $1, $2, $3, $4, $4::timestamptz + interval '1 day', $4, 0)`,
    [issuer, shard, thisUpdate.getTime(), thisUpdate],
  );
}

async function purge(notAfterBefore = daysAgo(1), retentionClass = 'standard', at = new Date()) {
  const taken: string[] = [];
  for (;;) {
    const some = await storage.unitOfWork.run(
      async ({ maintenance }) =>
        await maintenance.purge({ tenant, retentionClass, notAfterBefore }, at, 3),
    );
    if (some.length === 0) return taken;
    taken.push(...some.map(({ serialNumber }) => serialNumber));
  }
}

const find = async ({ issuerId: issuer, serialNumber }: CertificateRecord) =>
  await storage.unitOfWork.read(
    async ({ inventory }) => await inventory.find(tenant, issuer, serialNumber),
  );

describe('a purge takes', () => {
  /** An issuer of its own for each case: CRLs are judged by issuer. */
  let issuers = 0;
  const cases: readonly [string, boolean, (issuer: string) => Promise<CertificateRecord>][] = [
    ['what has expired', true, async (of) => await made({ issuerId: of })],
    [
      'nothing that has not',
      false,
      async (of) => await made({ issuerId: of, notAfter: daysAgo(-1) }),
    ],
    [
      'nothing that is prepared',
      false,
      async (of) => await made({ issuerId: of, issuanceState: 'prepared' }),
    ],
    [
      'nothing that is on hold with a deadline',
      false,
      async (of) => {
        const record = await made({ issuerId: of });
        await endStatus(record, 12, 'hold', daysAgo(-5));
        await publishCrl(of, daysAgo(5));
        return record;
      },
    ],
    [
      'what is on hold without one, and was listed after its notAfter',
      true,
      async (of) => {
        const record = await made({ issuerId: of });
        await endStatus(record, 12, 'hold');
        await publishCrl(of, daysAgo(5));
        return record;
      },
    ],
    [
      'nothing revoked that no CRL has listed',
      false,
      async (of) => {
        const record = await made({ issuerId: of });
        await endStatus(record, 12);
        return record;
      },
    ],
    [
      'nothing revoked whose last CRL is older than its notAfter',
      false,
      async (of) => {
        const record = await made({ issuerId: of });
        await endStatus(record, 12);
        await publishCrl(of, daysAgo(11));
        return record;
      },
    ],
    [
      'what is revoked and was on a CRL after its notAfter',
      true,
      async (of) => {
        const record = await made({ issuerId: of });
        await endStatus(record, 12);
        await publishCrl(of, daysAgo(9));
        return record;
      },
    ],
    [
      'nothing revoked after its notAfter that no CRL has listed since',
      false,
      async (of) => {
        const record = await made({ issuerId: of });
        await publishCrl(of, daysAgo(9));
        await endStatus(record, 3);
        return record;
      },
    ],
    [
      'what is revoked at a CA elsewhere: we publish no CRL of it',
      true,
      async () => {
        const record = await made({ issuerId: foreignIssuer, origin: 'imported' });
        await endStatus(record, 12);
        return record;
      },
    ],
    [
      'nothing of another class',
      false,
      async (of) => await made({ issuerId: of, retentionClass: 'forever' }),
    ],
    [
      'nothing of another tenant',
      false,
      async (of) => await made({ issuerId: of, tenant: 'another' }),
    ],
  ];

  test.each(cases)('%s', async (_, taken, make) => {
    issuers += 1;
    const record = await make(issuers.toString(16).padStart(40, 'c'));
    expect((await purge()).includes(record.serialNumber)).toBe(taken);
  });
});

describe('what is purged', () => {
  test('keeps serial number, hashes, validity, type, issuer, status and history, and nothing else', async () => {
    const record = await made({ owner: 'nobody-else', names: ['DNS:gone.example'] });
    await endStatus(record, 12);
    await publishCrl(issuerId, daysAgo(9));
    expect(await purge()).toContain(record.serialNumber);
    const kept = await find(record);
    expect(kept).toMatchObject({
      serialNumber: record.serialNumber,
      issuerId,
      type: record.type,
      issuanceState: 'issued',
      notBefore: record.notBefore,
      notAfter: record.notAfter,
      spkiHash: record.spkiHash,
      tbsSha256: sha256(record.tbsCertificate),
      certificateSha256: sha256(record.certificate ?? new Uint8Array()),
      status: { status: 'revoked' },
      purgedAt: expect.any(Date),
      subject: '',
      names: [],
      owner: '',
    });
    expect(kept?.certificate).toBeUndefined();
    expect(kept?.tbsCertificate).toHaveLength(0);
    const { rows } = await owner.query(
      `SELECT (SELECT count(*)::int FROM certificate_contents m WHERE m.certificate_id = c.id) AS contents,
        o.certificate_head, o.certificate_tail FROM certificates c JOIN issuance_outcomes o ON o.certificate_id = c.id
        WHERE serial_number = $1`,
      [record.serialNumber],
    );
    expect(rows).toEqual([{ contents: 0, certificate_head: null, certificate_tail: null }]);
    const searched = await storage.unitOfWork.read(
      async ({ inventory }) =>
        await inventory.search({ tenant, status: 'expired', now: new Date(), limit: 1000 }),
    );
    expect(searched.items.map(({ serialNumber }) => serialNumber)).toContain(record.serialNumber);
  });

  test('can still be revoked: history, CRL and OCSP say so', async () => {
    const record = await made();
    await purge();
    await endStatus(record, 0);
    const { serialNumber } = record;
    await storage.unitOfWork.read(async ({ inventory }) => {
      expect(await inventory.history(tenant, issuerId, serialNumber)).toHaveLength(1);
      const listed: string[] = [];
      for await (const chunk of inventory.crlEntries(tenant, issuerId, 0, daysAgo(1))) {
        listed.push(...chunk.map((entry) => entry.serialNumber));
      }
      expect(listed).toContain(serialNumber);
    });
    expect(await responder.source.lookup(issuerId, [serialNumber])).toMatchObject([
      { serialNumber, status: 'revoked', issuanceState: 'issued' },
    ]);
  });

  test('leaves whole, or is whole, when the process is killed before the commit', async () => {
    const record = await made();
    const script = fileURLToPath(new URL('../../support/purge-process.ts', import.meta.url));
    const child = spawnSync(
      process.execPath,
      [script, database.applicationUrl, daysAgo(1).toISOString()],
      { encoding: 'utf8', timeout: 60_000 },
    );
    expect(child.stdout, child.stderr).toMatch(/^purged [1-9]/);
    expect(child.signal).toBe('SIGKILL');
    const found = await find(record);
    expect(found?.purgedAt).toBeUndefined();
    expect(found?.certificate).toEqual(record.certificate);
    // The server lets go of the dead process's locks when it notices.
    await until('the next purge', async () => (await purge()).includes(record.serialNumber));
  });

  test('is not taken because a clock is wrong: the database asks its own', async () => {
    const record = await made({ notAfter: daysAgo(-400) });
    const inTwoYears = daysAgo(-730);
    expect(await purge(inTwoYears, 'standard', inTwoYears)).toEqual([]);
    expect((await find(record))?.purgedAt).toBeUndefined();
    await expect(
      owner.query(
        `UPDATE certificates SET purged_at = now() + interval '3 years' WHERE serial_number = $1`,
        [record.serialNumber],
      ),
    ).rejects.toMatchObject({ code: '23000' });
  });
});

test('a month that is wholly purged gives its partition back; another keeps it', async () => {
  const [gone, stays] = [new Date('2011-03-05T00:00:00Z'), new Date('2011-04-05T00:00:00Z')];
  const drop = async () =>
    await storage.unitOfWork.run(
      async ({ maintenance }) => await maintenance.dropEmptyPartitions(new Date()),
    );
  await storage.unitOfWork.run(async ({ maintenance }) => await maintenance.keepPartitions(gone));
  const before = { notBefore: gone, notAfter: new Date('2012-01-01T00:00:00Z') };
  await made({ ...before, requestedAt: gone });
  const forever = await made({ ...before, requestedAt: stays, retentionClass: 'forever' });
  await purge(new Date('2012-06-01T00:00:00Z'));
  // March, and May and June that never held anything.
  expect(await drop()).toBeGreaterThanOrEqual(1);
  const { rows } = await owner.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relname ~ '^certificate_contents_2011_0[3-6]$' AND relkind = 'r'`,
  );
  expect(rows.map(({ name }) => name)).toEqual(['certificate_contents_2011_04']);
  expect((await find(forever))?.tbsCertificate).toEqual(forever.tbsCertificate);
});
