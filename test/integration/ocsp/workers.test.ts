/** Several processes of one responder behind one port, in a real installation. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { useInstallation } from '../../support/installation.ts';
import { freePorts, until } from '../../support/quickstart-run.ts';

const metricsPort = Number((await freePorts())['CHANCERY_HTTPS_PORT']);
const installation = useInstallation({
  CHANCERY_OCSP_WORKERS: '2',
  CHANCERY_OCSP_METRICS_LISTEN: `127.0.0.1:${metricsPort}`,
});

function workers(): readonly number[] {
  const pid = installation.pid('ocsp');
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

/** certStatus by openssl, asked on connections of its own; the empty text while there is none. */
async function ask(serialNumber: string): Promise<string> {
  const ran = await installation.openssl([
    ...['ocsp', '-issuer', 'issuer.pem', '-serial', `0x${serialNumber}`, '-url'],
    ...[installation.ocspUrl, '-CAfile', installation.root, '-no_nonce'],
  ]);
  return /: (good|revoked|unknown)/.exec(ran.stdout)?.[1] ?? '';
}

async function ready(): Promise<boolean> {
  const answer = await fetch(new URL('/readyz', installation.ocspUrl)).catch(() => undefined);
  return answer?.status === 200;
}

test('both answer alike, one that is killed is replaced, and their metrics are one', async () => {
  await installation.ok(
    ...['issue', '--profile', 'tls-server', '--dns', 'workers.test'],
    ...['--key-out', 'key.pem', '--out', 'cert.pem'],
  );
  const chain = installation.read('cert.pem').split(/(?=-----BEGIN)/);
  installation.write('issuer.pem', chain[1] ?? '');
  const shown = await installation.openssl(['x509', '-in', 'cert.pem', '-noout', '-serial']);
  const serialNumber = shown.stdout.trim().replace('serial=', '');
  const first = workers();
  expect(first).toHaveLength(2);
  for (let n = 0; n < 6; n += 1) expect(await ask(serialNumber)).toBe('good');

  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const answers = [...text.matchAll(/^chancery_ocsp_answers_total\{[^}]*\} (\d+)/gm)];
  expect(answers.reduce((sum, [, count]) => sum + Number(count), 0)).toBeGreaterThanOrEqual(6);

  // The one that enrols too: what it holds is in the folder.
  for (const pid of first) {
    process.kill(pid, 'SIGKILL');
    await until('another process', () => workers().length === 2 && !workers().includes(pid));
    // The one that is left says so as soon as it hears of it: twice in a row is no chance.
    await until('both to be ready', async () => (await ready()) && (await ready()), 30_000);
    await until('an answer', async () => (await ask(serialNumber)) === 'good', 30_000);
    for (let n = 0; n < 4; n += 1) expect(await ask(serialNumber)).toBe('good');
  }
  await installation.ok('revoke', serialNumber, '--reason', 'superseded');
  await until('both to answer revoked', async () => {
    const said = await Promise.all(Array.from({ length: 6 }, async () => ask(serialNumber)));
    return said.every((word) => word === 'revoked');
  });
}, 120_000);
