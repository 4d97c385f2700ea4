/** The HTTPS port as openssl, GnuTLS and curl see it: TLS versions, names, chain, renewal by itself. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509';
import { describe, expect, test } from 'vitest';
import { run, startProgram, useInstallation } from '../support/installation.ts';
import { freePorts, until } from '../support/quickstart-run.ts';

const host = 'pki.example.test';
const chancery = useInstallation({ CHANCERY_HOST: host });
const port = (): string => new URL(chancery.httpsUrl).port;

async function client(...parameters: readonly string[]): Promise<string> {
  const { stdout, stderr } = await chancery.openssl([
    ...['s_client', '-CAfile', chancery.root, '-verify_return_error', '-connect'],
    ...parameters,
  ]);
  return stdout + stderr;
}

describe('versions of TLS (the older ones end in RFC 8996)', () => {
  // Debian's openssl speaks them only when told so.
  const old = ['-cipher', 'ALL:@SECLEVEL=0'];

  test.each(['-tls1_3', '-tls1_2'])('%s is spoken', async (version) => {
    expect(await client(`127.0.0.1:${port()}`, version)).toContain('Verification: OK');
  });

  test.each(['-tls1_1', '-tls1'])(
    '%s is refused, which this openssl could speak',
    async (version) => {
      const said = await client(`127.0.0.1:${port()}`, version, ...old);
      expect(said).toMatch(/alert protocol version/i);
      expect(said).not.toContain('BEGIN CERTIFICATE');

      await chancery.openssl([
        ...[
          'req',
          '-x509',
          '-newkey',
          'rsa:2048',
          '-nodes',
          '-keyout',
          'old.key',
          '-out',
          'old.pem',
        ],
        ...['-subj', '/CN=old'],
      ]);
      const at = (await freePorts())['CHANCERY_HTTP_PORT'] ?? '';
      const server = startProgram(
        'openssl',
        [
          ...['s_server', '-accept', `127.0.0.1:${at}`, '-cert', 'old.pem', '-key', 'old.key'],
          ...['-www', version, ...old],
        ],
        chancery.work,
      );
      try {
        await until('openssl to listen', () => server.output().includes('ACCEPT'));
        const control = await chancery.openssl([
          's_client',
          '-connect',
          `127.0.0.1:${at}`,
          version,
          ...old,
        ]);
        expect(control.stdout).toContain('BEGIN CERTIFICATE');
      } finally {
        await server.stop();
      }
    },
  );

  test('GnuTLS agrees', async () => {
    const ask = async (priority: string) =>
      await run(
        'gnutls-cli',
        [
          ...[`--x509cafile=${chancery.root}`, `--priority=${priority}`, '-p', port()],
          ...['--verify-hostname=localhost', '127.0.0.1'],
        ],
        { input: '', timeout: 20_000 },
      );
    for (const version of ['1.2', '1.3']) {
      const { code, stdout } = await ask(`NORMAL:-VERS-ALL:+VERS-TLS${version}`);
      expect([version, code]).toEqual([version, 0]);
      expect(stdout).toContain('The certificate is trusted');
    }
    expect((await ask('NORMAL:-VERS-ALL:+VERS-TLS1.1')).code).not.toBe(0);
  });
});

describe('its certificate', () => {
  test.each([
    ['the name that CHANCERY_HOST says', ['-verify_hostname', host]],
    ['localhost', ['-verify_hostname', 'localhost']],
    ['127.0.0.1', ['-verify_ip', '127.0.0.1']],
    ['::1', ['-verify_ip', '::1']],
  ] as const)('is valid for %s', async (_, verify) => {
    const said = await client(`127.0.0.1:${port()}`, ...verify);
    expect(said).toContain('Verification: OK');
  });

  test('is valid for no other name', async () => {
    const name = await client(`127.0.0.1:${port()}`, '-verify_hostname', 'other.example.test');
    expect(name).toMatch(/hostname mismatch/i);
    const address = await client(`127.0.0.1:${port()}`, '-verify_ip', '192.0.2.1');
    expect(address).toMatch(/IP address mismatch/i);
  });

  test('curl takes it by every name with the root as its trust anchor, and without it does not', async () => {
    for (const name of ['localhost', '127.0.0.1', '[::1]', host]) {
      const { code, stdout, stderr } = await run('curl', [
        ...['-sS', '--cacert', chancery.root, '-o', '/dev/null', '-w', '%{http_code}'],
        ...['--resolve', `${host}:${port()}:127.0.0.1`],
        `https://${name}:${port()}/bundles/default.pem`,
      ]);
      expect([name, code, stdout, stderr]).toEqual([name, 0, '200', '']);
    }
    expect(
      (await run('curl', ['-sS', `https://localhost:${port()}/bundles/default.pem`])).code,
    ).toBe(60);
  });

  test('lives 7 days at most, and its key file is for its owner only', async () => {
    const file = join(chancery.data, 'https', 'server.pem');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { stdout } = await chancery.openssl([
      'x509',
      '-in',
      file,
      '-noout',
      '-startdate',
      '-enddate',
    ]);
    const [from = 0, to = 0] = [...stdout.matchAll(/=(.*)/g)].map(([, date]) =>
      Date.parse(date ?? ''),
    );
    expect(to - from).toBeLessThanOrEqual(7 * 86_400_000);
    expect(to - from).toBeGreaterThan(6 * 86_400_000);
  });
});

test('half of its life over, it is renewed by itself: another key, no restart', async () => {
  // The stored certificate is replaced by one whose half comes soon after the process has started.
  const now = Date.now();
  const certificate = await selfSigned(new Date(now - 90_000), new Date(now + 120_000));
  writeFileSync(join(chancery.data, 'https', 'server.pem'), certificate);
  const before = chancery.pid('ca');
  chancery.kill('ca');
  await until(
    'the CA to serve what is stored',
    async () => certificate.includes(await served()),
    15_000,
  );
  const restarted = chancery.pid('ca');
  expect(restarted).not.toBe(before);
  await until('another certificate', async () => !certificate.includes(await served()), 60_000);
  expect(chancery.pid('ca')).toBe(restarted);
  const said = await client(`127.0.0.1:${port()}`, '-verify_hostname', host);
  expect(said).toContain('Verification: OK');
}, 90_000);

/** The first certificate that the port shows, PEM without its frame; `nothing` while it is closed. */
async function served(): Promise<string> {
  const said = (await chancery.openssl(['s_client', '-connect', `127.0.0.1:${port()}`])).stdout;
  return /BEGIN CERTIFICATE-----([^-]+)/.exec(said)?.[1]?.trim() ?? 'nothing';
}

/** Key and certificate with the names of the port. */
async function selfSigned(notBefore: Date, notAfter: Date): Promise<string> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      ...{ keys, notBefore, notAfter, signingAlgorithm: algorithm },
      extensions: [
        new SubjectAlternativeNameExtension([
          { type: 'dns', value: host },
          { type: 'dns', value: 'localhost' },
          { type: 'ip', value: '127.0.0.1' },
          { type: 'ip', value: '::1' },
        ]),
      ],
    },
    webcrypto as Parameters<typeof X509CertificateGenerator.createSelfSigned>[1],
  );
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const lines = key.toString('base64').replace(/.{64}/g, '$&\n');
  return `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n${certificate.toString('pem')}\n`;
}
