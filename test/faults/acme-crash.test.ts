/**
 * SIGKILL of the CA at every step of an ACME order, of PostgreSQL and of both at random moments: the
 * client's retry completes the very order with exactly one good certificate, what was begun and not
 * finished is revoked, and nobody repaired anything by hand.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { postgresRoles } from '../../scripts/supervisor/embedded-postgres.ts';
import type { AcmeFailpoint } from '../../src/acme/index.ts';
import type { FailpointName } from '../../src/authority/index.ts';
import { ChallengeFiles, Subscriber } from '../support/acme-subscriber.ts';
import { disagreements, inventory } from '../support/crash-judges.ts';
import { useInstallation } from '../support/installation.ts';
import type { Received } from '../support/load-client.ts';
import { acmePorts, until } from '../support/quickstart-run.ts';

const failpointFile = join(tmpdir(), `chancery-acme-failpoint-${process.pid}`);
const ports = await acmePorts();
const files = new ChallengeFiles();
const chancery = useInstallation({
  CHANCERY_FAILPOINT_FILE: failpointFile,
  CHANCERY_ACME_HTTP01_PORT: String(ports.http01),
  CHANCERY_ACME_TIMEOUT: '2s',
});
const received: Received[] = [];
const patience = 110_000;

beforeAll(async () => {
  await files.listen(ports.http01);
});
afterAll(async () => {
  await files.close();
});

async function subscriber(): Promise<Subscriber> {
  const made = new Subscriber(chancery, files, patience);
  await made.register();
  return made;
}

async function obtain(by: Subscriber, name: string): Promise<void> {
  const { pem, certificate } = await by.obtain(name);
  const text = certificate.serialNumber.toLowerCase().replace(/^0+/, '');
  received.push({
    serialNumber: text,
    issuerId: await issuing(),
    name,
    pem,
    idempotencyKey: name,
    status: 'good',
    acts: [],
    busy: false,
  });
}

let issuerId: string | undefined;
async function issuing(): Promise<string> {
  issuerId ??= (await chancery.json<{ issuerId: string }>('issuer', 'show', 'issuing')).issuerId;
  return issuerId;
}

function differs(name: 'ca' | 'postgres', before: number | undefined): boolean {
  const now = chancery.pid(name);
  return now !== undefined && now !== before;
}

async function ready(): Promise<void> {
  await until(
    'the CA to be ready',
    async () => (await fetch(`${chancery.httpUrl}/readyz`).catch(() => undefined))?.status === 200,
    60_000,
  );
}

/** fsyncs of the write-ahead log that connections waited for: synchronous commits, when they come one by one. */
async function synchronousCommits(): Promise<number> {
  const folder = join(chancery.data, 'postgres');
  const socket =
    readFileSync(join(folder, 'cluster', 'postmaster.pid'), 'utf8').split('\n')[4] ?? '';
  const password = readFileSync(join(folder, 'secrets', 'superuser'), 'utf8').trim();
  const database = new Client({
    host: socket,
    user: postgresRoles.superuser,
    password,
    database: 'postgres',
  });
  await database.connect();
  try {
    const { rows } = await database.query(
      `SELECT sum(fsyncs)::int AS n FROM pg_stat_io WHERE object = 'wal' AND backend_type = 'client backend'`,
    );
    return Number((rows as { n: number }[])[0]?.n ?? 0);
  } finally {
    await database.end();
  }
}

test('four synchronous commits between newOrder and download, as the database counts them', async () => {
  const by = await subscriber();
  await obtain(by, 'first.localhost');
  const [before, from] = [await synchronousCommits(), performance.now()];
  const orders = 60;
  for (let n = 0; n < orders; n += 1) await obtain(by, `commit${n}.localhost`);
  let counted = 0;
  // Connections report what they did with a delay of up to ten seconds.
  await until('the commits to be counted', async () => {
    counted = (await synchronousCommits()) - before;
    return counted >= 4 * orders;
  });
  // The CA's own schedule commits twice a second, whoever orders.
  const schedule = (3 * (performance.now() - from)) / 1000;
  expect(counted).toBeLessThanOrEqual(4 * orders + schedule);
}, 120_000);

const steps: readonly (AcmeFailpoint | FailpointName)[] = [
  'issue.2-after-intent',
  'issue.3-after-signature',
  'acme.1-after-order',
  'acme.2-after-challenge',
  'acme.3-before-validated',
  'acme.4-after-validated',
  'issue.1-before-intent',
  'issue.4-after-commit',
];

test('the CA is killed at each step; each client has its certificate afterwards', async () => {
  const working: Promise<void>[] = [];
  for (const step of steps) {
    const by = await subscriber();
    const before = chancery.pid('ca');
    writeFileSync(`${failpointFile}.new`, step);
    renameSync(`${failpointFile}.new`, failpointFile);
    const work = obtain(by, `${step.replaceAll('.', '-')}.localhost`);
    // Looked at when all are through: waiting for what settles is the longest part.
    work.catch(() => undefined);
    working.push(work);
    await until(`the step ${step}`, () => !existsSync(failpointFile));
    await until(`the CA to be started again after ${step}`, () => differs('ca', before));
    await ready();
  }
  await Promise.all(working);
}, 150_000);

test('CA and PostgreSQL are killed at random moments under five clients', async () => {
  let stopped = false;
  const clients = Array.from({ length: 5 }, async (_, who) => {
    const by = await subscriber();
    for (let n = 0; n < 40 && !stopped; n += 1) await obtain(by, `random${who}-${n}.localhost`);
  });
  for (const victim of ['postgres', 'ca', 'postgres', 'ca'] as const) {
    await delay(300 + Math.random() * 700);
    const before = chancery.pid(victim);
    chancery.kill(victim);
    await until(`${victim} to be started again`, () => differs(victim, before));
    await ready();
  }
  stopped = true;
  await Promise.all(clients);
}, 150_000);

test('every client has exactly one good certificate of its name; all else is abandoned and revoked', async () => {
  const id = await issuing();
  const certificate = await fetch(`${chancery.httpUrl}/ca/${id}.cer`);
  chancery.write('issuer.cer', Buffer.from(await certificate.arrayBuffer()));
  await chancery.openssl(['x509', '-inform', 'DER', '-in', 'issuer.cer', '-out', 'issuer.pem']);
  let found: readonly string[] = ['not compared yet'];
  await until(
    'everything to agree',
    async () => {
      found = await disagreements(chancery, 'issuer.pem', received).catch((error: unknown) => [
        String(error),
      ]);
      return found.length === 0;
    },
    60_000,
  ).catch(() => undefined);
  expect(found).toEqual([]);
  const names = new Set(received.map(({ name }) => `DNS:${name}`));
  const rows = (await inventory(chancery)).filter((row) =>
    row.names.some((name) => names.has(name)),
  );
  const interrupted = rows.filter(({ issuanceState }) => issuanceState !== 'issued');
  console.log(`${received.length} certificates, ${interrupted.length} abandoned`);
  // The two steps between intent and commit leave one each at least.
  expect(interrupted.length).toBeGreaterThanOrEqual(2);
  for (const row of interrupted)
    expect(row).toMatchObject({ issuanceState: 'abandoned', status: 'revoked' });
}, 120_000);
