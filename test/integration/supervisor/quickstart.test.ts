import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stopLeftoverPostgres } from '../../../scripts/supervisor/embedded-postgres.ts';
import {
  freePorts,
  pidOf,
  type QuickstartRun,
  runs,
  startQuickstart,
  until,
} from '../../support/quickstart-run.ts';

const script = join(import.meta.dirname, 'stand-in/quickstart.ts');
let dataFolder: string;
let ports: Record<string, string>;
const started: QuickstartRun[] = [];

beforeEach(async () => {
  dataFolder = mkdtempSync(join(tmpdir(), 'chancery-quickstart-'));
  ports = await freePorts();
});

afterEach(async () => {
  for (const run of started.splice(0)) {
    run.process.kill('SIGTERM');
    await run.exited;
  }
  for (const name of ['ca', 'ocsp']) {
    const pid = pidOf(dataFolder, name);
    if (pid !== undefined && runs(pid)) process.kill(pid, 'SIGKILL');
  }
  await stopLeftoverPostgres(join(dataFolder, 'postgres'));
  rmSync(dataFolder, { recursive: true, force: true });
});

function start(more: Readonly<Record<string, string>> = {}): QuickstartRun {
  const run = startQuickstart(script, { CHANCERY_DATA: dataFolder, ...ports, ...more });
  started.push(run);
  return run;
}

async function get(port: string | undefined, path: string): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
}

const names = ['quickstart', 'ca', 'ocsp', 'postgres'];

test('starts all, says each step and the fingerprint, gives each process its own database role, stops all on SIGTERM', async () => {
  const run = start();
  await run.ready();
  const output = run.standardOutput();
  expect(output).toMatch(/Starting the embedded PostgreSQL \(log: .*postgres\.log\)/);
  expect(output).toMatch(/^SHA-256 fingerprint: ([0-9A-F]{2}:){31}[0-9A-F]{2}$/m);
  expect(output.trimEnd().split('\n').at(-1)).toMatch(/^ready/);
  expect(await get(ports['CHANCERY_HTTP_PORT'], '/given')).toBe('CHANCERY_DATABASE_URL');
  expect(await get(ports['CHANCERY_OCSP_PORT'], '/given')).toBe('CHANCERY_OCSP_DATABASE_URL');
  // ACME of a trial may validate names of this machine, and quickstart says so (I39).
  const loopback = '/variable/CHANCERY_ACME_ALLOW_LOOPBACK';
  expect(output).toMatch(/^ACME validation may connect to this machine itself \(loopback\)/m);
  expect(await get(ports['CHANCERY_HTTP_PORT'], loopback)).toBe('true');
  expect(await get(ports['CHANCERY_OCSP_PORT'], loopback)).toBe('');
  const directory = `https://localhost:${ports['CHANCERY_HTTPS_PORT']}/acme/directory`;
  expect(output).toContain(`\nACME directory: ${directory}\n`);
  expect(output).toMatch(
    new RegExp(`LEGO_CA_CERTIFICATES=\\S+root\\.pem lego --server ${directory} `),
  );
  const pids = names.map((name) => pidOf(dataFolder, name));
  expect(pids.map(runs)).toEqual([true, true, true, true]);
  for (const secret of ['owner', 'application', 'responder', 'superuser']) {
    const { mode } = statSync(join(dataFolder, 'postgres/secrets', secret));
    expect(mode & 0o777, secret).toBe(0o600);
  }

  run.process.kill('SIGTERM');
  expect(await run.exited).toBe(0);
  expect(run.standardError()).toBe('');
  expect(pids.map(runs)).toEqual([false, false, false, false]);
  expect(names.map((name) => pidOf(dataFolder, name))).toEqual(names.map(() => undefined));
});

test('ACME stays away from loopback where the configuration says so', async () => {
  writeFileSync(join(dataFolder, 'chancery.yaml'), 'acme:\n  allowLoopback: false\n');
  const run = start();
  await run.ready();
  expect(run.standardOutput()).not.toMatch(/loopback|lego/);
  expect(await get(ports['CHANCERY_HTTP_PORT'], '/variable/CHANCERY_ACME_ALLOW_LOOPBACK')).toBe('');
});

test('a second run on the same data folder names the first, changes nothing and exits 1', async () => {
  const first = start();
  await first.ready();
  const before = names.map((name) => pidOf(dataFolder, name));
  const second = start(await freePorts());
  expect(await second.exited).toBe(1);
  expect(second.standardError()).toMatch(
    new RegExp(`already runs on ${dataFolder}: process ${first.process.pid}\\.`),
  );
  expect(second.standardError().trim().split('\n')).toHaveLength(1);
  expect(names.map((name) => pidOf(dataFolder, name))).toEqual(before);
  expect(before.map(runs)).toEqual([true, true, true, true]);
});

test('a pid file whose process has ended, its id given to another process since, does not stop a start', async () => {
  const first = start();
  await first.ready();
  first.process.kill('SIGTERM');
  await first.exited;
  // This very test process has the id now, with another start time.
  writeFileSync(
    join(dataFolder, 'run/quickstart.process'),
    JSON.stringify({ pid: process.pid, start: '1', boot: 'another' }),
  );
  writeFileSync(join(dataFolder, 'run/quickstart.pid'), `${process.pid}\n`);
  const second = start();
  await second.ready();
  expect(pidOf(dataFolder, 'quickstart')).toBe(second.process.pid);
});

test.each(['ca', 'ocsp', 'postgres'])('starts %s again when it is killed', async (name) => {
  const run = start();
  await run.ready();
  const before = pidOf(dataFolder, name);
  if (before === undefined) throw new Error('no pid');
  process.kill(before, 'SIGKILL');
  await until('another process', () => {
    const now = pidOf(dataFolder, name);
    return now !== undefined && now !== before && runs(now);
  });
  expect(run.standardOutput()).toMatch(/ended \(by a signal\); starting it again in 0\.5 s/);
});

test('after SIGKILL of quickstart the next run stops what is left and finds its data', async () => {
  const first = start();
  await first.ready();
  const left = ['ca', 'ocsp', 'postgres'].map((name) => pidOf(dataFolder, name));
  first.process.kill('SIGKILL');
  await first.exited;
  expect(left.map(runs)).toEqual([true, true, true]);

  const second = start();
  await second.ready();
  expect(second.standardOutput()).toContain(
    `Stopping what an earlier run left: ca, process ${left[0]}`,
  );
  expect(second.standardOutput()).toContain('init number 2');
  expect(left.map(runs)).toEqual([false, false, false]);
  expect(names.map((name) => runs(pidOf(dataFolder, name)))).toEqual([true, true, true, true]);
});

test('a port in use is one line that names port, variable and process; nothing is started', async () => {
  const other = createServer();
  await new Promise<void>((done) =>
    other.listen(Number(ports['CHANCERY_OCSP_PORT']), '127.0.0.1', done),
  );
  try {
    const run = start();
    expect(await run.exited).toBe(1);
    expect(run.standardError().trim().split('\n')).toEqual([
      expect.stringMatching(
        new RegExp(
          `^Port ${ports['CHANCERY_OCSP_PORT']} \\(CHANCERY_OCSP_PORT\\) is in use by process ${process.pid} \\(.+\\): `,
        ),
      ),
    ]);
    expect(names.map((name) => pidOf(dataFolder, name))).toEqual(names.map(() => undefined));
  } finally {
    other.close();
  }
});

test('a configuration error of a process stops all with its line and is not tried again', async () => {
  const run = start({ STAND_IN_CONFIGURATION_ERROR: 'yes' });
  expect(await run.exited).toBe(1);
  expect(run.standardError().trim()).toBe(
    'the CA service: chancery.yaml line 3: unknown key "htpp", did you mean "http"?',
  );
  expect(run.standardOutput()).not.toContain('starting it again');
  expect(names.map((name) => pidOf(dataFolder, name))).toEqual(names.map(() => undefined));
});

test('a process that cannot start at all ends the start with what it said last', async () => {
  const run = start({ STAND_IN_CRASH: 'yes' });
  expect(await run.exited).toBe(1);
  expect(run.standardError().trim()).toBe(
    'the OCSP responder ended 3 times before it was ready: Error: the token is missing',
  );
  expect(readFileSync(join(dataFolder, 'log/ocsp.log'), 'utf8')).toContain('the token is missing');
});

test('a data folder that cannot be used is one line', async () => {
  const file = join(dataFolder, 'a-file');
  writeFileSync(file, '');
  const run = start({ CHANCERY_DATA: join(file, 'data') });
  expect(await run.exited).toBe(1);
  expect(run.standardError().trim()).toMatch(/^The data folder .* cannot be used: ENOTDIR/);
});
