/** T-RST-1: a backup of the database is restored under a data folder that has seen more. */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect } from 'vitest';
import { parseCertificateList } from '../../src/pkix/index.ts';
import { Service } from '../support/availability.ts';
import { audited, fetchCrl, onCrl } from '../support/crash-judges.ts';
import { useInstallation } from '../support/installation.ts';
import { until } from '../support/quickstart-run.ts';
import { sampledTests } from '../support/sampled-tests.ts';

const chancery = useInstallation();
const service = new Service(chancery);
const cluster = join(chancery.data, 'postgres', 'cluster');
const backup = join(chancery.folder, 'backup');

function prefix(): string {
  const text = readFileSync(join(chancery.data, 'installation.json'), 'utf8');
  return (JSON.parse(text) as { serialPrefix: string }).serialPrefix;
}

async function takeBackup(): Promise<void> {
  expect(await chancery.stop()).toBe(0);
  rmSync(backup, { recursive: true, force: true });
  execFileSync('cp', ['-a', cluster, backup]);
  await chancery.start();
}

/**
 * Stops all, puts the copy back, and starts until the CA serves, ready or not.
 *
 * @returns the number of the issuer's CRL as relying parties were told last
 */
async function restore(issuerId: string): Promise<bigint> {
  expect(await chancery.stop()).toBe(0);
  const file = join(chancery.data, 'published', 'crl', issuerId, '0.crl');
  const published = parseCertificateList(readFileSync(file)).crlNumber ?? 0n;
  rmSync(cluster, { recursive: true });
  execFileSync('cp', ['-a', backup, cluster]);
  await chancery.launch();
  await until(
    'the CA to refuse',
    async () =>
      (await service.ready('ca').catch(() => undefined))?.text.includes('accept-restore') ?? false,
    60_000,
  );
  return published;
}

async function crlNumber(issuerId: string): Promise<bigint> {
  return parseCertificateList(await fetchCrl(chancery, issuerId)).crlNumber ?? 0n;
}

const restores = sampledTests('restores', 1);

beforeAll(async () => {
  await service.begin();
}, 60_000);

restores.add(
  'certificates were revoked and held since the backup: nothing goes back: refused, recorded by the operator, then a new epoch',
  async () => {
    const held = await service.client.issue();
    await takeBackup();
    const revoked = await service.client.issue();
    const forgotten = await service.client.issue();
    await service.client.change(revoked, 'revoke');
    await service.client.change(held, 'hold');
    const { issuerId } = revoked;
    await until('the CRL to name both', async () => {
      const listed = await onCrl(chancery, issuerId);
      return listed.has(revoked.serialNumber) && listed.has(held.serialNumber);
    });
    const oldPrefix = prefix();

    const published = await restore(issuerId);
    service.expectUnavailable(await service.tryToIssue(), 'issuanceHalted');
    // What relying parties were told stays as it is.
    expect(await crlNumber(issuerId)).toBe(published);
    const byHand = await chancery.chancery('crl', 'publish', '--issuer', issuerId);
    expect(byHand.code).toBe(3);

    const refused = await chancery.chancery('database', 'accept-restore');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`crlNumber ${published}`);
    expect(refused.stderr).toContain('--record-published');
    expect(prefix()).toBe(oldPrefix);
    service.expectUnavailable(await service.tryToIssue(), 'issuanceHalted');

    const accepted = await chancery.chancery('database', 'accept-restore', '--record-published');
    expect(accepted).toMatchObject({ code: 0 });
    expect(accepted.stdout).toContain(revoked.serialNumber);
    const newPrefix = prefix();
    expect(newPrefix).not.toBe(oldPrefix);

    await service.expectBack(undefined);
    const next = await service.client.issue();
    expect(next.serialNumber.padStart(36, '0').slice(0, 4)).toBe(newPrefix);
    await until(
      'a CRL after the published one',
      async () => (await crlNumber(issuerId)) > published,
    );
    const listed = await onCrl(chancery, issuerId);
    expect(listed).toContain(revoked.serialNumber);
    expect(listed).toContain(held.serialNumber);
    expect(await service.client.show(held.serialNumber)).toMatchObject({ status: 'onHold' });
    expect(await service.client.show(revoked.serialNumber)).toMatchObject({
      status: 'revoked',
      issuanceState: 'abandoned',
      reasonCode: 'superseded',
    });
    expect(await service.ocsp(revoked.serialNumber)).toContain(': revoked');
    // No CRL named it: only an unknown answer is honest.
    expect(await service.ocsp(forgotten.serialNumber)).toContain(': unknown');
    expect((await audited(chancery, 'database.acceptRestore')).size).toBe(1);
    expect((await audited(chancery, 'certificate.recordPublished')).size).toBe(2);
  },
  150_000,
);

restores.add(
  'certificates were only issued since the backup: the older database is recognised all the same',
  async () => {
    await takeBackup();
    const { issuerId } = await service.client.issue();
    const oldPrefix = prefix();
    await restore(issuerId);
    service.expectUnavailable(await service.tryToIssue(), 'issuanceHalted');
    expect(await chancery.chancery('database', 'accept-restore')).toMatchObject({ code: 0 });
    await service.expectBack(undefined);
    expect(prefix()).not.toBe(oldPrefix);
  },
  150_000,
);

restores.define();
