/** Every key algorithm of an issuer: openssl and GnuTLS agree with each answer that it signs. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { useInstallation } from '../support/installation.ts';
import { until } from '../support/quickstart-run.ts';
import {
  gnutlsOcsp,
  gnutlsVerify,
  opensslOcsp,
  opensslVerify,
  type Subject,
  subjectOf,
} from '../support/relying-party.ts';
import { sampled } from '../support/sampled.ts';

const chancery = useInstallation();

const issuers = [
  { name: 'p256', key: 'p256', shows: 'ecdsa-with-SHA256' },
  { name: 'p384', key: 'p384', shows: 'ecdsa-with-SHA384' },
  { name: 'p521', key: 'p521', shows: 'ecdsa-with-SHA512' },
  { name: 'rsa2048', key: 'rsa2048', shows: 'sha256WithRSAEncryption' },
  { name: 'rsa3072', key: 'rsa3072', shows: 'sha256WithRSAEncryption' },
  { name: 'rsa4096', key: 'rsa4096', shows: 'sha256WithRSAEncryption' },
  { name: 'rsa3072-pss', key: 'rsa3072', signature: 'pss', shows: 'rsassaPss' },
  { name: 'ed25519', key: 'ed25519', shows: 'ED25519' },
] as const;

const sample = sampled('issuer key algorithms', issuers, 4, ({ name }) => name);

describe.each(sample)('an issuer with $name', ({ name, key, shows, ...rest }) => {
  let subject: Subject;

  beforeAll(async () => {
    await chancery.ok(
      ...['issuer', 'create', name, '--parent', 'root', '--key', key],
      ...('signature' in rest ? ['--signature', rest.signature] : []),
    );
    await chancery.ok(
      ...['issue', '--profile', 'tls-server', '--issuer', name, '--dns', `${name}.example.test`],
      ...['--key', key, '--key-out', `${name}.key`, '--out', `${name}.pem`],
    );
    subject = subjectOf(chancery, `${name}.pem`, readFileSync(chancery.root, 'utf8'));
    await until(
      'the responder to answer for it',
      async () => /: good/.test(await opensslOcsp(chancery, subject)),
      30_000,
    );
  }, 90_000);

  test('signs certificates and CRLs with that algorithm', async () => {
    const { stdout } = await chancery.openssl(['x509', '-noout', '-text', '-in', subject.leaf]);
    expect(stdout).toContain(`Signature Algorithm: ${shows}`);
  });

  test('openssl verifies the chain with every CRL', async () => {
    expect(await opensslVerify(chancery, subject, 'sslserver')).toContain(': OK');
  });

  test('GnuTLS verifies the chain with every CRL', async () => {
    expect(await gnutlsVerify(chancery, subject)).toContain('Chain verification output: Verified');
  });

  test.each(['sha1', 'sha256'] as const)('openssl believes OCSP with %s', async (digest) => {
    const said = await opensslOcsp(chancery, subject, digest);
    expect(said).toContain('Response verify OK');
    expect(said).toContain(': good');
  });

  test('GnuTLS believes OCSP', async () => {
    const said = await gnutlsOcsp(chancery, subject);
    expect(said).toMatch(/Verifying OCSP Response: Success/);
    expect(said).toMatch(/Certificate Status: good/);
  });

  test('hold, release and revocation reach both', async () => {
    const { stdout } = await chancery.openssl(['x509', '-noout', '-serial', '-in', subject.leaf]);
    const serial = stdout.trim().replace('serial=', '');
    await chancery.ok('hold', serial);
    await until(
      'OCSP',
      async () => /certificateHold/.test(await opensslOcsp(chancery, subject)),
      10_000,
    );
    // GnuTLS asks without a nonce: its answer may come from memory until the change is followed.
    await until(
      'OCSP from memory',
      async () => /Certificate Status: revoked/.test(await gnutlsOcsp(chancery, subject)),
      10_000,
    );
    await until(
      'the CRL',
      async () => /revoked/.test(await opensslVerify(chancery, subject)),
      10_000,
    );
    expect(await gnutlsVerify(chancery, subject)).toMatch(/Not verified.*revoked/is);
    await chancery.ok('release', serial);
    await until('OCSP', async () => /: good/.test(await opensslOcsp(chancery, subject)), 10_000);
    await until('the CRL', async () => /: OK/.test(await opensslVerify(chancery, subject)), 10_000);
    await chancery.ok(
      'revoke',
      serial,
      '--reason',
      'keyCompromise',
      '--invalidity-date',
      '2026-01-01T00:00:00Z',
    );
    await until(
      'OCSP',
      async () => /keyCompromise/.test(await opensslOcsp(chancery, subject)),
      10_000,
    );
    await until(
      'the CRL',
      async () => /revoked/.test(await opensslVerify(chancery, subject)),
      10_000,
    );
    expect(await gnutlsVerify(chancery, subject)).toMatch(/Not verified.*revoked/is);
  }, 60_000);
});
