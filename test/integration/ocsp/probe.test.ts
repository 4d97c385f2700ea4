/** `chancery ocsp probe` against an installation: what it measures, what it refuses, and that it leaves nothing behind. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { afterAll, expect, test } from 'vitest';
import { Client } from '../../../scripts/command/client.ts';
import { revokeLeftOvers } from '../../../scripts/command/ocsp/probe-certificate.ts';
import { observe } from '../../../scripts/command/ocsp/probe-observer.ts';
import type { ProbeReport } from '../../../scripts/command/ocsp/probe-report.ts';
import { decodePem, parseCertificate } from '../../../src/pkix/index.ts';
import { useInstallation } from '../../support/installation.ts';
import { until } from '../../support/quickstart-run.ts';

const chancery = useInstallation();

async function tagged(...filter: string[]): Promise<number> {
  const list = await chancery.json<{ items: readonly unknown[] }>(
    ...['list', '--tag', 'ocsp-probe', ...filter],
  );
  return list.items.length;
}

test('each act is seen within 2 s at each responder, and the certificates end revoked', async () => {
  const metrics = chancery.path('probe.prom');
  const report = await chancery.json<ProbeReport>(
    ...['ocsp', 'probe', '--count', '2', '--metrics-file', metrics],
    ...['--responder', chancery.ocspUrl, '--responder', `${chancery.ocspUrl}second`],
  );
  expect(report).toMatchObject({ passed: true, refused: [], limitMilliseconds: 2000 });
  expect(report.figures.map(({ act, count, withinLimit }) => [act, count, withinLimit])).toEqual(
    [1, 2].flatMap(() =>
      ['issue', 'hold', 'release', 'revoke'].map((act) => [act, 2, true] as const),
    ),
  );
  for (const { min, median, p99, max } of report.figures) {
    const ordered = [min, median, p99, max].map(Number);
    expect(ordered).toEqual(ordered.toSorted((left, right) => left - right));
  }
  expect([await tagged('--status', 'revoked'), await tagged()]).toEqual([2, 2]);
  const text = chancery.read('probe.prom');
  expect(text).toMatch(/^chancery_ocsp_probe_passed 1$/m);
  expect(text).toMatch(
    /^chancery_ocsp_probe_seconds\{responder="http:[^"]+",act="hold",quantile="0.99"\} [01]\.\d+$/m,
  );
});

test('SIGINT revokes the certificate; what a kill leaves is revoked by a later run, another probe’s is not', async () => {
  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    const child = spawn(
      process.execPath,
      ['scripts/command/main.ts', 'ocsp', 'probe', '--count', '1000'],
      { env: { ...process.env, ...chancery.environment }, stdio: 'ignore' },
    );
    const ended = new Promise((done) => child.once('exit', done));
    await until('a probe certificate', async () => (await tagged('--status', 'good')) > 0);
    child.kill(signal);
    await ended;
    if (signal === 'SIGINT') expect(await tagged('--status', 'good')).toBe(0);
  }
  const client = new Client(chancery.environment);
  const before = await tagged('--status', 'revoked');
  expect(await revokeLeftOvers(client, new Date())).toBe(0);
  expect(await revokeLeftOvers(client, new Date(Date.now() + 700_000))).toBe(1);
  expect(await tagged('--status', 'revoked')).toBe(before + 1);
});

test('an answer that is late counts as never, and one that does not verify is told', async () => {
  await chancery.ok(
    ...['issue', '--profile', 'tls-server', '--dns', 'late.example.test'],
    ...['--key-out', 'late.key', '--out', 'late.pem'],
  );
  const [certificate, issuer] = decodePem(chancery.read('late.pem'), 'CERTIFICATE').map(({ der }) =>
    parseCertificate(der),
  );
  const [root] = decodePem(readFileSync(chancery.root, 'utf8'), 'CERTIFICATE').map(({ der }) =>
    parseCertificate(der),
  );
  if (certificate === undefined || issuer === undefined || root === undefined)
    throw new Error('no chain');
  const liar = createServer((_request, response) => response.end('trust me'));
  await new Promise<void>((done) => liar.listen(0, '127.0.0.1', done));
  afterAll(() => liar.close());
  const address = liar.address();
  const look = async (responder: string) =>
    observe(
      new URL(responder),
      { certificate, issuer, trusted: [root] },
      {
        ...{ expected: 'revoked:keyCompromise', nonce: true, since: performance.now(), limit: 500 },
        signal: new AbortController().signal,
      },
    );
  expect(await look(chancery.ocspUrl)).toMatchObject({
    milliseconds: undefined,
    lastFault: 'it says good',
    refused: [],
  });
  const lied = await look(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`);
  expect(lied.refused[0]).toContain("can't be read");
});
