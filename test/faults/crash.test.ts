/**
 * SIGKILL of every process, at random moments and at each numbered step, under the load of clients
 * that retry as real ones do. Afterwards everything that a client was told still holds, and nobody
 * repaired anything by hand. A seed repeats a run: CHANCERY_TEST_SEED.
 */
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FailpointName } from '../../src/authority/index.ts';
import { CrlWitness, disagreements, fetchCrl, ocspStatuses } from '../support/crash-judges.ts';
import { useInstallation } from '../support/installation.ts';
import { LoadClient, seededRandom } from '../support/load-client.ts';
import { until } from '../support/quickstart-run.ts';
import { sampled } from '../support/sampled.ts';

type Victim = 'ca' | 'ocsp' | 'postgres' | 'quickstart' | 'all' | FailpointName;

const failpointFile = join(tmpdir(), `chancery-failpoint-${process.pid}`);
const chancery = useInstallation({ CHANCERY_FAILPOINT_FILE: failpointFile });
const seed = Number(process.env['CHANCERY_TEST_SEED'] ?? Date.now() % 1_000_000);
const random = seededRandom(seed);
const isWhole = process.env['CHANCERY_TEST_ALL'] === '1';
/** Of the gate the sample is a part of a round: seven of the steps, and each process. */
const rounds = isWhole ? 5 : 1;

/** Steps that the load passes by itself; `issuer.1-after-key` has a test of its own below. */
const steps: readonly FailpointName[] = [
  'issue.1-before-intent',
  'issue.2-after-intent',
  'issue.3-after-signature',
  'issue.4-after-commit',
  'status.1-before-commit',
  'status.2-after-commit',
  'crl.1-after-number',
  'crl.2-after-signature',
  'crl.3-after-file',
  'crl.4-after-commit',
];

const sampledSteps = sampled('steps of the crash test', steps, 7);

const times = (count: number, victim: Victim): readonly Victim[] =>
  Array.from({ length: count }, () => victim);

function plan(): readonly Victim[] {
  const victims = Array.from({ length: rounds }, () => [
    ...sampledSteps.flatMap((step) => times(isWhole ? 2 : 1, step)),
    ...times(isWhole ? 14 : 2, 'ca'),
    ...times(isWhole ? 5 : 1, 'ocsp'),
    ...times(isWhole ? 5 : 1, 'postgres'),
    ...times(isWhole ? 2 : 1, 'quickstart'),
    ...times(isWhole ? 2 : 1, 'all'),
  ]).flat();
  // Shuffled (Fisher and Yates): what one crash leaves meets every other kind.
  for (let last = victims.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    const kept = victims[last] ?? 'ca';
    victims[last] = victims[other] ?? 'ca';
    victims[other] = kept;
  }
  return victims;
}

const load = new LoadClient(chancery, random);
const witness = new CrlWitness(chancery);
const watched = new Set<string>();
let kills = 0;
let issuerId = '';

beforeAll(async () => {
  console.log(`crash test: ${plan().length} kills, CHANCERY_TEST_SEED=${seed}`);
  const first = await load.issue();
  issuerId = first.issuerId;
  watched.add(issuerId);
  const certificate = await fetch(`${chancery.httpUrl}/ca/${issuerId}.cer`);
  chancery.write('issuer.cer', Buffer.from(await certificate.arrayBuffer()));
  await chancery.openssl(['x509', '-inform', 'DER', '-in', 'issuer.cer', '-out', 'issuer.pem']);
});

afterAll(() => {
  load.stop();
  witness.stop();
});

function arm(step: FailpointName): void {
  writeFileSync(`${failpointFile}.new`, step);
  renameSync(`${failpointFile}.new`, failpointFile);
}

async function strike(victim: Victim): Promise<void> {
  const before = chancery.pid('ca');
  switch (victim) {
    case 'ca':
    case 'ocsp':
    case 'postgres': {
      const pid = chancery.pid(victim);
      chancery.kill(victim);
      kills += 1;
      await until(`${victim} to be started again`, () => differs(victim, pid));
      return;
    }
    case 'all':
      // The supervisor first: it must not bring one back before the last is dead.
      {
        const supervisor = chancery.killSupervisor();
        for (const name of ['postgres', 'ca', 'ocsp'] as const) chancery.kill(name);
        await supervisor;
      }
      kills += 4;
      await chancery.start();
      return;
    case 'quickstart':
      await chancery.killSupervisor();
      kills += 1;
      await chancery.start();
      return;
    default:
      arm(victim);
      await until(`the step ${victim}`, () => !existsSync(failpointFile));
      kills += 1;
      await until(`the CA to be started again after ${victim}`, () => differs('ca', before));
  }
}

function differs(name: 'ca' | 'ocsp' | 'postgres', before: number | undefined): boolean {
  const now = chancery.pid(name);
  return now !== undefined && now !== before;
}

async function ready(): Promise<void> {
  for (const url of [`${chancery.httpUrl}/readyz`, `${chancery.ocspUrl}readyz`]) {
    await until(
      `${url} to answer 200`,
      async () => (await fetch(url).catch(() => undefined))?.status === 200,
    );
  }
}

/** What clients were told last must be true at once, not only at the end. */
async function newestHold(): Promise<void> {
  const newest = load.received.filter(({ busy }) => !busy).slice(-5);
  for (const item of newest) {
    const told = item.status;
    const shown = await load.show(item.serialNumber);
    if (!item.busy && item.status === told) {
      expect(shown).toMatchObject({ issuanceState: 'issued', status: told });
    }
  }
  const good = newest.filter(
    ({ status, busy, acts }) => status === 'good' && !busy && acts.length === 0,
  );
  const ocsp = await ocspStatuses(
    chancery,
    'issuer.pem',
    good.map(({ serialNumber }) => serialNumber),
  );
  for (const { serialNumber, status, acts, busy } of good) {
    if (status === 'good' && acts.length === 0 && !busy) {
      expect(ocsp.get(serialNumber)).toBe('good');
    }
  }
}

test(
  'processes are killed at random moments and at every step while clients issue and revoke',
  async () => {
    const working = load.work(3, 3, 120);
    const watching = witness.watch(() => [...watched]);
    try {
      for (const victim of plan()) {
        await delay(100 + random() * 500);
        const struck = performance.now();
        await strike(victim);
        await ready();
        const took = performance.now() - struck;
        expect(took, `service was back after ${victim}`).toBeLessThan(30_000);
        await newestHold();
      }
    } finally {
      load.stop();
      await working;
      witness.stop();
      await watching;
    }
    console.log(
      `${kills} kills; ${load.received.length} certificates received, ${witness.numbers} CRLs seen; refusals: ${JSON.stringify(Object.fromEntries(load.refusals))}`,
    );
    expect(kills).toBeGreaterThanOrEqual(isWhole ? 250 : 16);
    expect(load.surprises).toEqual([]);
    expect(witness.problems).toEqual([]);
  },
  420_000 * rounds,
);

test('an issuer whose creation was cut off at any step is completed by asking again', async () => {
  for (const step of [
    'issuer.1-after-key',
    'issue.2-after-intent',
    'issue.4-after-commit',
  ] as const) {
    const name = `cut-${step.replaceAll('.', '-')}`;
    const body = { name, kind: 'subordinate', parent: 'root', key: 'p256' };
    const before = chancery.pid('ca');
    arm(step);
    await expect(chancery.rest('POST', '/api/v1/issuers', body)).rejects.toThrow();
    await until('the CA to be started again', () => differs('ca', before));
    await ready();
    const again = await chancery.rest('POST', '/api/v1/issuers', body);
    // After the commit it exists; before, asking again goes on with the key that is there.
    expect(again.status).toBe(step === 'issue.4-after-commit' ? 409 : 201);
    const shown = await chancery.json<{ state: string; issuerId: string }>('issuer', 'show', name);
    expect(shown.state).toBe('active');
    const certificate = async (): Promise<number> =>
      (await fetch(`${chancery.httpUrl}/ca/${shown.issuerId}.cer`)).status;
    await until('its certificate to be published', async () => (await certificate()) === 200);
    await until(
      'its CRL to be published',
      async () =>
        await fetchCrl(chancery, shown.issuerId).then(
          () => true,
          () => false,
        ),
    );
    // The responder's enrolment for it is an issuance as well: it must not meet the next step.
    await until('its delegate', async () => {
      const path = `/api/v1/certificates?profile=ocsp-signing&issuer=${shown.issuerId}`;
      const { items } = (await chancery.rest('GET', path)).json() as { items: unknown[] };
      return items.length > 0;
    });
  }
}, 120_000);

test('afterwards inventory, history, OCSP, CRL and audit agree with what every client was told', async () => {
  let found: readonly string[] = ['not compared yet'];
  // Rows that a crash left prepared are settled, and the CRL covers them, without anybody's help.
  await until(
    'everything to agree',
    async () => {
      found = await disagreements(chancery, 'issuer.pem', load.received).catch((error: unknown) => [
        String(error),
      ]);
      return found.length === 0;
    },
    60_000,
  ).catch(() => undefined);
  expect(found).toEqual([]);
  for (const item of load.received.filter(({ acts }) => acts.length > 0)) {
    const answer = await chancery.rest('GET', `/api/v1/certificates/${item.serialNumber}/history`);
    const { items } = answer.json() as { items: { act: string }[] };
    expect(items.map(({ act }) => act)).toEqual(item.acts);
  }
  const verified = await chancery.verifyDatabase();
  expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining('all agree') });
}, 180_000);
