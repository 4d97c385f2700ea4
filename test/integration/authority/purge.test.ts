/** The purge as an act: who may, what it records, when it refuses, and what can be done afterwards. */
import { beforeAll, expect, test } from 'vitest';
import { createAuthority, verifyInventory } from '../../../src/authority/index.ts';
import { admin, principal, refusal, testAuthority } from '../../support/authority.ts';

const chancery = await testAuthority('purge_act');
const { authority, clock, dependencies } = chancery;
const day = 86_400_000;
const ago = (days: number): Date => new Date(Date.now() - days * day);

/** Issued, and then as old as if it had expired three days ago. */
async function expired(): Promise<string> {
  const { serialNumber } = (await chancery.issue()).record;
  await chancery.sql(
    `UPDATE certificates SET not_before = $2, not_after = $3 WHERE serial_number = $1`,
    [serialNumber, ago(93), ago(3)],
  );
  return serialNumber;
}

const show = async (serialNumber: string) =>
  await authority.findCertificate(admin, { serialNumber });

beforeAll(async () => {
  await authority.publishCrl(admin, 'issuing');
});

test('a dry run counts and changes nothing; the purge leaves what is kept for good, and its record', async () => {
  const serialNumber = await expired();
  const report = await authority.purgeInventory(admin, { dryRun: true });
  expect(report).toMatchObject({
    dryRun: true,
    complete: true,
    classes: [{ retentionClass: 'standard', certificates: 1 }],
  });
  expect((await show(serialNumber)).purgedAt).toBeUndefined();
  // The class's own day is never undercut, whatever moment is asked for; an earlier one narrows.
  expect((await authority.purgeInventory(admin, { before: ago(5) })).classes[0]?.certificates).toBe(
    0,
  );
  expect(
    (await authority.purgeInventory(admin, { before: ago(-400) })).classes[0]?.certificates,
  ).toBe(1);
  expect(await show(serialNumber)).toMatchObject({
    serialNumber,
    purgedAt: expect.any(Date),
    certificateSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    subject: '',
  });
  await expect(authority.certificateChain(admin, { serialNumber })).rejects.toMatchObject({
    code: 'notFound',
    message: expect.stringContaining('was purged'),
  });
  const records = await authority.listAudit(admin, { act: 'inventory.purge', limit: 10 });
  expect(records.at(-1)).toMatchObject({
    outcome: 'done',
    object: 'standard',
    details: { certificates: 1 },
  });
});

test('only an administrator purges', async () => {
  const serialNumber = await expired();
  for (const role of ['operator', 'auditor', 'subscriber'] as const) {
    expect(await refusal(authority.purgeInventory(principal(role), {}))).toBe('forbidden');
  }
  expect((await show(serialNumber)).purgedAt).toBeUndefined();
});

test('a batch that fails before its commit leaves every certificate whole', async () => {
  const serialNumber = await expired();
  chancery.at['purge.1-before-commit'] = () => {
    throw new Error('the process ends here');
  };
  await expect(authority.purgeInventory(admin, {})).rejects.toThrow();
  delete chancery.at['purge.1-before-commit'];
  const record = await show(serialNumber);
  expect(record.purgedAt).toBeUndefined();
  expect(record.certificate).toBeDefined();
});

test('a clock that is years ahead of the database’s purges nothing', async () => {
  const { record } = await chancery.issue();
  const wrong = createAuthority({
    ...dependencies,
    // The database tells its own time.
    unitOfWork: chancery.storage.unitOfWork,
    clock: { now: () => ago(-3650) },
  });
  expect(await refusal(wrong.purgeInventory(admin, {}))).toBe('issuanceHalted');
  expect((await show(record.serialNumber)).purgedAt).toBeUndefined();
});

test('an expired and a purged certificate are still revoked: listed once at least, answered truthfully', async () => {
  const unpurged = await expired();
  await authority.revokeCertificate(admin, {
    serialNumber: unpurged,
    reasonCode: 'keyCompromise',
  });
  await authority.purgeInventory(admin, {});
  // Revoked, and no CRL since: it stays.
  expect((await show(unpurged)).purgedAt).toBeUndefined();
  const purged = await expired();
  await authority.purgeInventory(admin, {});
  expect((await show(purged)).purgedAt).toBeDefined();
  await authority.holdCertificate(admin, { serialNumber: purged });
  await authority.releaseCertificate(admin, { serialNumber: purged });
  await authority.revokeCertificate(admin, { serialNumber: purged, reasonCode: 'superseded' });
  expect(await authority.certificateHistory(admin, { serialNumber: purged })).toHaveLength(3);
  const { issuerId } = chancery.issuing;
  expect(await chancery.status.source.lookup(issuerId, [purged])).toMatchObject([
    { status: 'revoked', reasonCode: 'superseded' },
  ]);
  clock.advance(1);
  await authority.publishCrl(admin, 'issuing');
  const listed = chancery.crl().entries();
  const serials = [...listed].map((entry) => entry.serialNumber);
  expect(serials).toContain(unpurged);
  expect(serials).toContain(purged);
  // Listed after its notAfter: now its contents may go.
  await authority.purgeInventory(admin, {});
  expect((await show(unpurged)).purgedAt).toBeDefined();
});

test('the schedule purges where it is told to, once in the cluster', async () => {
  const serialNumber = await expired();
  const node = await chancery.node('node-2', {
    settings: {
      inventory: {
        retention: { standard: 86_400 },
        purge: 'schedule',
        keepChangesSeconds: 30 * 86_400,
      },
    },
  });
  await node.authority.tick();
  expect((await show(serialNumber)).purgedAt).toBeDefined();
});

test('the integrity check finds purged certificates sound, and sees what is not', async () => {
  const verify = async (): Promise<string[]> => {
    const { findings } = await verifyInventory({
      source: chancery.storage.verification,
      unitOfWork: chancery.storage.unitOfWork,
      publisher: dependencies.publisher,
      tenant: 'default',
      now: clock.now(),
      settleAfterSeconds: 20,
      progress: () => undefined,
    });
    return findings.map(({ problem }) => problem);
  };
  await expired();
  await authority.purgeInventory(admin, {});
  expect(await verify()).toEqual([]);
  const lost = await expired();
  await authority.purgeInventory(admin, {});
  await chancery.sql(
    `UPDATE certificates SET purged_at = NULL, certificate_sha256 = NULL WHERE serial_number = $1`,
    [lost],
  );
  expect(await verify()).toEqual(['has no contents and was never purged']);
  await chancery.sql(
    `UPDATE certificates SET purged_at = now(), certificate_sha256 = NULL WHERE serial_number = $1`,
    [lost],
  );
  expect(await verify()).toEqual(['is purged and its hashes were not kept']);
  await chancery.sql(
    `INSERT INTO certificate_contents SELECT 999999999, requested_at, profile_name, profile_hash, subject,
        names, key_algorithm, signature_algorithm, policies, requested_by, owner, tags, notes, approval,
        idempotency_key, replaces, requested, granted, tbs_certificate
      FROM certificate_contents LIMIT 1`,
  );
  expect(await verify()).toContain('belong to no row of the register');
});
