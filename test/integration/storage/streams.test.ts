import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CrlEntry } from '../../../src/issuance/ports.ts';
import { openStorage, type Storage } from '../../../src/storage/index.ts';
import {
  auditRecordOf,
  change,
  heldSince,
  issuerId,
  onHold,
  preparedRecord,
  reservedCrl,
  revoked,
  tenant,
} from '../../support/inventory-records.ts';
import { testDatabase } from '../../support/postgres.ts';

const notAfter = preparedRecord().notAfter;
/** Rows of a table that the streams page through in several chunks. */
const many = 12_345;
let storage: Storage;

beforeAll(async () => {
  const database = await testDatabase('streams');
  storage = await openStorage({ url: database.applicationUrl });
  const owner = new Client({ connectionString: database.ownerUrl });
  await owner.connect();
  // Serial numbers of 1 to 4 digits, so that their order as text differs from that as numbers.
  await owner.query(
    `INSERT INTO chancery.certificates (requested_at, not_before, not_after, tenant, issuer_id,
        serial_number, type, spki_hash, retention_class)
      SELECT now(), now(), $1, 'default', $2, to_hex(n), 'endEntity', '\\x00', 's'
      FROM generate_series(1, $3::int) n`,
    [notAfter, issuerId, many],
  );
  await owner.query(
    `INSERT INTO chancery.certificate_status (certificate_id, not_after, shard, tenant, issuer_id,
        serial_number, status, reason_code, not_good_since)
      SELECT id, not_after, shard, tenant, issuer_id, serial_number, 'revoked', 'superseded', $1
      FROM chancery.certificates ORDER BY random()`,
    [heldSince],
  );
  await owner.end();
}, 60_000);
afterAll(async () => await storage.close());

async function entries(of: string, shard = 0, from = notAfter): Promise<readonly CrlEntry[]> {
  return await storage.unitOfWork.read(async ({ inventory }) => {
    const all: CrlEntry[] = [];
    for await (const chunk of inventory.crlEntries(tenant, of, shard, from)) all.push(...chunk);
    return all;
  });
}

describe('the entries of a CRL', () => {
  test('come in chunks, each once, in the order of the serial numbers', async () => {
    const sizes: number[] = [];
    const serialNumbers: string[] = [];
    await storage.unitOfWork.read(async ({ inventory }) => {
      for await (const chunk of inventory.crlEntries(tenant, issuerId, 0, notAfter)) {
        sizes.push(chunk.length);
        serialNumbers.push(...chunk.map((entry) => entry.serialNumber));
      }
    });
    expect(sizes.length).toBeGreaterThan(1);
    expect(serialNumbers).toEqual(
      Array.from({ length: many }, (_, index) => (index + 1).toString(16)),
    );
  });

  test('a caller that stops early leaves a usable transaction and connection', async () => {
    await storage.unitOfWork.read(async ({ inventory }) => {
      for await (const chunk of inventory.crlEntries(tenant, issuerId, 0, notAfter)) {
        expect(chunk.length).toBeGreaterThan(0);
        break;
      }
      expect(await inventory.find(tenant, issuerId, 'a')).toBeDefined();
      let count = 0;
      for await (const chunk of inventory.crlEntries(tenant, issuerId, 0, notAfter))
        count += chunk.length;
      expect(count).toBe(many);
    });
  });

  test('are what is not good or abandoned, with reason and dates; released ones leave', async () => {
    const of = 'b2'.repeat(20);
    const [held, released, abandoned, good, other] = ['a1', 'a2', 'a3', 'a4', 'a5'].map(
      (serialNumber) =>
        preparedRecord({ issuerId: of, serialNumber, shard: serialNumber === 'a5' ? 1 : 0 }),
    );
    const invalidityDate = new Date('2026-11-01T00:00:00Z');
    await storage.unitOfWork.run(async ({ inventory }) => {
      for (const record of [held, released, abandoned, good, other]) {
        if (record) await inventory.insertPrepared(record);
      }
      await inventory.changeStatus(tenant, of, 'a1', onHold, change('hold'));
      await inventory.changeStatus(tenant, of, 'a2', onHold, change('hold'));
      await inventory.changeStatus(tenant, of, 'a2', { status: 'good' }, change('release'));
      await inventory.markAbandoned(
        tenant,
        of,
        'a3',
        { ...revoked, invalidityDate },
        change('revoke'),
      );
      await inventory.changeStatus(tenant, of, 'a5', revoked, change('revoke'));
    });
    expect(await entries(of)).toEqual([
      { serialNumber: 'a1', revocationDate: heldSince, reasonCode: 'certificateHold' },
      { serialNumber: 'a3', revocationDate: heldSince, reasonCode: 'superseded', invalidityDate },
    ]);
    expect((await entries(of, 1)).map((entry) => entry.serialNumber)).toEqual(['a5']);
  });

  // RFC 5280 §3.3: an entry leaves only after one CRL issued past notAfter (incident I20).
  test('an expired entry is listed until the CRL before was issued past its notAfter', async () => {
    const of = 'c3'.repeat(20);
    await storage.unitOfWork.run(async ({ inventory }) => {
      await inventory.insertPrepared(preparedRecord({ issuerId: of, serialNumber: '1' }));
      await inventory.changeStatus(tenant, of, '1', revoked, change('revoke'));
    });
    expect(await entries(of, 0, new Date(notAfter.getTime() - 3_600_000))).toHaveLength(1);
    expect(await entries(of, 0, notAfter)).toHaveLength(1);
    expect(await entries(of, 0, new Date(notAfter.getTime() + 1))).toHaveLength(0);
  });

  test('are those of one moment, whatever is revoked meanwhile', async () => {
    const of = 'd4'.repeat(20);
    const revoke = async (serialNumber: string) =>
      await storage.unitOfWork.run(async ({ inventory }) => {
        await inventory.insertPrepared(preparedRecord({ issuerId: of, serialNumber }));
        await inventory.changeStatus(tenant, of, serialNumber, revoked, change('revoke'));
      });
    await revoke('1');
    await storage.unitOfWork.read(async ({ inventory }) => {
      expect(await inventory.latestChange(tenant, of, 0)).toBe(1n);
      await revoke('2');
      const all: string[] = [];
      for await (const chunk of inventory.crlEntries(tenant, of, 0, notAfter)) {
        all.push(...chunk.map((entry) => entry.serialNumber));
      }
      expect(all).toEqual(['1']);
    });
  });
});

describe('verification', () => {
  test('streams every row of each table', async () => {
    const count = async (rows: AsyncIterable<readonly unknown[]>): Promise<number> => {
      let total = 0;
      for await (const chunk of rows) total += chunk.length;
      return total;
    };
    const serialNumbers = new Set<string>();
    for await (const chunk of storage.verification.certificates()) {
      for (const record of chunk) serialNumbers.add(`${record.issuerId}/${record.serialNumber}`);
    }
    expect(serialNumbers.size).toBeGreaterThanOrEqual(many);
    for (let index = 0; index < 3; index += 1) {
      await storage.unitOfWork.run(async ({ crls, audit }) => {
        await reservedCrl(crls, new Date(), { shard: index });
        await audit.append(auditRecordOf('crl.publish', String(index)));
      });
    }
    expect(await count(storage.verification.crls())).toBe(3);
    expect(await count(storage.verification.auditRecords())).toBe(3);
    expect(await count(storage.verification.statusChanges())).toBeGreaterThanOrEqual(5);
  });
});
