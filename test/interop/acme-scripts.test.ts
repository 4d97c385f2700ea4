/** Small clients that many a machine runs: Debian's dehydrated (a shell script) and acme-tiny. */
import { mkdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { expectRevoked, judge } from '../support/acme-relying-party.ts';
import { run, useInstallation } from '../support/installation.ts';
import { serveChallengeFiles, startTrialNetwork } from '../support/trial-network.ts';

// Each step is a program of its own that waits by its own clock, on a machine that others use as well.
vi.setConfig({ testTimeout: 120_000 });
const network = await startTrialNetwork();
const chancery = useInstallation(network.environment);
let files: { close(): Promise<void> };
beforeAll(async () => {
  mkdirSync(chancery.path('challenges'));
  files = await serveChallengeFiles(network, chancery.path('challenges'));
});
afterAll(async () => files.close());

test('dehydrated: bound registration, http-01 by files, renewal, revocation', async () => {
  await chancery.ok('principal', 'create', 'appliance', '--role', 'subscriber');
  const { kid, hmacKey } = await chancery.json<{ kid: string; hmacKey: string }>(
    ...['acme', 'eab', 'create', '--directory', 'eab', '--principal', 'appliance'],
    ...['--allow', 'shell.test'],
  );
  const base = chancery.path('dehydrated');
  mkdirSync(base);
  const configuration = chancery.write(
    'dehydrated/config',
    `CA="${chancery.httpsUrl}/acme/eab/directory"
BASEDIR="${base}"
WELLKNOWN="${chancery.path('challenges')}"
EAB_KID="${kid}"
EAB_HMAC_KEY="${hmacKey}"
CONTACT_EMAIL="ops@example.test"
KEY_ALGO="secp384r1"
`,
  );
  const dehydrated = async (...parameters: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(
      'dehydrated',
      [...parameters, '--config', configuration],
      { cwd: base, env: { HOME: base, CURL_CA_BUNDLE: chancery.root } },
    );
    expect(code, stdout + stderr).toBe(0);
    return stdout + stderr;
  };
  const folder = `${base}/certs/www.shell.test`;
  const expected = {
    names: ['www.shell.test', 'shell.test'],
    keyType: 'ec',
    keyFile: `${folder}/privkey.pem`,
  } as const;
  const names = ['--domain', expected.names.join(' ')];
  await dehydrated('--register', '--accept-terms');
  await dehydrated('--cron', ...names);
  await judge(chancery, readFileSync(`${folder}/fullchain.pem`, 'utf8'), expected);
  await dehydrated('--cron', '--force', ...names);
  const renewed = await judge(chancery, readFileSync(`${folder}/fullchain.pem`, 'utf8'), expected);
  await dehydrated('--revoke', `${folder}/cert.pem`);
  await expectRevoked(chancery, renewed);
});

test('acme-tiny: a CSR of its own, http-01 by files', async () => {
  await chancery.openssl(['genrsa', '-out', 'tiny-account.key', '2048']);
  await chancery.openssl([
    ...['req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'tiny.key', '-out', 'tiny.csr'],
    ...['-subj', '/CN=tiny.test', '-addext', 'subjectAltName=DNS:tiny.test,DNS:www.tiny.test'],
  ]);
  const { code, stdout, stderr } = await run(
    'acme-tiny',
    [
      ...['--account-key', chancery.path('tiny-account.key'), '--csr', chancery.path('tiny.csr')],
      ...['--acme-dir', chancery.path('challenges'), '--disable-check'],
      ...['--directory-url', `${chancery.httpsUrl}/acme/directory`],
    ],
    { cwd: chancery.work, env: { SSL_CERT_FILE: chancery.root } },
  );
  expect(code, stderr).toBe(0);
  await judge(chancery, stdout, {
    names: ['tiny.test', 'www.tiny.test'],
    keyType: 'rsa',
    keyFile: chancery.path('tiny.key'),
  });
});
