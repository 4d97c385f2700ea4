/**
 * Debian's lego against a running installation: http-01, tls-alpn-01, and dns-01 by a program. Then two
 * small clients that many a machine runs: dehydrated, a shell script, and acme-tiny.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { expectRevoked, judge } from '../support/acme-relying-party.ts';
import { type Ran, run, useInstallation } from '../support/installation.ts';
import { Lego } from '../support/lego.ts';
import { serveChallengeFiles, startTrialNetwork } from '../support/trial-network.ts';

// Each step is a program of its own that waits by its own clock, on a machine that others use as well.
vi.setConfig({ testTimeout: 120_000 });
const network = await startTrialNetwork();
const chancery = useInstallation(network.environment);

/** Renews whatever the life that is left, and at once. */
const renewNow = ['renew', '--days', '10000', '--no-random-sleep'];

test.each([
  {
    challenge: 'http-01',
    keyType: 'ec384',
    kind: 'ec',
    names: ['http.lego.test', 'two.lego.test'],
  },
  { challenge: 'tls-alpn-01', keyType: 'rsa2048', kind: 'rsa', names: ['alpn.lego.test'] },
  {
    challenge: 'dns-01',
    keyType: 'ec256',
    kind: 'ec',
    names: ['*.dns.lego.test', 'dns.lego.test'],
  },
] as const)('$challenge with $keyType: issue, renew, revoke', async (row) => {
  const { challenge, keyType, kind, names } = row;
  const lego = new Lego(chancery, network, `lego-${challenge}`, 'default/directory');
  const [main] = names;
  const options = [...names.flatMap((name) => ['--domains', name]), '--key-type', keyType];
  await lego.ok(challenge, options, ['run']);
  const expected = { names, keyType: kind, keyFile: lego.path(main, 'key') };
  const first = await judge(chancery, lego.chain(main), expected);

  await lego.ok(challenge, options, renewNow);
  const second = await judge(chancery, lego.chain(main), expected);
  expect(second.serialNumber).not.toBe(first.serialNumber);

  await lego.ok(challenge, options, ['revoke', '--keep', '--reason', '4']);
  await expectRevoked(chancery, second, 'superseded');
});

test('with external account binding: issue, renew, revoke; what the credential lacks is refused by name', async () => {
  await chancery.ok('principal', 'create', 'ingress', '--role', 'subscriber');
  const binding = await chancery.json<{ kid: string; hmacKey: string }>(
    ...['acme', 'eab', 'create', '--directory', 'eab', '--principal', 'ingress'],
    ...['--allow', 'ingress.test', '--single-use'],
  );
  const lego = new Lego(chancery, network, 'lego-eab', 'eab/directory', binding);
  const options = ['--domains', 'www.ingress.test', '--key-type', 'ec256'];
  await lego.ok('tls-alpn-01', options, ['run']);
  const expected = { names: ['www.ingress.test'], keyType: 'ec' } as const;
  await judge(chancery, lego.chain('www.ingress.test'), expected);
  await lego.ok('tls-alpn-01', options, renewNow);
  const renewed = await judge(chancery, lego.chain('www.ingress.test'), expected);
  expect(await chancery.json('show', renewed.serialNumber)).toMatchObject({ owner: 'ingress' });
  await lego.ok('tls-alpn-01', options, ['revoke', '--keep']);
  await expectRevoked(chancery, renewed);

  const refused = await lego.run('tls-alpn-01', ['--domains', 'www.other.test'], ['run']);
  expect(refused.code).toBe(1);
  expect(refused.stdout + refused.stderr).toContain('rejectedIdentifier');
  expect(refused.stdout + refused.stderr).toContain('www.other.test');

  const second = new Lego(chancery, network, 'lego-eab-second', 'eab/directory', binding);
  const used = await second.run('tls-alpn-01', options, ['run']);
  expect(used.code).toBe(1);
  expect(used.stdout + used.stderr).toContain(binding.kid);
});

test('an address that this lego sends as a DNS name is refused with the type that it needs', async () => {
  const lego = new Lego(chancery, network, 'lego-ip', 'default/directory');
  const { code, stdout, stderr } = await lego.run('http-01', ['--domains', '127.0.0.1'], ['run']);
  expect(code).toBe(1);
  expect(stdout + stderr).toMatch(/rejectedIdentifier|malformed/);
  expect(stdout + stderr).toContain('"ip"');
});

test('what the profile does not grant is refused by name, not dropped, and the order stays ready', async () => {
  const lego = new Lego(chancery, network, 'lego-staple', 'default/directory');
  const { code, stdout, stderr } = await lego.run(
    'http-01',
    ['--domains', 'staple.lego.test'],
    ['run', '--must-staple'],
  );
  expect(code).toBe(1);
  expect(stdout + stderr).toContain('urn:ietf:params:acme:error:badCSR');
  expect(stdout + stderr).toContain('leave it out of the certification request');
});

/** Small clients only write files; a web server on the port of http-01 has to be there. */
async function withChallengeFiles<T>(work: () => Promise<T>): Promise<T> {
  const folder = chancery.path('challenges');
  mkdirSync(folder, { recursive: true });
  const files = await serveChallengeFiles(network, folder);
  try {
    return await work();
  } finally {
    await files.close();
  }
}

test('dehydrated, bound: http-01 by files, revocation', async () => {
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
    names: ['www.shell.test'],
    keyType: 'ec',
    keyFile: `${folder}/privkey.pem`,
  } as const;
  await dehydrated('--register', '--accept-terms');
  await withChallengeFiles(async () => dehydrated('--cron', '--domain', 'www.shell.test'));
  const issued = await judge(chancery, readFileSync(`${folder}/fullchain.pem`, 'utf8'), expected);
  await dehydrated('--revoke', `${folder}/cert.pem`);
  await expectRevoked(chancery, issued);
});

test('acme-tiny: a CSR of its own, http-01 by files', async () => {
  await chancery.openssl(['genrsa', '-out', 'tiny-account.key', '2048']);
  await chancery.openssl([
    ...['req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'tiny.key', '-out', 'tiny.csr'],
    ...['-subj', '/CN=tiny.test', '-addext', 'subjectAltName=DNS:tiny.test,DNS:www.tiny.test'],
  ]);
  const tiny = async (): Promise<Ran> =>
    run(
      'acme-tiny',
      [
        ...['--account-key', chancery.path('tiny-account.key'), '--csr', chancery.path('tiny.csr')],
        ...['--acme-dir', chancery.path('challenges'), '--disable-check'],
        ...['--directory-url', `${chancery.httpsUrl}/acme/directory`],
      ],
      { cwd: chancery.work, env: { SSL_CERT_FILE: chancery.root } },
    );
  const { code, stdout, stderr } = await withChallengeFiles(tiny);
  expect(code, stderr).toBe(0);
  await judge(chancery, stdout, {
    names: ['tiny.test', 'www.tiny.test'],
    keyType: 'rsa',
    keyFile: chancery.path('tiny.key'),
  });
});
