/** The product in one walk: service, relying party, admin, client, in this order. */
import { chmodSync, existsSync, statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { run, useInstallation } from '../support/installation.ts';
import { until } from '../support/quickstart-run.ts';

const chancery = useInstallation();

interface Shown {
  readonly serialNumber: string;
  readonly status: string;
  readonly issuerId: string;
  readonly owner: string;
}

let serialNumber = '';
let issuerId = '';
let asService: Readonly<Record<string, string>> = {};

async function ocspSays(certificate: string): Promise<string> {
  const { stdout, stderr, code } = await chancery.openssl([
    ...['ocsp', '-CAfile', chancery.root, '-issuer', 'issuer.pem', '-cert', certificate],
    ...['-url', chancery.ocspUrl],
  ]);
  expect(`${code} ${stderr}`).toContain('Response verify OK');
  return stdout;
}

async function crlSays(certificate: string): Promise<string> {
  const crl = await fetch(`${chancery.httpUrl}/crl/${issuerId}/0.crl`);
  expect(crl.headers.get('content-type')).toBe('application/pkix-crl');
  chancery.write('issuer.crl.der', Buffer.from(await crl.arrayBuffer()));
  await chancery.openssl(['crl', '-inform', 'DER', '-in', 'issuer.crl.der', '-out', 'issuer.crl']);
  const { stdout, stderr } = await chancery.openssl([
    ...['verify', '-crl_check', '-CAfile', chancery.root, '-untrusted', 'issuer.pem'],
    ...['-CRLfile', 'issuer.crl', certificate],
  ]);
  return stdout + stderr;
}

test('a service gets a credential, enrols with a CSR of its own key, and renews', async () => {
  await chancery.ok('principal', 'create', 'web', '--role', 'subscriber');
  const token = await chancery.ok('credential', 'create', 'web', '--days', '30');
  expect(token).toMatch(/^\S+\n$/);
  chancery.write('token', token);
  chmodSync(chancery.path('token'), 0o600);
  asService = { CHANCERY_TOKEN_FILE: chancery.path('token') };

  await chancery.openssl([
    ...['req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'web.key', '-out', 'web.csr'],
    ...['-subj', '/CN=web.example.test', '-addext', 'subjectAltName=DNS:web.example.test'],
  ]);
  const issued = await chancery.chanceryAs(
    asService,
    ...['issue', '--profile', 'tls-server', '--csr', 'web.csr', '--out', 'web.pem'],
  );
  expect(issued).toMatchObject({ code: 0, stderr: '' });
  const blocks = chancery.read('web.pem').split(/(?=-----BEGIN)/);
  expect(blocks).toHaveLength(2);
  chancery.write('issuer.pem', blocks[1] ?? '');

  const renewed = await chancery.chanceryAs(
    asService,
    ...['renew', 'web.pem', '--key', 'web.key', '--out', 'web2.pem'],
  );
  expect(renewed).toMatchObject({ code: 0, stderr: '' });
  const list = await chancery.json<{ items: readonly Shown[] }>('list', '--owner', 'web');
  expect(list.items).toHaveLength(2);
  serialNumber = list.items.at(0)?.serialNumber ?? '';
  issuerId = list.items.at(0)?.issuerId ?? '';
});

test('the service may not act beyond its role', async () => {
  const refused = await chancery.chanceryAs(
    asService,
    ...['revoke', serialNumber, '--reason', 'superseded'],
  );
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('certificates:revoke');
});

test('a relying party finds the certificate good by OCSP and by CRL', async () => {
  for (const certificate of ['web.pem', 'web2.pem']) {
    expect(await ocspSays(certificate)).toContain(`${certificate}: good`);
    expect(await crlSays(certificate)).toContain(`${certificate}: OK`);
  }
});

test('an admin holds it by script: both sources say so, and it can be released', async () => {
  const shown = await chancery.json<Shown>('show', await serialOf('web2.pem'));
  await chancery.ok(
    'hold',
    shown.serialNumber,
    '--cause',
    'investigation',
    '--comment',
    'ticket 7',
  );
  await until(
    'OCSP to show the hold',
    async () => /certificateHold/.test(await ocspSays('web2.pem')),
    10_000,
  );
  await until(
    'the CRL to show the hold',
    async () => /certificate revoked/.test(await crlSays('web2.pem')),
    10_000,
  );

  const refused = await chancery.chancery(
    'renew',
    'web2.pem',
    '--key',
    'web.key',
    '--out',
    'x.pem',
  );
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('on hold');
  expect(existsSync(chancery.path('x.pem'))).toBe(false);

  await chancery.ok('release', shown.serialNumber);
  await until('OCSP to be good', async () => /: good/.test(await ocspSays('web2.pem')), 10_000);
  await until(
    'the CRL to be without it',
    async () => /: OK/.test(await crlSays('web2.pem')),
    10_000,
  );
});

test('an admin revokes it for good; the history keeps hold and release', async () => {
  const serial = await serialOf('web2.pem');
  await chancery.ok('revoke', serial, '--reason', 'superseded');
  await until(
    'OCSP to show it',
    async () => /Reason: superseded/.test(await ocspSays('web2.pem')),
    10_000,
  );
  await until(
    'the CRL to show it',
    async () => /certificate revoked/.test(await crlSays('web2.pem')),
    10_000,
  );
  const history = await chancery.json<{ items: readonly { act: string }[] }>('history', serial);
  expect(history.items.map(({ act }) => act)).toEqual(['hold', 'release', 'revoke']);
  const again = await chancery.chancery('release', serial);
  expect(again.code).toBe(1);
  expect(again.stderr).toContain('final');
});

test('a client pulls the bundle and validates with it', async () => {
  await chancery.ok('bundle', 'get', '--format', 'pem', '--out', 'bundle.pem');
  await chancery.ok('bundle', 'get', '--format', 'p7b', '--out', 'bundle.p7b');
  const verified = await chancery.openssl([
    ...['verify', '-CAfile', 'bundle.pem', '-untrusted', 'issuer.pem', 'web.pem'],
  ]);
  expect(verified.stdout).toContain('web.pem: OK');
  const gnutls = await run('certtool', ['--p7-info', '--inder', '--infile', 'bundle.p7b'], {
    cwd: chancery.work,
  });
  expect(gnutls.stdout).toContain('Number of certificates: 1');
  const url = `${chancery.httpUrl}/bundles/default.pem`;
  const head = await run('curl', ['-s', '-I', url]);
  const etag = /^etag: (.*)$/im.exec(head.stdout)?.[1]?.trim() ?? '';
  const again = await run('curl', [
    '-s',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    '-H',
    `If-None-Match: ${etag}`,
    url,
  ]);
  expect(again.stdout).toBe('304');
});

test('keys that the command makes are readable by their owner only', async () => {
  await chancery.ok(
    ...['issue', '--profile', 'tls-server', '--dns', 'own.example.test'],
    ...['--key-out', 'own.key', '--out', 'own.pem'],
  );
  expect(statSync(chancery.path('own.key')).mode & 0o777).toBe(0o600);
});

async function serialOf(certificate: string): Promise<string> {
  const { stdout } = await chancery.openssl(['x509', '-noout', '-serial', '-in', certificate]);
  return stdout.trim().replace('serial=', '');
}
