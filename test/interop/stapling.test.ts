/** `chancery ocsp staple` with nginx and haproxy, judged by curl, openssl and GnuTLS as TLS clients. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Delivery } from '../../scripts/command/ocsp/staple-delivery.ts';
import { type RoundOutcome, StapleRounds } from '../../scripts/command/ocsp/staple-round.ts';
import { parseOcspResponse } from '../../src/pkix/index.ts';
import { type Ran, run } from '../support/installation.ts';
import { until } from '../support/quickstart-run.ts';
import { privateKeyPem, type TestCertificate, testCertificate } from '../support/test-hierarchy.ts';
import {
  ask,
  certIDOf,
  issuerPem,
  post,
  requestFor,
  startTestResponder,
  statusOf,
  type TestResponder,
} from '../support/test-responder.ts';
import { startStaplingHaproxy, startStaplingNginx } from '../support/tls-servers.ts';

const command = resolve('scripts/command/main.ts');
let made: TestResponder;
let site: TestCertificate;
let chain: string;
let root: string;

beforeAll(async () => {
  made = await startTestResponder();
  site = made.issue('CN=localhost');
  chain = made.file('site.pem', site.pem + issuerPem(made.issuing));
  root = made.file('root.pem', issuerPem(made.root));
});

async function staple(...parameters: readonly string[]): Promise<Ran> {
  return run(process.execPath, [
    ...[command, 'ocsp', 'staple', '--certificate', chain, '--responder', made.url],
    ...parameters,
  ]);
}

/** A round in this process, which starts faster than the command. */
async function round(out: string, delivery: Partial<Delivery> = {}): Promise<RoundOutcome> {
  const rounds = new StapleRounds(
    {
      ...{ certificateFile: chain, issuerFile: undefined, responder: made.url, out },
      ...{ haproxySocket: undefined, onChange: [], ...delivery },
    },
    () => new Date(),
  );
  return rounds.round();
}

/** What curl says of the staple: 0 when it says good, 91 (CURLE_SSL_INVALIDCERTSTATUS) when not. */
async function curl(port: number): Promise<number | null> {
  const url = `https://localhost:${port}/`;
  return (await run('curl', ['-sS', '--cert-status', '--cacert', root, '-m', '10', url])).code;
}

function stapled(file: string): string {
  return statusOf(parseOcspResponse(readFileSync(file)));
}

/** Changes the site's status and waits until the responder says so. */
async function change(status: 'onHold' | 'good'): Promise<void> {
  const { serialNumber } = site.certificate;
  made.status.change(made.issuing, serialNumber, {
    status,
    notGoodSince: status === 'good' ? undefined : new Date(),
  });
  const wanted = status === 'good' ? 'good' : 'revoked:certificateHold';
  await until(
    'the responder to say so',
    async () => statusOf(await ask(made, [certIDOf(made.issuing, serialNumber)])) === wanted,
  );
}

describe('nginx and haproxy', () => {
  test('a good staple passes every client; on hold it fails; after the release it passes again', async () => {
    const nginxStaple = join(made.folder, 'site.der');
    const both = made.file(
      'site-and-key.pem',
      readFileSync(chain, 'utf8') + privateKeyPem(site.privateKey),
    );
    const haproxyStaple = `${both}.ocsp`;
    const first = await staple('--out', nginxStaple, '--once');
    expect([first.code, first.stderr]).toEqual([0, '']);
    expect(first.stdout).toMatch(/^good: staple stored in .*, valid until 20/);
    await round(haproxyStaple);
    const nginx = await startStaplingNginx(made.folder, {
      certificate: chain,
      key: made.file('site.key', privateKeyPem(site.privateKey)),
      staple: nginxStaple,
    });
    const haproxy = await startStaplingHaproxy(made.folder, both);
    for (const port of [nginx.port, haproxy.port]) {
      expect(await curl(port)).toBe(0);
      const openssl = await run('openssl', [
        ...['s_client', '-connect', `127.0.0.1:${port}`, '-status', '-CAfile', root],
      ]);
      expect(openssl.stdout).toMatch(/OCSP Response Status: successful[\s\S]*Cert Status: good/);
      const saved = join(made.folder, `gnutls-${port}.der`);
      const gnutls = await run('gnutls-cli', [
        ...['--x509cafile', root, '--save-ocsp', saved, '--port', String(port), 'localhost'],
      ]);
      expect(gnutls.stdout).toContain('The certificate is trusted');
      expect(stapled(saved)).toBe('good');
    }
    await change('onHold');
    const [program = '', ...parameters] = nginx.reload;
    // Refused is the exit status for a certificate that is not good; its staple is in place all the same.
    const held = await staple(
      ...['--out', nginxStaple, '--once', '--on-change', program, '--', ...parameters],
    );
    expect([held.code, held.stderr]).toEqual([1, expect.stringContaining('certificateHold')]);
    const heldByHaproxy = await staple(
      ...['--out', haproxyStaple, '--once', '--format', 'haproxy'],
      ...['--haproxy-socket', haproxy.socket],
    );
    expect(heldByHaproxy.code).toBe(1);
    await until('nginx to have reloaded', async () => (await curl(nginx.port)) === 91);
    expect(await curl(haproxy.port)).toBe(91);
    await change('good');
    await round(nginxStaple, { onChange: nginx.reload });
    await round(haproxyStaple, { haproxySocket: haproxy.socket });
    await until('nginx to have reloaded', async () => (await curl(nginx.port)) === 0);
    expect(await curl(haproxy.port)).toBe(0);
  });
});

describe('one round', () => {
  const out = (name: string): string => join(made.folder, name);

  test('no answer, an answer about another certificate and an unknown one leave a valid staple as it is', async () => {
    const file = out('kept.der');
    expect(await round(file)).toMatchObject({ type: 'stapled', changed: true });
    const before = readFileSync(file);
    const gone = await staple('--out', file, '--once', '--responder', 'http://127.0.0.1:9/');
    expect([gone.code, gone.stderr]).toEqual([3, expect.stringContaining('is valid until 20')]);
    const unknown = testCertificate(made.issuing, { subject: 'CN=unknown' });
    const kept = chain;
    chain = made.file('unknown.pem', unknown.pem + issuerPem(made.issuing));
    expect(await round(file)).toMatchObject({ type: 'failed', unavailable: false });
    chain = kept;
    expect(readFileSync(file)).toEqual(before);
    expect(statSync(file).mode & 0o777).toBe(0o644);
  });

  test('a cache that answers late does not bring an older staple back', async () => {
    const file = out('older.der');
    const before = await ask(made, [certIDOf(made.issuing, site.certificate.serialNumber)]);
    const at = before.basic?.responseData.responses[0]?.thisUpdate ?? new Date();
    made.clock.offset = 60_000;
    await change('onHold');
    await change('good');
    const { body } = await post(
      made.port,
      requestFor([certIDOf(made.issuing, site.certificate.serialNumber)]),
    );
    made.clock.offset = 0;
    writeFileSync(file, body);
    await change('onHold');
    await change('good');
    expect(at.getTime()).toBeLessThan(Date.now());
    expect(await round(file)).toMatchObject({
      type: 'failed',
      reason: expect.stringContaining('older') as string,
    });
    expect(readFileSync(file)).toEqual(body);
  });

  test('--on-change runs without a shell, only when the staple changed, and again when it failed', async () => {
    const file = out('changed.der');
    const script = made.file(
      'told.sh',
      '#!/bin/sh\nprintf "%s|%s\\n" "$CHANCERY_STAPLE_EVENT" "$1" >>"$(dirname "$0")/told"\n',
    );
    const onChange = ['sh', script, '$(touch injected); a b'];
    expect(await round(file, { onChange })).toMatchObject({ type: 'stapled', changed: true });
    expect(readFileSync(out('told'), 'utf8')).toBe('good|$(touch injected); a b\n');
    expect(await round(file, { onChange })).toMatchObject({ type: 'stapled', changed: false });
    expect(readFileSync(out('told'), 'utf8').split('\n')).toHaveLength(2);
    expect(await round(out('fresh.der'), { onChange: ['false'] })).toMatchObject({
      type: 'failed',
      reason: expect.stringContaining('exit status 1') as string,
    });
  });

  test('options that contradict each other are usage errors', async () => {
    const file = out('usage.der');
    const ran = await staple('--out', file, '--format', 'haproxy', '--once');
    expect([ran.code, ran.stdout, ran.stderr]).toEqual([2, '', expect.stringContaining('.ocsp')]);
    expect(existsSync(file)).toBe(false);
  });
});

test('the loop replaces a good staple by a revoked one and ends with 0 on SIGTERM', async () => {
  const file = join(made.folder, 'loop.der');
  const child = spawn(process.execPath, [
    ...[command, 'ocsp', 'staple', '--certificate', chain, '--responder', made.url],
    ...['--out', file, '--interval', '5s', '--jitter', '0'],
  ]);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  }
  const ended = new Promise<number | null>((done) => child.once('exit', done));
  await until('the first staple', () => text.includes('good: staple stored'));
  made.status.change(made.issuing, site.certificate.serialNumber, {
    status: 'revoked',
    reasonCode: 'keyCompromise',
    notGoodSince: new Date(),
  });
  await until('the revoked staple', () => text.includes('THE CERTIFICATE IS REVOKED'), 20_000);
  expect(stapled(file)).toBe('revoked:keyCompromise');
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  expect(text).not.toMatch(/\n {4}at /);
});
