/** Issuers of the database and foreign CAs as one source. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ForeignAuthorities } from '../../../ocsp/foreign/foreign-authorities.ts';
import { JoinedSource } from '../../../ocsp/foreign/joined-source.ts';
import { assembleSigned, encodeTbsCertList, keyIdentifier } from '../../../src/pkix/index.ts';
import { MemoryStatus } from '../../support/memory-status.ts';
import { until } from '../../support/quickstart-run.ts';
import { softwareSignature, softwareToken } from '../../support/software-token.ts';
import { testCertificate, testIssuer } from '../../support/test-hierarchy.ts';

const folder = mkdtempSync(join(tmpdir(), 'chancery-joined-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
const own = testIssuer('Own');
const other = testIssuer('Other');

function joined(refreshMilliseconds = 1000) {
  const database = new MemoryStatus();
  database.addIssuer(own);
  const authority = (name: string, { certificate }: typeof own) => ({
    ...{ name, certificate, locations: [join(folder, 'missing.crl')], scope: 'all' as const },
    ...{ refreshMilliseconds, delegateCertificateFile: undefined },
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

test('a CRL that changes thousands of statuses tells each of them', async () => {
  const path = join(folder, 'missing.crl');
  const write = (crlNumber: bigint, revoked: number): void => {
    const { algorithm, certificate, privateKey } = other;
    const thisUpdate = new Date(Date.now() - 3_600_000 + Number(crlNumber) * 1000);
    const tbs = encodeTbsCertList(
      {
        ...{ signature: algorithm, issuer: certificate.subject, thisUpdate, crlNumber },
        nextUpdate: new Date(Date.now() + 3_600_000),
        authorityKeyIdentifier: keyIdentifier(certificate.subjectPublicKeyInfo),
      },
      Array.from({ length: revoked }, (_, index) => ({
        ...{ serialNumber: (index + 1).toString(16), revocationDate: thisUpdate },
      })),
    );
    const signature = softwareSignature(algorithm, privateKey, tbs);
    writeFileSync(`${path}.new`, assembleSigned(tbs, algorithm, signature));
    renameSync(`${path}.new`, path);
  };
  write(1n, 0);
  const { foreign, source } = joined(20);
  await foreign.start();
  await until('the first CRL', () => (foreign.crlEnds().get('other') ?? 0) > 0);
  let { cursor } = await source.changesSince(undefined, 100);
  write(2n, 2500);
  const seen = new Set<string>();
  await until('all changes', async () => {
    const page = await source.changesSince(cursor, 1000);
    expect(page.changes.length).toBeLessThanOrEqual(1000);
    for (const { serialNumber, status } of page.changes)
      if (status === 'revoked') seen.add(serialNumber);
    ({ cursor } = page);
    return seen.size === 2500;
  });
  expect((await source.changesSince(cursor, 1000)).changes).toEqual([]);
  await foreign.close();
  rmSync(path);
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
