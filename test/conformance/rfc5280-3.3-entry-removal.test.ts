/** RFC 5280 §3.3: an entry stays until it has appeared on one CRL issued beyond notAfter (C21, I14, I20). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RevokedCertificate } from '../../src/pkix/index.ts';
import { openStorage, type Storage } from '../../src/storage/index.ts';
import { crlIssuer, readByOpenssl } from '../support/crl-issuer.ts';
import { change, preparedRecord, revoked, tenant } from '../support/inventory-records.ts';
import { testDatabase } from '../support/postgres.ts';

const made = crlIssuer({ name: 'Root of 3.3' });
const notAfter = new Date('2027-02-01T00:00:00Z');
const hours = (count: number) => new Date(notAfter.getTime() + count * 3_600_000);

let storage: Storage;
beforeAll(async () => {
  const database = await testDatabase('entry_removal');
  storage = await openStorage({ url: database.applicationUrl });
});
afterAll(async () => {
  await storage.close();
});

/** Publishes at each moment what the inventory lists then; answers whether the entry was on each CRL. */
async function listed(issuerId: string, moments: readonly Date[]): Promise<readonly boolean[]> {
  const serialNumber = '1b2c00112233445566778899aabbccddeeff';
  await storage.unitOfWork.run(async ({ inventory }) => {
    await inventory.insertPrepared(preparedRecord({ issuerId, serialNumber, notAfter }));
    await inventory.changeStatus(tenant, issuerId, serialNumber, revoked, change('revoke'));
  });
  const seen: boolean[] = [];
  let previous: { readonly crlNumber: bigint; readonly thisUpdate: Date } | undefined;
  for (const thisUpdate of moments) {
    const stillListedFrom = previous?.thisUpdate ?? new Date(0);
    const entries: RevokedCertificate[] = [];
    await storage.unitOfWork.read(async ({ inventory }) => {
      const chunks = inventory.crlEntries(tenant, issuerId, 0, stillListedFrom);
      for await (const chunk of chunks) entries.push(...chunk);
    });
    const crlNumber = BigInt(thisUpdate.getTime()) * 1000n;
    const der = await made.publish({ thisUpdate, crlNumber, previous, entries });
    seen.push(readByOpenssl(der, made.issuer).includes(serialNumber.toUpperCase()));
    previous = { crlNumber, thisUpdate };
  }
  return seen;
}

describe('C21: an entry of an expired certificate', () => {
  it.each([
    ['an hour before and after', [-1, 1, 2, 3], [true, true, false, false]],
    [
      'exactly at notAfter, which is still within validity',
      [-1, 0, 1, 2],
      [true, true, true, false],
    ],
    ['after an outage over notAfter', [-48, 240, 241], [true, true, false]],
    ['on the first CRL ever', [500, 501], [true, false]],
  ])('%s', async (name, moments, expected) => {
    const issuerId = Buffer.from(name).toString('hex').slice(0, 40).padEnd(40, '0');
    expect(await listed(issuerId, moments.map(hours))).toEqual(expected);
  });
});
