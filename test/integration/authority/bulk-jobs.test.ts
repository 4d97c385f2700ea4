import { describe, expect, test } from 'vitest';
import type { BulkRequest } from '../../../src/authority/index.ts';
import type { BulkJobRecord, CertificateRecord } from '../../../src/authority/ports.ts';
import { verifyInventory } from '../../../src/authority/verification.ts';
import type { BulkParameters } from '../../../src/domain/index.ts';
import { admin, freshKey, principal, refusal, testAuthority } from '../../support/authority.ts';

const chancery = await testAuthority('bulk-jobs', { settings: { bulkBatchSize: 3 } });
const { authority, clock } = chancery;
const operator = principal('operator');
const page = { limit: 1000 };
const superseded: BulkParameters = { act: 'revoke', reasonCode: 'superseded' };

async function issueMany(count: number, owner: string): Promise<readonly CertificateRecord[]> {
  const issued = await Promise.all(
    Array.from({ length: count }, async () => chancery.issue({ owner })),
  );
  return issued.map(({ record }) => record);
}

const serials = (records: readonly CertificateRecord[]) =>
  records.map(({ serialNumber }) => serialNumber);

/** Works until nothing is left to do; how many batches it took. */
async function work(node: { continueBulkJobs(): Promise<boolean> } = authority): Promise<number> {
  let batches = 0;
  while (await node.continueBulkJobs()) batches += 1;
  return batches;
}

async function run(request: BulkRequest, as = operator): Promise<BulkJobRecord> {
  const { id } = await authority.planBulkJob(as, request);
  await work();
  return authority.findBulkJob(as, id);
}

async function statuses(records: readonly CertificateRecord[]): Promise<readonly unknown[]> {
  return Promise.all(
    records.map(async (record) => {
      const found = await chancery.find(record);
      return found?.status.reasonCode ?? found?.status.status;
    }),
  );
}

describe('a job', () => {
  test('does to each certificate what the single act does: status, history, feed, CRL, audit', async () => {
    const owner = 'history';
    const records = await issueMany(7, owner);
    const planned = await authority.planBulkJob(operator, {
      parameters: { ...superseded, comment: 'ticket 12' },
      query: { owner },
    });
    expect(planned).toMatchObject({ state: 'planned', counts: { items: 7, pending: 7 } });
    // Issued after the list was fixed: not in it.
    const [late] = await issueMany(1, owner);
    if (late === undefined) throw new Error('nothing was issued');
    expect(await work()).toBe(3);
    const done = await authority.findBulkJob(operator, planned.id);
    expect(done).toMatchObject({ state: 'done', counts: { items: 7, pending: 0, done: 7 } });
    expect((await chancery.find(late))?.status.status).toBe('good');
    for (const record of records) {
      expect(await chancery.ocsp(record)).toMatchObject({
        status: 'revoked',
        reasonCode: 'superseded',
        notGoodSince: clock.now(),
      });
      expect(await authority.certificateHistory(admin, record)).toMatchObject([
        { act: 'revoke', comment: 'ticket 12', requestedBy: 'operator' },
      ]);
    }
    const [first] = records;
    if (first === undefined) throw new Error('nothing was issued');
    expect(await chancery.listed(first)).toMatchObject({ reasonCode: 'superseded' });
    const audited = await chancery.audit('certificate.revoke');
    expect(
      audited.filter(({ details }) => details['job'] === planned.id).map(({ object }) => object),
    ).toEqual(expect.arrayContaining(records.map((row) => `${row.issuerId}/${row.serialNumber}`)));
    expect((await chancery.audit('bulkJob.begin')).at(-1)).toMatchObject({
      object: planned.id,
      principalName: 'operator',
      details: { items: 7, act: 'revoke' },
    });
    expect((await chancery.audit('bulkJob.end')).at(-1)).toMatchObject({ object: planned.id });
  });

  test('refuses with the codes of the single acts, certificate by certificate, and does the rest', async () => {
    const [good, held, revoked] = await issueMany(3, 'codes');
    if (good === undefined || held === undefined || revoked === undefined) throw new Error();
    await authority.holdCertificate(admin, held);
    await authority.revokeCertificate(admin, { ...revoked, reasonCode: 'superseded' });
    const { id, counts } = await run({
      parameters: { act: 'hold', cause: 'investigation' },
      serialNumbers: [...serials([good, held, revoked]), 'dead', `00:${good.serialNumber}`],
    });
    expect(counts).toEqual({ items: 4, pending: 0, done: 1, refused: 3, skipped: 0 });
    const { items } = await authority.listBulkJobItems(operator, id, page);
    expect(items.map(({ serialNumber, state, code }) => [serialNumber, state, code])).toEqual([
      [good.serialNumber, 'done', undefined],
      [held.serialNumber, 'refused', 'illegalTransition'],
      [revoked.serialNumber, 'refused', 'alreadyRevoked'],
      ['dead', 'refused', 'notFound'],
    ]);
    const refusals = await authority.listBulkJobItems(operator, id, { ...page, state: 'refused' });
    expect(refusals.items).toHaveLength(3);
    const audited = (await chancery.audit('certificate.hold')).filter(
      ({ details }) => details['job'] === id,
    );
    expect(audited.map(({ outcome }) => outcome).sort()).toEqual(['done', 'refused', 'refused']);
    const released = await run({ parameters: { act: 'release' }, serialNumbers: serials([good]) });
    expect(released.counts.done).toBe(1);
    expect((await chancery.find(good))?.status.status).toBe('good');
  });

  test('for keyCompromise blocks each key and revokes its other certificates, in the list or not', async () => {
    const key = freshKey();
    const twins = await Promise.all(
      [1, 2, 3, 4, 5, 6].map(async () => chancery.issue({ key, dns: 'twins.example.test' })),
    );
    const records = twins.map(({ record }) => record);
    const [first, , , , fifth] = records;
    if (first === undefined || fifth === undefined) throw new Error('nothing was issued');
    const [stranger] = await issueMany(1, 'stranger');
    if (stranger === undefined) throw new Error('nothing was issued');
    const { counts } = await run({
      parameters: { act: 'revoke', reasonCode: 'keyCompromise' },
      serialNumbers: serials([first, stranger, fifth]),
    });
    expect(counts).toMatchObject({ items: 3, done: 3, refused: 0 });
    expect(new Set(await statuses(records))).toEqual(new Set(['keyCompromise']));
    const again = chancery.issue({ key, dns: 'twins.example.test' });
    expect(await refusal(again)).toBe('badPublicKey');
    const changes = await Promise.all(
      records.map(async (record) => authority.certificateHistory(admin, record)),
    );
    expect(changes.every((history) => history.length === 1)).toBe(true);
  });

  test('a certificate of the list that an earlier batch swept is done, not refused', async () => {
    const key = freshKey();
    const first = await chancery.issue({ key, dns: 'swept.example.test' });
    const others = await issueMany(4, 'between');
    const last = await chancery.issue({ key, dns: 'swept.example.test' });
    const { counts } = await run({
      parameters: { act: 'revoke', reasonCode: 'keyCompromise' },
      serialNumbers: serials([first.record, ...others, last.record]),
    });
    expect(counts).toMatchObject({ items: 6, done: 6, refused: 0 });
  });

  test('leaves CA certificates to those who may make issuers', async () => {
    const { items: all } = await authority.searchCertificates(admin, page);
    const ca = all.find(({ type }) => type === 'ca');
    if (ca === undefined) throw new Error('the inventory has no CA certificate');
    const { counts, id } = await run({ parameters: { act: 'hold' }, serialNumbers: serials([ca]) });
    expect(counts.refused).toBe(1);
    const { items } = await authority.listBulkJobItems(operator, id, page);
    expect(items[0]).toMatchObject({ code: 'forbidden' });
  });

  test('is refused to those who may not do the single act, and to those who act on their own only', async () => {
    const request: BulkRequest = { parameters: superseded, query: { owner: 'nobody' } };
    for (const role of ['subscriber', 'auditor', 'responder'] as const) {
      expect(await refusal(authority.planBulkJob(principal(role), request))).toBe('forbidden');
      const look = authority.previewBulkJob(principal(role), request, page);
      expect(await refusal(look)).toBe('forbidden');
    }
    expect(await refusal(authority.listBulkJobs(principal('subscriber'), page))).toBe('forbidden');
    const scoped = { ...operator, permissions: new Set(['certificates:read'] as const) };
    expect(await refusal(authority.planBulkJob(scoped, request))).toBe('forbidden');
    const refused = (await chancery.audit('bulkJob.begin')).at(-1);
    expect(refused).toMatchObject({ outcome: 'refused', principalName: 'operator' });
  });

  test('says what is wrong before anything is done', async () => {
    const plan = async (request: Partial<BulkRequest>) =>
      refusal(authority.planBulkJob(operator, { parameters: superseded, ...request }));
    expect(await plan({})).toBe('invalidArgument');
    expect(await plan({ query: {} })).toBe('invalidArgument');
    expect(await plan({ query: { owner: 'nobody at all' } })).toBe('notFound');
    expect(await plan({ serialNumbers: ['xyz'] })).toBe('malformed');
    expect(await plan({ query: { issuer: 'nope' } })).toBe('notFound');
    const parameters: BulkParameters = { act: 'describe' };
    expect(await plan({ parameters, serialNumbers: ['1'] })).toBe('invalidArgument');
    const half: BulkParameters = { act: 'hold', then: 'release' };
    expect(await plan({ parameters: half, serialNumbers: ['1'] })).toBe('invalidArgument');
    await issueMany(2, 'counted');
    expect(await plan({ query: { owner: 'counted' }, expectedCount: 3 })).toBe('countDiffers');
    expect((await authority.listBulkJobs(operator, { ...page, state: 'planned' })).items).toEqual(
      [],
    );
  });
});

describe('a dry run', () => {
  test('tells the same list and decisions as the job, and changes nothing', async () => {
    const owner = 'dry';
    const records = await issueMany(3, owner);
    const [revoked] = records;
    if (revoked === undefined) throw new Error('nothing was issued');
    await authority.revokeCertificate(admin, { ...revoked, reasonCode: 'superseded' });
    const request: BulkRequest = { parameters: superseded, query: { owner } };
    const before = await chancery.audit();
    const first = await authority.previewBulkJob(operator, request, { limit: 2 });
    expect(first.counts).toEqual({ items: 3, pending: 2, done: 0, refused: 1, skipped: 0 });
    const rest = await authority.previewBulkJob(operator, request, {
      limit: 2,
      cursor: first.next ?? '',
    });
    const bySerialNumber = await authority.previewBulkJob(
      operator,
      { parameters: superseded, serialNumbers: [...serials(records), 'beef'] },
      page,
    );
    expect(bySerialNumber.counts).toMatchObject({ items: 4, pending: 2, refused: 2 });
    expect(await chancery.audit()).toEqual(before);
    const job = await run({ ...request, expectedCount: first.counts?.items });
    const { items } = await authority.listBulkJobItems(operator, job.id, page);
    expect([...first.items, ...rest.items].map(({ serialNumber }) => serialNumber)).toEqual(
      items.map(({ serialNumber }) => serialNumber),
    );
    expect(rest.next).toBeNull();
  });
});

describe('stop, resume, another node', () => {
  test('a stopped job keeps what is done and goes on with the same list', async () => {
    const owner = 'stopped';
    const records = await issueMany(8, owner);
    const { id } = await authority.planBulkJob(operator, {
      parameters: { act: 'hold' },
      query: { owner },
    });
    await authority.continueBulkJobs();
    const stopped = await authority.stopBulkJob(operator, id);
    expect(stopped).toMatchObject({ state: 'stopped', counts: { done: 3, pending: 5 } });
    expect(await work()).toBe(0);
    await issueMany(1, owner);
    await authority.resumeBulkJob(operator, id);
    expect(await authority.resumeBulkJob(operator, id)).toMatchObject({ state: 'running' });
    await work();
    expect(await authority.findBulkJob(operator, id)).toMatchObject({
      state: 'done',
      counts: { items: 8, done: 8 },
    });
    expect(await statuses(records)).toEqual(records.map(() => 'certificateHold'));
    expect(await refusal(authority.stopBulkJob(operator, id))).toBe('illegalTransition');
    expect(await refusal(authority.findBulkJob(operator, 'none'))).toBe('notFound');
  });

  test('a node that dies before or after a commit, and one that takes over: nothing twice, nothing lost', async () => {
    const owner = 'crash';
    const records = await issueMany(9, owner);
    const { id } = await authority.planBulkJob(operator, {
      parameters: superseded,
      query: { owner },
    });
    const died = new Error('killed');
    const second = await chancery.node('node-2', { settings: { bulkBatchSize: 3 } });
    chancery.at['bulk.1-before-commit'] = () => {
      throw died;
    };
    // What a process that is killed leaves: the batch is rolled back, the lease runs on.
    await authority.continueBulkJobs();
    delete chancery.at['bulk.1-before-commit'];
    expect((await authority.findBulkJob(operator, id)).counts.done).toBe(0);
    expect(await second.authority.continueBulkJobs()).toBe(false);
    await chancery.storage.leases.release('bulk', 'node-1');
    await Promise.all([work(second.authority), work(second.authority)]);
    expect(await authority.findBulkJob(operator, id)).toMatchObject({
      state: 'done',
      counts: { done: 9, refused: 0 },
    });
    for (const record of records) {
      expect(await authority.certificateHistory(admin, record)).toHaveLength(1);
    }
    await chancery.storage.leases.release('bulk', 'node-2');
  });

  test('a node whose lease was lost meanwhile does nothing: the fencing number of the job is higher', async () => {
    const owner = 'fence';
    await issueMany(4, owner);
    const { id } = await authority.planBulkJob(operator, {
      parameters: { act: 'hold' },
      query: { owner },
    });
    await authority.continueBulkJobs();
    const stale = await chancery.storage.unitOfWork.run(async ({ bulk }) =>
      bulk.takeTurn('default', 0n),
    );
    expect(stale).toBeUndefined();
    await work();
    expect(await authority.findBulkJob(operator, id)).toMatchObject({ state: 'done' });
  });

  test('one certificate that can not be changed is refused, and holds up no other', async () => {
    const owner = 'broken';
    const records = await issueMany(6, owner);
    const broken = records[3];
    // A row that no version of ours writes: its change is refused by the database.
    await chancery.sql(
      `CREATE OR REPLACE FUNCTION chancery.refuse_one() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'integrity_constraint_violation'; END $$`,
    );
    await chancery.sql(
      `CREATE TRIGGER refuse_one BEFORE INSERT ON certificate_status FOR EACH ROW
        WHEN (NEW.serial_number = '${broken?.serialNumber}') EXECUTE FUNCTION refuse_one()`,
    );
    const { counts, id } = await run({ parameters: superseded, query: { owner } });
    await chancery.sql('DROP TRIGGER refuse_one ON certificate_status');
    expect(counts).toMatchObject({ items: 6, done: 5, refused: 1 });
    const { items } = await authority.listBulkJobItems(operator, id, { ...page, state: 'refused' });
    expect(items).toMatchObject([{ serialNumber: broken?.serialNumber, code: 'internal' }]);
    expect(
      chancery.log.some(({ level, fields }) => level === 'alarm' && fields['job'] === id),
    ).toBe(true);
  });
});

test('what became of each certificate is forgotten after 30 days, the job is not', async () => {
  const owner = 'pruned';
  await issueMany(2, owner);
  const { id } = await run({ parameters: { act: 'hold' }, query: { owner } });
  clock.advance(29 * 86_400);
  await authority.continueBulkJobs();
  expect((await authority.listBulkJobItems(operator, id, page)).items).toHaveLength(2);
  clock.advance(2 * 86_400);
  await authority.continueBulkJobs();
  expect((await authority.listBulkJobItems(operator, id, page)).items).toEqual([]);
  expect(await authority.findBulkJob(operator, id)).toMatchObject({ counts: { done: 2 } });
  clock.advance(-31 * 86_400);
});

describe('owner, tags and notes', () => {
  test('are changed in bulk, found by, and audited with before and after', async () => {
    const owner = 'team-a';
    const records = await issueMany(4, owner);
    const described = await run({
      parameters: {
        act: 'describe',
        owner: 'team-b',
        addTags: ['moved', 'b'],
        notes: 'moved on 100% of Fridays',
      },
      query: { owner },
    });
    expect(described.counts).toMatchObject({ done: 4 });
    const found = async (query: object) =>
      (await authority.searchCertificates(admin, { ...page, ...query })).items.map(
        ({ serialNumber }) => serialNumber,
      );
    expect((await found({ notes: '100% OF' })).toSorted()).toEqual(serials(records).toSorted());
    expect(await found({ notes: '1% of' })).toEqual([]);
    expect(await found({ owner: 'team-b', tag: 'moved' })).toHaveLength(4);
    const again = await run({
      parameters: { act: 'describe', removeTags: ['moved', 'never'], notes: '' },
      serialNumbers: serials(records.slice(0, 2)),
    });
    expect(again.counts).toMatchObject({ done: 2 });
    const [first] = records;
    if (first === undefined) throw new Error('nothing was issued');
    const record = await chancery.find(first);
    expect(record).toMatchObject({ owner: 'team-b', tags: ['b'] });
    expect(record?.notes).toBeUndefined();
    const same = await run({
      parameters: { act: 'describe', owner: 'team-b' },
      serialNumbers: serials([first]),
    });
    expect(same.counts).toMatchObject({ done: 0, skipped: 1 });
    const audited = (await chancery.audit('certificate.describe')).filter(({ object }) =>
      object.endsWith(first.serialNumber),
    );
    expect(audited.at(-1)?.details).toMatchObject({
      before: { owner: 'team-b', tags: ['b', 'moved'], notes: 'moved on 100% of Fridays' },
      after: { owner: 'team-b', tags: ['b'] },
    });
    const tags = Array.from({ length: 50 }, (_, index) => `t${index}`);
    const many = await run({
      parameters: { act: 'describe', addTags: tags },
      serialNumbers: serials([first]),
    });
    expect(many.counts.refused).toBe(1);
  });
});

test('afterwards every state, history and audit record agrees', async () => {
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
