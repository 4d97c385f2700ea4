import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CertificateQuery, CertificateRecord } from '../../../src/authority/ports.ts';
import { openStorage, type Storage } from '../../../src/storage/index.ts';
import {
  certificateOver,
  change,
  drawSerialNumber,
  issuerId,
  onHold,
  preparedRecord,
  revoked,
  sha256,
  tenant,
} from '../../support/inventory-records.ts';
import { testDatabase } from '../../support/postgres.ts';

const now = new Date('2026-11-21T12:00:00Z');
let storage: Storage;

/** One certificate of each kind, by what stands out in it. */
const kinds = {
  plain: preparedRecord({ subject: 'CN=plain.example', names: ['DNS:plain.example'] }),
  umlaut: preparedRecord({ subject: 'CN=BÜRO,O=Ämter', names: ['email:Büro@example'] }),
  percent: preparedRecord({ subject: 'CN=100%_\\sure', names: ['URI:https://x/%41_b'] }),
  quoted: preparedRecord({ subject: `CN=o'brien"; DROP TABLE audit; --`, names: [] }),
  owned: preparedRecord({ owner: 'team-b', requestedBy: 'service-2', profileName: 'device' }),
  tagged: preparedRecord({ tags: ['prod', 'eu west'], names: ['IP:10.0.0.1', 'DNS:t.example'] }),
  expired: preparedRecord({
    subject: 'CN=expired',
    notBefore: new Date('2026-01-01T00:00:00Z'),
    notAfter: new Date('2026-11-21T11:59:59Z'),
  }),
  held: preparedRecord({ subject: 'CN=held' }),
  revoked: preparedRecord({ subject: 'CN=revoked' }),
  expiredRevoked: preparedRecord({
    subject: 'CN=expired-revoked',
    notBefore: new Date('2026-01-01T00:00:00Z'),
    notAfter: new Date('2026-02-01T00:00:00Z'),
  }),
  prepared: preparedRecord({
    subject: 'CN=prepared',
    requestedAt: new Date('2026-11-21T11:30:00Z'),
  }),
};

beforeAll(async () => {
  const database = await testDatabase('search');
  storage = await openStorage({ url: database.applicationUrl });
  await storage.unitOfWork.run(async ({ inventory }) => {
    for (const [kind, record] of Object.entries(kinds)) {
      await inventory.insertPrepared(record);
      if (kind === 'prepared') continue;
      const certificate = certificateOver(record.tbsCertificate);
      await inventory.markIssued(tenant, issuerId, record.serialNumber, certificate, now);
    }
    await inventory.changeStatus(tenant, issuerId, kinds.held.serialNumber, onHold, change('hold'));
    for (const record of [kinds.revoked, kinds.expiredRevoked]) {
      await inventory.changeStatus(
        tenant,
        issuerId,
        record.serialNumber,
        revoked,
        change('revoke'),
      );
    }
  });
});
afterAll(async () => await storage.close());

async function search(query: Partial<CertificateQuery>): Promise<readonly CertificateRecord[]> {
  const page = await storage.unitOfWork.read(
    async ({ inventory }) => await inventory.search({ tenant, now, limit: 100, ...query }),
  );
  expect(page.next).toBeNull();
  return page.items;
}

async function found(query: Partial<CertificateQuery>): Promise<readonly string[]> {
  const items = await search(query);
  return Object.entries(kinds)
    .filter(([, record]) => items.some((item) => item.serialNumber === record.serialNumber))
    .map(([kind]) => kind);
}

describe('filters', () => {
  test('status: expired is any status past notAfter; the others are not expired', async () => {
    expect(await found({ status: 'expired' })).toEqual(['expired', 'expiredRevoked']);
    expect(await found({ status: 'onHold' })).toEqual(['held']);
    expect(await found({ status: 'revoked' })).toEqual(['revoked']);
    expect(await found({ status: 'good' })).toEqual([
      'plain',
      'umlaut',
      'percent',
      'quoted',
      'owned',
      'tagged',
    ]);
    expect(await found({ issuanceState: 'prepared' })).toEqual(['prepared']);
  });

  test('subject is a substring of subject or any name, whatever the case', async () => {
    expect(await found({ subject: 'PLAIN.EX' })).toEqual(['plain']);
    expect(await found({ subject: 'büro' })).toEqual(['umlaut']);
    expect(await found({ subject: 'Büro@EXAMPLE' })).toEqual(['umlaut']);
    expect(await found({ subject: '10.0.0' })).toEqual(['tagged']);
  });

  test('name is one whole name, with or without its type', async () => {
    expect(await found({ name: 'DNS:t.example' })).toEqual(['tagged']);
    expect(await found({ name: '10.0.0.1' })).toEqual(['tagged']);
    expect(await found({ name: '.example' })).toEqual([]);
    expect(await found({ name: 'plain.example' })).toEqual(['plain']);
  });

  test('owner, requester, profile, tag, key, issuer, serial number and times', async () => {
    expect(await found({ owner: 'team-b' })).toEqual(['owned']);
    expect(await found({ requestedBy: 'service-2' })).toEqual(['owned']);
    expect(await found({ profileName: 'device' })).toEqual(['owned']);
    expect(await found({ tag: 'eu west' })).toEqual(['tagged']);
    expect(await found({ spkiHash: kinds.plain.spkiHash })).toEqual(['plain']);
    expect(await found({ spkiHash: sha256('none') })).toEqual([]);
    expect(await found({ serialNumber: kinds.held.serialNumber })).toEqual(['held']);
    expect(await found({ issuerId: 'b2'.repeat(20) })).toEqual([]);
    const notAfterBefore = new Date('2026-03-01T00:00:00Z');
    expect(await found({ notAfterBefore, status: 'expired' })).toEqual(['expiredRevoked']);
    // What has ended already is not about to end.
    expect(await found({ notAfterBefore })).toEqual([]);
    expect(await found({ requestedAfter: new Date('2026-11-21T11:00:00Z') })).toEqual(['prepared']);
    expect(await found({ tenant: 'other' })).toEqual([]);
  });

  test('several filters must all hold', async () => {
    expect(await found({ owner: 'team-a', subject: 'example', tag: 'prod' })).toEqual(['tagged']);
    expect(await found({ owner: 'team-b', tag: 'prod' })).toEqual([]);
  });
});

// Incident I11: a filter must not be able to mean more than its text.
describe('T-INJ-1: SQL and LIKE metacharacters are data', () => {
  test('a wildcard matches itself only', async () => {
    expect(await found({ subject: '%' })).toEqual(['percent']);
    expect(await found({ subject: '100%_\\s' })).toEqual(['percent']);
    expect(await found({ subject: 'a_b' })).toEqual([]);
    expect(await found({ subject: '1_b' })).toEqual(['percent']);
    expect(await found({ subject: '\\' })).toEqual(['percent']);
    expect(await found({ name: '%' })).toEqual([]);
    expect(await found({ owner: '%' })).toEqual([]);
    expect(await found({ owner: '*' })).toEqual([]);
  });

  test('quotes and statements in every text filter find nothing or exactly that text', async () => {
    expect(await found({ subject: `o'brien"; DROP TABLE audit; --` })).toEqual(['quoted']);
    const attack = `x' OR '1'='1`;
    for (const member of [
      'name',
      'owner',
      'requestedBy',
      'profileName',
      'tag',
      'issuerId',
      'serialNumber',
      'tenant',
    ] as const) {
      expect(await found({ [member]: attack })).toEqual([]);
      expect(await found({ [member]: '{"a"}' })).toEqual([]);
      expect(await found({ [member]: '$1' })).toEqual([]);
    }
  });

  test('a NUL is refused as malformed', async () => {
    await expect(search({ subject: 'a\u0000b' })).rejects.toMatchObject({ code: 'malformed' });
  });

  test('any text finds exactly what contains it', async () => {
    const records = Object.entries(kinds);
    await fc.assert(
      fc.asyncProperty(
        fc.string({
          unit: fc.constantFrom(...'%_\\\'"ab.ex$*?[](){}^|'),
          minLength: 1,
          maxLength: 4,
        }),
        async (text) => {
          const wanted = records
            .filter(([, { subject, names }]) =>
              [subject, ...names].join('\n').toLowerCase().includes(text.toLowerCase()),
            )
            .map(([kind]) => kind);
          expect(await found({ subject: text })).toEqual(wanted);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('pages', () => {
  test('follow each other without loss or repetition while certificates arrive', async () => {
    const owner = 'paged';
    const insert = async (count: number): Promise<readonly string[]> => {
      const records = Array.from({ length: count }, () =>
        preparedRecord({ owner, serialNumber: drawSerialNumber() }),
      );
      await storage.unitOfWork.run(async ({ inventory }) => {
        for (const record of records) await inventory.insertPrepared(record);
      });
      return records.map((record) => record.serialNumber);
    };
    const wanted = await insert(23);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await storage.unitOfWork.read(
        async ({ inventory }) => await inventory.search({ tenant, now, owner, limit: 5, cursor }),
      );
      seen.push(...page.items.map((item) => item.serialNumber));
      await insert(1);
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual([...wanted].reverse());
  });

  test('a cursor that was made up is refused', async () => {
    for (const cursor of ['', 'x', '1 OR 1=1', Buffer.from("c1'").toString('base64url')]) {
      await expect(search({ cursor })).rejects.toMatchObject({ code: 'invalidArgument' });
    }
  });
});
