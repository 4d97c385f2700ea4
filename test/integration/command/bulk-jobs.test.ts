/**
 * Acts on many certificates by the command and REST against a running installation, a CA process that
 * is killed in the middle among them (T-MASS-1: CRL and OCSP are right within 5 minutes).
 */
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { softwareCertificationRequest } from '../../../src/authority/index.ts';
import { parseCertificateList } from '../../../src/pkix/index.ts';
import { fetchCrl, ocspStatuses } from '../../support/crash-judges.ts';
import { useInstallation } from '../../support/installation.ts';
import { until } from '../../support/quickstart-run.ts';

const failpointFile = join(tmpdir(), `chancery-bulk-failpoint-${process.pid}`);
const chancery = useInstallation({ CHANCERY_FAILPOINT_FILE: failpointFile });
const all = process.env['CHANCERY_TEST_ALL'] === '1';

interface JobJson {
  readonly id: string;
  readonly state: string;
  readonly counts: Readonly<Record<'items' | 'pending' | 'done' | 'refused' | 'skipped', number>>;
}
interface CertificateJson {
  readonly serialNumber: string;
  readonly issuerId: string;
  readonly status: string;
  readonly tags: readonly string[];
}

let label = 0;

async function issue(owner: string): Promise<CertificateJson> {
  label += 1;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const dns = [`m${label}.example.test`];
  const answer = await chancery.rest('POST', '/api/v1/certificates', {
    profile: 'tls-server',
    owner,
    csr: Buffer.from(softwareCertificationRequest(privateKey, { dns })).toString('base64'),
  });
  if (answer.status !== 201) throw new Error(answer.text);
  return (answer.json() as { certificate: CertificateJson }).certificate;
}

/** Sixteen at a time. */
async function issueMany(count: number, owner: string): Promise<readonly CertificateJson[]> {
  const issued: CertificateJson[] = [];
  const worker = async (): Promise<void> => {
    while (issued.length < count) {
      const place = issued.push({} as CertificateJson) - 1;
      issued[place] = await issue(owner);
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return issued;
}

const owned = async (owner: string) =>
  (await chancery.json<{ items: readonly CertificateJson[] }>('list', '--owner', owner)).items;

let issuerPem = '';
beforeAll(async () => {
  const { issuerId } = await issue('first');
  const certificate = await fetch(`${chancery.httpUrl}/ca/${issuerId}.cer`);
  chancery.write('issuer.cer', Buffer.from(await certificate.arrayBuffer()));
  await chancery.openssl(['x509', '-inform', 'DER', '-in', 'issuer.cer', '-out', 'issuer.pem']);
  issuerPem = 'issuer.pem';
});

describe('the command', () => {
  test('shows what it would do and changes nothing; then does it, from a file and by filters', async () => {
    const records = await issueMany(4, 'team');
    const [first, second, third] = records.map(({ serialNumber }) => serialNumber);
    chancery.write(
      'serials.txt',
      `# of the audit\n${first?.toUpperCase().replace(/(..)(?=.)/g, '$1:')}\n\nserial=00${second}\n${third} # third\n`,
    );
    const dry = await chancery.ok(
      ...['revoke', '--from', 'serials.txt', '--reason', 'superseded', '--dry-run'],
    );
    expect(dry).toMatch(/3 certificates: 3 would be revoked, 0 refused; nothing was changed/);
    for (const serial of [first, second, third]) expect(dry).toContain(serial);
    expect((await owned('team')).every(({ status }) => status === 'good')).toBe(true);
    expect((await chancery.json<{ items: unknown[] }>('job', 'list')).items).toEqual([]);

    const said = await chancery.ok('hold', '--from', 'serials.txt', '--comment', 'ticket 3');
    const [, id = ''] = /^job ([0-9a-f]{16})$/m.exec(said) ?? [];
    expect(said).toContain('3 certificates: 3 put on hold');
    expect(await chancery.json<JobJson>('job', 'show', id)).toMatchObject({ state: 'done' });
    expect(await chancery.ok('job', 'show', id, '--items', 'done')).toContain(first ?? '-');
    expect(await chancery.ok('job', 'list')).toContain(id);

    const mixed = await chancery.chancery('hold', '--where', '--owner', 'team');
    expect([mixed.code, mixed.stdout]).toEqual([
      1,
      expect.stringContaining('4 certificates: 1 would be put on hold, 3 refused'),
    ]);
    expect(mixed.stdout).toContain('only a good one held');
    expect(mixed.stderr).toContain('--items refused');
    const released = await chancery.json<JobJson>(
      ...['release', '--where', '--owner', 'team', '--status', 'onHold'],
    );
    expect(released).toMatchObject({ state: 'done', counts: { items: 4, done: 4 } });
    const resumed = await chancery.json<JobJson>('release', '--resume', released.id);
    expect(resumed).toEqual(released);
    expect((await chancery.chancery('hold', '--resume', released.id)).code).toBe(2);
  });

  test('sets owner, tags and notes of one and of many', async () => {
    const [one] = await issueMany(2, 'writers');
    const serial = one?.serialNumber ?? '';
    await chancery.ok('certificate', 'set', serial, '--note', 'laptop of Ada', '--add-tag', 'vip');
    expect(await chancery.ok('show', serial)).toMatch(/notes: +laptop of Ada/);
    expect(await chancery.ok('list', '--notes', 'LAPTOP')).toContain(serial);
    await chancery.ok(
      ...['certificate', 'set', '--where', '--where-owner', 'writers', '--owner', 'editors'],
    );
    expect(await owned('editors')).toHaveLength(2);
    const nothing = await chancery.json<JobJson>('certificate', 'set', serial, '--add-tag', 'vip');
    expect(nothing.counts).toMatchObject({ skipped: 1 });
  });

  test('exports CSV and JSON Lines with the members of list, whole or not at all', async () => {
    await chancery.ok('export', '--format', 'jsonl', '--out', 'all.jsonl');
    const lines = chancery.read('all.jsonl').trim().split('\n');
    const rows = lines.map((line) => JSON.parse(line) as CertificateJson);
    const listed = await chancery.json<{ items: readonly CertificateJson[] }>(
      ...['list', '--limit', '1000'],
    );
    expect(rows.toReversed()).toEqual(listed.items);
    const filters = ['--where', '--owner', 'team'];
    const csv = await chancery.ok('export', '--format', 'csv', ...filters);
    const [heading, ...records] = csv.trimEnd().split('\r\n');
    expect(heading).toMatch(/^serialNumber,issuerId,issuer,subject,names,/);
    expect(records).toHaveLength(4);
    const before = readdirSync(chancery.work);
    const refused = await chancery.chancery(
      ...['export', '--out', 'none.csv', '--where', '--issuer', 'nope'],
    );
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('no issuer')]);
    expect(readdirSync(chancery.work)).toEqual(before);
  });
});

describe('REST', () => {
  const post = async (body: object, headers = {}) =>
    chancery.rest('POST', '/api/v1/bulk-jobs', body, headers);

  test('refuses what it can not mean, and who may not', async () => {
    const query = { owner: 'team' };
    const cases: readonly (readonly [number, object])[] = [
      [400, { act: 'revoke', query }],
      [400, { act: 'release', reasonCode: 'superseded', query }],
      [400, { act: 'hold' }],
      [400, { act: 'hold', query: {} }],
      [400, { act: 'hold', query: { bogus: 'x' } }],
      [400, { act: 'hold', serialNumbers: ['zz'] }],
      [400, { act: 'describe', query, notes: 'a\u0000b' }],
      [409, { act: 'hold', query, expectedCount: 1 }],
      [404, { act: 'hold', query: { owner: 'nobody' } }],
    ];
    for (const [status, body] of cases) {
      expect([body, (await post(body)).status]).toEqual([body, status]);
    }
    await chancery.rest('POST', '/api/v1/principals', { name: 'sub', role: 'subscriber' });
    const made = await chancery.rest('POST', '/api/v1/principals/sub/credentials', {});
    const { token } = made.json() as { token: string };
    const asSubscriber = { authorization: `Bearer ${token}` };
    const serialNumbers = (await owned('team')).map(({ serialNumber }) => serialNumber);
    const revoke = { act: 'revoke', reasonCode: 'superseded', serialNumbers };
    expect((await post(revoke, asSubscriber)).status).toBe(403);
    expect((await post({ ...revoke, dryRun: true }, asSubscriber)).status).toBe(403);
    const jobs = await chancery.rest('GET', '/api/v1/bulk-jobs', undefined, asSubscriber);
    expect(jobs.status).toBe(403);
    const exported = await chancery.rest(
      'GET',
      '/api/v1/certificates/export?format=jsonl',
      undefined,
      asSubscriber,
    );
    expect([exported.status, exported.text]).toEqual([200, '']);
  });

  test('takes a list of many thousand serial numbers, and pages through it', async () => {
    const serialNumbers = Array.from({ length: 20_000 }, (_, index) => (index + 1).toString(16));
    const answer = await post({ act: 'release', serialNumbers, dryRun: true, limit: 5 });
    expect(answer.status).toBe(200);
    expect(answer.json()).toMatchObject({ counts: { items: 20_000, refused: 20_000 }, next: '5' });
    const planned = await post({ act: 'release', serialNumbers });
    expect([planned.status, planned.headers['location']]).toEqual([
      202,
      expect.stringContaining('/api/v1/bulk-jobs/'),
    ]);
    const { id } = planned.json() as JobJson;
    await until('the job to end', async () => {
      const job = (await chancery.rest('GET', `/api/v1/bulk-jobs/${id}`)).json() as JobJson;
      return job.state === 'done';
    });
    const page = await chancery.rest('GET', `/api/v1/bulk-jobs/${id}/items?limit=1000`);
    const { items, next } = page.json() as { items: object[]; next: string };
    const rest = await chancery.rest(
      'GET',
      `/api/v1/bulk-jobs/${id}/items?limit=1&state=refused&cursor=${next}`,
    );
    expect(items).toHaveLength(1000);
    expect(rest.json()).toMatchObject({ items: [{ serialNumber: '3e9', code: 'notFound' }] });
  });
});

test(
  'T-MASS-1: the CA is killed in the middle of a mass revocation; CRL and OCSP are right, nothing is done twice',
  async () => {
    const count = all ? 10_000 : 1200;
    const records = await issueMany(count, 'mass');
    const began = performance.now();
    const answer = await chancery.rest('POST', '/api/v1/bulk-jobs', {
      act: 'revoke',
      reasonCode: 'cessationOfOperation',
      query: { owner: 'mass' },
      expectedCount: count,
    });
    const { id } = answer.json() as JobJson;
    const shown = async () =>
      (await chancery.rest('GET', `/api/v1/bulk-jobs/${id}`)).json() as JobJson;
    for (const step of ['bulk.1-before-commit', 'bulk.2-after-commit']) {
      const before = chancery.pid('ca');
      writeFileSync(failpointFile, step);
      await until(`the step ${step}`, () => !existsSync(failpointFile));
      await until('another CA process', () => ![before, undefined].includes(chancery.pid('ca')));
    }
    // Nobody resumes it: whoever is started next goes on.
    await until(
      'the job to be done',
      async () => (await shown().catch(() => undefined))?.state === 'done',
      300_000,
    );
    expect((await shown()).counts).toEqual({
      items: count,
      pending: 0,
      done: count,
      refused: 0,
      skipped: 0,
    });
    const issuerId = records[0]?.issuerId ?? '';
    const wanted = new Set(records.map(({ serialNumber }) => serialNumber));
    await until(
      'the CRL to list all of them',
      async () => {
        const list = parseCertificateList(await fetchCrl(chancery, issuerId));
        const listed = [...list.entries()].filter(({ serialNumber }) => wanted.has(serialNumber));
        return listed.length === count;
      },
      300_000,
    );
    const sample = records.filter((_, index) => index % Math.ceil(count / 100) === 0);
    const serialNumbers = sample.map(({ serialNumber }) => serialNumber);
    await until(
      'OCSP to say so',
      async () => {
        const said = await ocspStatuses(chancery, issuerPem, serialNumbers);
        return serialNumbers.every((serialNumber) => said.get(serialNumber) === 'revoked');
      },
      60_000,
    );
    expect(performance.now() - began).toBeLessThan(300_000);
    // One act in the audit log and one change in the history of each: `database verify` compares all.
    const verified = await chancery.verifyDatabase();
    expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining('all agree') });
    const history = await chancery.json<{ items: unknown[] }>('history', serialNumbers[0] ?? '');
    expect(history.items).toHaveLength(1);
  },
  all ? 900_000 : 420_000,
);
