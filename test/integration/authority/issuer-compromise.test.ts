import { expect, test } from 'vitest';
import type { IncidentStatus } from '../../../src/authority/index.ts';
import { admin, principal, refusal, testAuthority } from '../../support/authority.ts';

const chancery = await testAuthority('issuer-compromise', { settings: { bulkBatchSize: 2 } });
const { authority, clock } = chancery;

test('a compromised issuer: sealed at once, its list worked off by whoever lives, replaced by another', async () => {
  const compromised = await authority.createIssuer(admin, {
    name: 'lost',
    kind: 'subordinate',
    parent: 'root',
    keyAlgorithm: 'p256',
  });
  await authority.createIssuer(admin, {
    name: 'below',
    kind: 'subordinate',
    parent: 'lost',
    keyAlgorithm: 'p256',
    days: 30,
  });
  const records = [];
  for (let n = 0; n < 5; n += 1) {
    records.push(
      (await chancery.issue({ issuer: 'lost', owner: 'web', dns: `w${n}.test` })).record,
    );
  }
  const beneath = (await chancery.issue({ issuer: 'below', owner: 'web' })).record;
  await authority.publishCrl(admin, compromised.issuerId);
  const before = chancery.crl(compromised.issuerId).crlNumber;

  const radius = await authority.previewIncident(admin, {
    subject: { kind: 'issuerCompromise', issuer: 'lost' },
  });
  expect(radius).toMatchObject({
    issuer: 'lost',
    reach: { certificates: 6, caCertificates: 1, subscribers: 6 },
    subordinateIssuers: [{ name: 'below', depth: 1, certificates: 1 }],
    signatures: { certificates: 5, caCertificates: 1 },
    trustBundles: [],
  });
  expect(radius.signatures?.crls).toBeGreaterThan(0);
  expect(radius.siblingKeys.map(({ issuerId }) => issuerId)).toContain(chancery.issuing.issuerId);

  // One is being signed while the key is declared lost.
  const { reached, release } = chancery.holdNextSignature();
  const late = refusal(chancery.issue({ issuer: 'lost', owner: 'late' }));
  await reached;
  clock.advance(1);
  const opened: IncidentStatus = await authority.openIncident(admin, {
    subject: { kind: 'issuerCompromise', issuer: 'lost' },
    ...{ reason: 'token stolen', act: 'revoke', renewWithinSeconds: 3600, drill: false },
    reissueBy: 'issuing',
    expectedCount: 7,
  });
  release();
  expect(await late).not.toBe('');
  const { id } = opened.incident;

  // Before the job has reached a row: the responder's view, the key, the CA certificates, issuance.
  const seen = (await chancery.status.source.issuers()).find(({ name }) => name === 'lost');
  expect(seen?.compromisedAt).toEqual(clock.now());
  expect(
    await chancery.read(async ({ keys }) => keys.find('default', compromised.keyId)),
  ).toMatchObject({ privateState: 'compromised', publicState: 'compromised' });
  const [own] = radius.ownCertificates;
  if (own === undefined) throw new Error('no certificate of its own');
  expect(await chancery.ocsp(own)).toMatchObject({ status: 'revoked', reasonCode: 'cACompromise' });
  expect(await chancery.listed(own)).toMatchObject({ reasonCode: 'cACompromise' });
  const [child] = radius.caCertificates;
  if (child === undefined) throw new Error('no certificate below');
  expect(await chancery.ocsp(child)).toMatchObject({
    ...{ status: 'revoked', reasonCode: 'cessationOfOperation' },
  });
  for (const record of records) expect((await chancery.ocsp(record))?.status).toBe('good');
  expect(await refusal(authority.publishCrl(admin, compromised.issuerId))).toBe(
    'certificateRevoked',
  );
  expect(await refusal(chancery.issue({ issuer: 'below' }))).toBe('certificateRevoked');

  // This node dies within its second batch; another goes on.
  await authority.continueBulkJobs();
  const second = await chancery.node('node-2', { settings: { bulkBatchSize: 2 } });
  clock.advance(60);
  await chancery.storage.leases.release('bulk', 'node-1');
  await chancery.storage.leases.release('schedule', 'node-1');
  const waiting = async (): Promise<boolean> => {
    while (await second.authority.continueBulkJobs());
    await second.authority.tick();
    return (await authority.incidentStatus(admin, id)).incident.state === 'waiting';
  };
  await expect.poll(waiting, { timeout: 20_000 }).toBe(true);
  for (const record of records) {
    expect(await chancery.ocsp(record)).toMatchObject({
      ...{ status: 'revoked', reasonCode: 'cACompromise' },
    });
  }
  // A subscriber's key is sound: the same one is certified by who issues instead.
  const again = await chancery.issue({ issuer: 'lost', owner: 'web', dns: 'w0.test' });
  expect(again.record.issuerId).toBe(chancery.issuing.issuerId);
  expect((await chancery.ocsp(beneath))?.status).toBe('good');
  const status = await authority.incidentStatus(admin, id);
  expect(status.progress).toMatchObject({ affected: 7, good: 0, reKeyed: 1 });
  expect(chancery.crl(compromised.issuerId).crlNumber).toEqual(before);
  await authority.checkReadiness();
  expect(authority.readiness().reasons).toEqual([]);
  const events = await authority.incidentEvents(admin, id);
  expect(events.map(({ event }) => event)).toEqual(
    expect.arrayContaining([
      'opened',
      'keyBlocked',
      'keyCompromised',
      'issuerRevoked',
      'revoke',
      'acted',
    ]),
  );
  expect(await refusal(authority.closeIncident(principal('operator'), id, 'x'))).toBe('forbidden');
});

test('a suspicion is a hold, which is taken back', async () => {
  await authority.createIssuer(admin, {
    name: 'suspected',
    kind: 'subordinate',
    parent: 'root',
    keyAlgorithm: 'p256',
  });
  const { record } = await chancery.issue({ issuer: 'suspected', owner: 'held' });
  const { incident } = await authority.openIncident(admin, {
    subject: { kind: 'issuerCompromise', issuer: 'suspected' },
    ...{ reason: 'a PIN was seen', act: 'hold', renewWithinSeconds: 3600, drill: false },
  });
  expect(
    await chancery.read(async ({ keys }) => keys.find('default', incident.keyId ?? '')),
  ).toMatchObject({
    privateState: 'suspended',
  });
  await chancery.storage.leases.release('bulk', 'node-2');
  while (await authority.continueBulkJobs());
  expect(await chancery.ocsp(record)).toMatchObject({ status: 'onHold' });
  // Never compromised: its responder goes on, and a release makes it good again.
  const seen = (await chancery.status.source.issuers()).find(({ name }) => name === 'suspected');
  expect(seen).not.toHaveProperty('compromisedAt');
  expect((await authority.releaseCertificate(admin, record)).status.status).toBe('good');
});
