import { createPublicKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { OpenIncidentRequest } from '../../../src/authority/index.ts';
import { verifyInventory } from '../../../src/authority/verification.ts';
import { encodePem } from '../../../src/pkix/index.ts';
import {
  admin,
  csrFor,
  freshKey,
  principal,
  refusal,
  testAuthority,
} from '../../support/authority.ts';

const chancery = await testAuthority('incidents', { settings: { bulkBatchSize: 3 } });
const { authority, clock } = chancery;
const operator = principal('operator');

const terms = { renewWithinSeconds: 86_400, drill: false, reason: 'a test' } as const;

/** Works until nothing is left to do. */
async function work(node = authority): Promise<void> {
  do {
    while (await node.continueBulkJobs());
    await node.tick();
  } while (await node.continueBulkJobs());
}

async function keyCompromise(
  key: string,
  more: Partial<OpenIncidentRequest> = {},
): Promise<string> {
  const { incident } = await authority.openIncident(admin, {
    ...terms,
    subject: { kind: 'keyCompromise', key },
    act: 'revoke',
    ...more,
  });
  return incident.id;
}

/** Everything that an act could have changed. */
async function everything(): Promise<unknown> {
  return chancery.sql(`SELECT (SELECT count(*) FROM certificate_status) AS statuses,
    (SELECT count(*) FROM status_changes) AS changes, (SELECT count(*) FROM blocked_keys) AS blocked,
    (SELECT count(*) FROM key_transitions) AS steps, (SELECT count(*) FROM bulk_jobs) AS jobs,
    (SELECT count(*) FROM incidents) AS incidents, (SELECT count(*) FROM audit) AS audited`);
}

describe('the compromise of a subscriber’s key', () => {
  test('is named by a serial number, a hash, a certificate or a public key; a dry run changes nothing', async () => {
    const key = freshKey();
    const first = await chancery.issue({ key, dns: 'named.example.test', owner: 'one' });
    const before = await everything();
    const { spkiHash, serialNumber } = first.record;
    const names = [
      serialNumber.toUpperCase(),
      spkiHash,
      encodePem('CERTIFICATE', first.certificate),
      createPublicKey(encodePem('CERTIFICATE', first.certificate)).export({
        type: 'spki',
        format: 'pem',
      }) as string,
    ];
    for (const name of names) {
      const radius = await authority.previewIncident(admin, {
        subject: { kind: 'keyCompromise', key: name },
      });
      expect(radius).toMatchObject({
        spkiHash,
        reach: {
          ...{ certificates: 1, good: 1, subscribers: 1, ownerCount: 1 },
          owners: [{ owner: 'one', certificates: 1 }],
        },
        trustBundles: [],
        subordinateIssuers: [],
      });
    }
    expect(await everything()).toEqual(before);
    for (const wrong of ['00ff', 'ab'.repeat(32)]) {
      expect(
        await refusal(
          authority.previewIncident(admin, { subject: { kind: 'keyCompromise', key: wrong } }),
        ),
      ).toBe('notFound');
    }
  });

  test('revokes all of it, blocks the key everywhere, and counts who has re-keyed', async () => {
    const key = freshKey();
    const dns = 'leaked.example.test';
    const issued = [
      await chancery.issue({ key, dns, owner: 'web' }),
      await chancery.issue({ key, dns, owner: 'web' }),
    ];
    const [first] = issued;
    if (first === undefined) throw new Error('nothing was issued');
    const invalidityDate = new Date(clock.now().getTime() - 3_600_000);
    expect(await refusal(keyCompromise(first.record.serialNumber, { expectedCount: 3 }))).toBe(
      'countDiffers',
    );
    clock.advance(1);
    const id = await keyCompromise(first.record.serialNumber, { invalidityDate, expectedCount: 2 });
    // The key is blocked before the job has reached a row.
    expect(await refusal(chancery.issue({ key, dns, owner: 'web' }))).toBe('badPublicKey');
    expect((await authority.incidentStatus(admin, id)).incident.state).toBe('acting');
    await work();
    const waiting = await authority.incidentStatus(admin, id);
    expect(waiting).toMatchObject({
      incident: { state: 'waiting', affected: 2, reasonCode: 'keyCompromise' },
      progress: { revoked: 2, subscribers: 1, reKeyed: 0 },
      outlook: { remaining: 1, percent: 0 },
      job: { counts: { done: 2 } },
    });
    for (const { record } of issued) {
      expect(await chancery.ocsp(record)).toMatchObject({
        ...{ status: 'revoked', reasonCode: 'keyCompromise', invalidityDate },
      });
    }
    // REST's renewal and rekey refuse the revoked certificate; an issuance with another key counts.
    const renewal = { ...first.record, csr: csrFor(key, dns) };
    expect(await refusal(authority.renewCertificate(admin, renewal))).toBe('certificateRevoked');
    expect((await authority.remainingOfIncident(admin, id, { limit: 10 })).items).toMatchObject([
      { owner: 'web', names: [`DNS:${dns}`], certificates: 2, status: 'revoked' },
    ]);
    expect(await refusal(authority.closeIncident(admin, id, undefined))).toBe('invalidArgument');
    clock.advance(60);
    await chancery.issue({ dns, owner: 'web' });
    const done = await authority.incidentStatus(admin, id);
    expect(done).toMatchObject({
      progress: { reKeyed: 1 },
      outlook: { remaining: 0, percent: 100 },
    });
    const report = await authority.closeIncident(admin, id, undefined);
    expect(report).toMatchObject({
      ...{ kind: 'keyCompromise', percent: 100, actors: ['admin', 'system'], remaining: [] },
      counts: { affected: 2, revoked: 2, reKeyed: 1, remaining: 0 },
    });
    expect(report.timeline.map(({ event }) => event)).toEqual([
      ...['opened', 'keyBlocked', 'revoke', 'acted', 'closed'],
    ]);
    expect(await authority.incidentReport(admin, id)).toEqual(JSON.parse(JSON.stringify(report)));
    expect(await refusal(authority.actOnIncident(admin, id, 'revoke', {}))).toBe(
      'illegalTransition',
    );
  });
});

describe('an incident over a query', () => {
  test('holds, then revokes, the list of its opening; issued later is not in it', async () => {
    const owner = 'bad profile';
    const records = [];
    for (let n = 0; n < 4; n += 1) records.push((await chancery.issue({ owner })).record);
    clock.advance(1);
    const { incident } = await authority.openIncident(operator, {
      ...terms,
      subject: { kind: 'query', query: { owner } },
      expectedCount: 4,
    });
    clock.advance(1);
    const later = await chancery.issue({ owner });
    await authority.actOnIncident(operator, incident.id, 'hold', {});
    expect(await refusal(authority.actOnIncident(operator, incident.id, 'revoke', {}))).toBe(
      'illegalTransition',
    );
    await work();
    expect((await authority.incidentStatus(operator, incident.id)).progress).toMatchObject({
      ...{ affected: 4, onHold: 4 },
    });
    expect(await refusal(authority.actOnIncident(operator, incident.id, 'revoke', {}))).toBe(
      'invalidArgument',
    );
    await authority.actOnIncident(operator, incident.id, 'revoke', { reasonCode: 'superseded' });
    await work();
    expect((await authority.incidentStatus(operator, incident.id)).progress).toMatchObject({
      ...{ affected: 4, revoked: 4, subscribers: 4, reKeyed: 0 },
    });
    expect((await chancery.find(later.record))?.status.status).toBe('good');
    const all = await authority.remainingOfIncident(operator, incident.id, { limit: 3 });
    expect(all.items).toHaveLength(3);
    const rest = await authority.remainingOfIncident(operator, incident.id, {
      limit: 3,
      cursor: all.next ?? '',
    });
    expect(rest).toMatchObject({ items: [{ owner }], next: null });
    const seen = new Set([...all.items, ...rest.items].map(({ serialNumber }) => serialNumber));
    expect(seen).toEqual(new Set(records.map(({ serialNumber }) => serialNumber)));
  });

  test('what is being signed when it is opened is held as well, once it is issued', async () => {
    const owner = 'being signed';
    const { reached, release } = chancery.holdNextSignature();
    const issuing = chancery.issue({ owner });
    await reached;
    const { incident } = await authority.openIncident(operator, {
      ...terms,
      subject: { kind: 'query', query: { owner } },
      expectedCount: 1,
    });
    await authority.actOnIncident(operator, incident.id, 'hold', {});
    await work();
    expect((await authority.incidentStatus(operator, incident.id)).incident.state).toBe('acting');
    release();
    const { record } = await issuing;
    await work();
    expect(await chancery.ocsp(record)).toMatchObject({ status: 'onHold' });
    expect(await authority.incidentStatus(operator, incident.id)).toMatchObject({
      incident: { state: 'waiting' },
      progress: { affected: 1, onHold: 1 },
    });
  });

  test('a drill changes no status and leaves evidence of itself', async () => {
    const { record } = await chancery.issue({ owner: 'drilled' });
    const { incident } = await authority.openIncident(admin, {
      ...terms,
      subject: { kind: 'keyCompromise', key: record.serialNumber },
      act: 'revoke',
      drill: true,
    });
    await work();
    expect((await chancery.find(record))?.status.status).toBe('good');
    await chancery.issue({ owner: 'drilled', dns: record.subject.slice(3) });
    expect((await authority.incidentStatus(admin, incident.id)).incident.state).toBe('waiting');
    await authority.closeIncident(admin, incident.id, 'rehearsed');
    const kept = await chancery.read(async ({ evidence }) =>
      evidence.list('default', { kind: 'drill.compromise', limit: 1 }),
    );
    expect(kept).toMatchObject([{ subject: incident.id, document: { drill: true } }]);
  });
});

test('who may not, is refused', async () => {
  const { record } = await chancery.issue();
  const compromise = {
    ...terms,
    subject: { kind: 'keyCompromise', key: record.serialNumber },
    act: 'revoke',
  } as const;
  expect(await refusal(authority.openIncident(operator, compromise))).toBe('forbidden');
  expect(await refusal(authority.listIncidents(principal('subscriber'), { limit: 1 }))).toBe(
    'forbidden',
  );
});

describe('the database refuses to the application', () => {
  test('an incident that goes back, and a list or an event that changes', async () => {
    const { record } = await chancery.issue();
    const id = await keyCompromise(record.serialNumber);
    const refused = async (text: string): Promise<unknown> => {
      const { Client } = await import('pg');
      const client = new Client({ connectionString: chancery.database.applicationUrl });
      await client.connect();
      try {
        return await client.query(text).then(
          () => 'done',
          (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
        );
      } finally {
        await client.end();
      }
    };
    const where = `WHERE id = '${id}'`;
    expect(await refused(`UPDATE chancery.incidents SET state = 'opened' ${where}`)).toBe('23000');
    expect(await refused(`UPDATE chancery.incidents SET affected = 0 ${where}`)).toBe('23000');
    for (const table of ['incident_certificates', 'incident_events']) {
      expect(await refused(`DELETE FROM chancery.${table}`)).toBe('42501');
    }
    await work();
  });
});

test('the inventory agrees with itself after all of this', async () => {
  await authority.drain();
  const report = await verifyInventory({
    source: chancery.storage.verification,
    unitOfWork: chancery.storage.unitOfWork,
    publisher: chancery.dependencies.publisher,
    tenant: 'default',
    now: clock.now(),
    settleAfterSeconds: 20,
    progress: () => undefined,
  });
  expect(report.findings).toEqual([]);
});
