/** Every profile that can be asked for, with keys of each kind: openssl and GnuTLS accept it for its purpose. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { useInstallation } from '../support/installation.ts';
import { gnutlsVerify, opensslVerify, subjectOf } from '../support/relying-party.ts';
import { sampled } from '../support/sampled.ts';

const chancery = useInstallation();

interface Case {
  readonly profile: string;
  readonly names: readonly string[];
  readonly purpose: string;
  /** A neighbouring purpose that openssl must refuse it for. */
  readonly notFor: string;
  readonly keys: readonly string[];
  /** What openssl's text must show. */
  readonly shows: readonly string[];
}

const cases: readonly Case[] = [
  {
    profile: 'tls-server',
    names: ['--dns', 'a.example.test', '*.example.test', '--ip', '192.0.2.7', '2001:db8::7'],
    purpose: 'sslserver',
    notFor: 'sslclient',
    keys: ['p256', 'p384', 'p521', 'rsa2048', 'ed25519'],
    shows: [
      'TLS Web Server Authentication',
      'DNS:*.example.test',
      'IP Address:192.0.2.7',
      'OCSP - URI:',
    ],
  },
  {
    profile: 'tls-client',
    names: ['--subject', 'CN=worker 7'],
    purpose: 'sslclient',
    notFor: 'sslserver',
    keys: ['p256', 'rsa3072'],
    shows: ['TLS Web Client Authentication'],
  },
  {
    profile: 'tls-mutual',
    names: ['--dns', 'node1.example.test'],
    purpose: 'sslserver',
    notFor: 'smimesign',
    keys: ['p256'],
    shows: ['TLS Web Client Authentication', 'TLS Web Server Authentication'],
  },
  {
    profile: 'device',
    names: ['--subject', 'CN=Printer 3,serialNumber=4711'],
    purpose: 'sslclient',
    notFor: 'sslserver',
    keys: ['p256'],
    shows: ['CN = Printer 3'],
  },
  {
    profile: 'code-signing',
    names: ['--subject', 'CN=Release Team,O=Example'],
    purpose: 'any',
    notFor: 'sslserver',
    keys: ['p384', 'rsa3072'],
    shows: ['Code Signing'],
  },
  {
    profile: 'email-signing',
    names: ['--email', 'ada@example.test'],
    purpose: 'smimesign',
    notFor: 'smimeencrypt',
    keys: ['p256', 'rsa2048'],
    shows: ['email:ada@example.test', 'E-mail Protection'],
  },
  {
    profile: 'email-encryption',
    names: ['--email', 'ada@example.test'],
    purpose: 'smimeencrypt',
    notFor: 'smimesign',
    keys: ['rsa2048'],
    shows: ['Key Encipherment'],
  },
  {
    profile: 'user-authentication',
    names: ['--subject', 'CN=Ada Lovelace', '--email', 'ada@example.test'],
    purpose: 'sslclient',
    notFor: 'sslserver',
    keys: ['p256'],
    shows: ['CN = Ada Lovelace'],
  },
];

const pairs = cases.flatMap((one) => one.keys.map((key) => ({ ...one, key })));
const sample = sampled('profiles and keys', pairs, 8, ({ profile, key }) => `${profile} ${key}`);

test.each(sample)(
  'profile $profile with a key $key',
  async ({ profile, names, purpose, notFor, key, shows }) => {
    const name = `${profile}-${key}`;
    await chancery.ok(
      ...['issue', '--profile', profile, ...names, '--key', key],
      ...['--key-out', `${name}.key`, '--out', `${name}.pem`],
    );
    const subject = subjectOf(chancery, `${name}.pem`, readFileSync(chancery.root, 'utf8'));
    expect(await opensslVerify(chancery, subject, purpose)).toContain(': OK');
    expect(await opensslVerify(chancery, subject, notFor)).toMatch(
      /unsuitable certificate purpose|unsupported certificate purpose/,
    );
    expect(await gnutlsVerify(chancery, subject)).toContain('Chain verification output: Verified');
    const { stdout } = await chancery.openssl(['x509', '-noout', '-text', '-in', subject.leaf]);
    for (const text of shows) expect(stdout).toContain(text);
  },
);

test('short-lived carries noRevAvail and no pointer to revocation information (RFC 9608 §3)', async () => {
  await chancery.ok(
    ...['issue', '--profile', 'short-lived', '--dns', 'brief.example.test'],
    ...['--key-out', 'brief.key', '--out', 'brief.pem'],
  );
  const { stdout } = await chancery.openssl(['x509', '-noout', '-text', '-in', 'brief.pem']);
  expect(stdout).toMatch(/2\.5\.29\.56|No Revocation Available/);
  expect(stdout).not.toContain('CRL Distribution Points');
  expect(stdout).not.toContain('OCSP - URI');
});

test('a profile of a CA or an OCSP signer can not be asked for (invariant 8)', async () => {
  for (const profile of ['root-ca', 'issuing-ca', 'ocsp-signing', 'https-server']) {
    const refused = await chancery.chancery(
      ...[
        'issue',
        '--profile',
        profile,
        '--subject',
        'CN=x',
        '--key-out',
        `${profile}.key`,
        '--out',
        'x.pem',
      ],
    );
    expect([profile, refused.code]).toEqual([profile, 1]);
    expect(refused.stderr).toContain('asked for');
  }
});

test('what a CSR asks beyond its profile is refused with the clause', async () => {
  const asks: readonly (readonly [string, RegExp])[] = [
    ['basicConstraints=critical,CA:TRUE', /RFC 5280 §4\.2\.1\.9/],
    ['keyUsage=critical,keyCertSign', /RFC 5280 §4\.2\.1\.3/],
    ['extendedKeyUsage=OCSPSigning', /RFC 6960 §4\.2\.2\.2|RFC 5280 §4\.2\.1\.12/],
    ['extendedKeyUsage=anyExtendedKeyUsage', /RFC 5280 §4\.2\.1\.12/],
    ['1.2.3.4=DER:0500', /RFC 5280 §4\.2/],
  ];
  for (const [extension, clause] of asks) {
    await chancery.openssl([
      ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-keyout', 'greedy.key', '-out', 'greedy.csr', '-subj', '/CN=greedy.example.test'],
      ...['-addext', 'subjectAltName=DNS:greedy.example.test', '-addext', extension],
    ]);
    const refused = await chancery.chancery(
      ...['issue', '--profile', 'tls-server', '--csr', 'greedy.csr', '--out', 'greedy.pem'],
    );
    expect([extension, refused.code]).toEqual([extension, 1]);
    expect(refused.stderr).toMatch(clause);
  }
});
