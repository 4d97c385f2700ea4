/** Issuers of the database and foreign CAs as one source. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ForeignAuthorities } from '../../../ocsp/foreign/foreign-authorities.ts';
import { JoinedSource } from '../../../ocsp/foreign/joined-source.ts';
import { MemoryStatus } from '../../support/memory-status.ts';
import { softwareToken } from '../../support/software-token.ts';
import { testCertificate, testIssuer } from '../../support/test-hierarchy.ts';

const folder = mkdtempSync(join(tmpdir(), 'chancery-joined-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
const own = testIssuer('Own');
const other = testIssuer('Other');

function joined() {
  const database = new MemoryStatus();
  database.addIssuer(own);
  const authority = (name: string, { certificate }: typeof own) => ({
    ...{ name, certificate, locations: [join(folder, 'missing.crl')], scope: 'all' as const },
    ...{ refreshMilliseconds: 1000, delegateCertificateFile: undefined },
  });
  const foreign = new ForeignAuthorities({
    ...{ alone: false, enrols: true, folder, token: softwareToken(), signDeadline: 1000 },
    authorities: [authority('other', other), authority('own', own)],
    clock: { now: () => new Date() },
    log: () => undefined,
  });
  return { database, foreign, source: new JoinedSource(database, foreign) };
}

test('an issuer in the database is served from there, also when it is configured as foreign', async () => {
  const { database, foreign, source } = joined();
  const issuers = await source.issuers();
  expect(issuers.map(({ name }) => name)).toEqual(['Own', 'other']);
  expect([foreign.owns(own.issuerId), foreign.owns(other.issuerId)]).toEqual([false, true]);
  const { certificate } = testCertificate(own, { subject: 'CN=never issued' });
  expect(await source.lookup(own.issuerId, [certificate.serialNumber])).toEqual([]);
  expect(database.lookups).toBe(1);
  // Without a CRL the record's times are over: nothing is signed by it.
  const [record] = await source.lookup(other.issuerId, ['aa']);
  expect(record?.validity?.nextUpdate).toEqual(new Date(0));
});

test('changes of the database come through whole, page by page', async () => {
  const { database, source } = joined();
  const { certificate } = testCertificate(own, { subject: 'CN=leaf' });
  database.issued(own, certificate);
  let { cursor } = await source.changesSince(undefined, 2);
  for (let index = 0; index < 5; index += 1) {
    database.change(own, certificate.serialNumber, { notGoodSince: new Date(index) });
  }
  const seen: (number | undefined)[] = [];
  for (const expected of [2, 2, 1, 0]) {
    const page = await source.changesSince(cursor, 2);
    expect(page.changes).toHaveLength(expected);
    seen.push(...page.changes.map(({ notGoodSince }) => notGoodSince?.getTime()));
    ({ cursor } = page);
  }
  expect(seen).toEqual([0, 1, 2, 3, 4]);
  database.failing = true;
  await expect(source.changesSince(cursor, 2)).rejects.toThrow('away');
});
