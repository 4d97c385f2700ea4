/** What relying parties say of a certificate that an ACME client brought home. */
import { createPublicKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Installation } from './installation.ts';
import { until } from './quickstart-run.ts';
import {
  gnutlsVerify,
  keyIdentifierOf,
  opensslOcsp,
  opensslVerify,
  type Subject,
  subjectOf,
} from './relying-party.ts';

/** A chain that a client wrote, as the relying parties will see it. */
export interface BroughtHome {
  readonly subject: Subject;
  readonly certificate: X509Certificate;
  /** As the product prints it: lower-case hex without leading zeros. */
  readonly serialNumber: string;
  readonly chain: string;
}

let taken = 0;

/**
 * Takes a chain (PEM, end entity first) and has it judged: openssl with every CRL of the chain and
 * GnuTLS alike, and the live responder calls it good. The key, when given, is its key.
 */
export async function judge(
  installation: Installation,
  chain: string,
  expected: {
    readonly names: readonly string[];
    readonly keyFile?: string;
    readonly keyType: 'rsa' | 'ec';
    /** False for a profile of so short a life that no CRL covers it (RFC 9608). */
    readonly inCrl?: boolean;
  },
): Promise<BroughtHome> {
  taken += 1;
  const file = `acme-${taken}.pem`;
  installation.write(file, chain);
  const subject = subjectOf(installation, file, readFileSync(installation.root, 'utf8'));
  const certificate = new X509Certificate(chain);
  expect(certificate.publicKey.asymmetricKeyType).toBe(expected.keyType);
  expect(certificate.subjectAltName?.split(', ').toSorted()).toEqual(
    expected.names
      .map((name) => (/^[\d.]+$/.test(name) ? `IP Address:${name}` : `DNS:${name}`))
      .toSorted(),
  );
  if (expected.keyFile !== undefined) {
    const own = createPublicKey(readFileSync(expected.keyFile));
    expect(own.equals(certificate.publicKey)).toBe(true);
  }
  if (expected.inCrl === false) {
    expect(await opensslVerifyPath(installation, subject)).toContain(': OK');
  } else {
    expect(await opensslVerify(installation, subject, 'sslserver')).toContain(': OK');
    expect(await gnutlsVerify(installation, subject)).toContain(
      'Chain verification output: Verified. The certificate is trusted.',
    );
  }
  expect(await opensslOcsp(installation, subject)).toContain(`${subject.leaf}: good`);
  const serialNumber = certificate.serialNumber.toLowerCase().replace(/^0+/, '');
  return { subject, certificate, serialNumber, chain };
}

async function opensslVerifyPath(installation: Installation, subject: Subject): Promise<string> {
  const { stdout, stderr } = await installation.openssl([
    ...['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', installation.root],
    ...['-untrusted', subject.intermediates, subject.leaf],
  ]);
  return stdout + stderr;
}

/** Waits until the responder and the CRL both call it revoked for this reason (the words of RFC 5280). */
export async function expectRevoked(
  installation: Installation,
  { subject }: BroughtHome,
  reasonCode?: string,
): Promise<void> {
  let seen = '';
  await until(
    'OCSP to show the revocation',
    async () => {
      seen = await opensslOcsp(installation, subject);
      return seen.includes(`${subject.leaf}: revoked`);
    },
    15_000,
  );
  if (reasonCode === undefined) expect(seen).not.toContain('Reason:');
  else expect(seen).toContain(`Reason: ${reasonCode}`);
  await until(
    'the CRL to show the revocation',
    async () => (await opensslVerify(installation, subject)).includes('certificate revoked'),
    15_000,
  );
}

/** certID of RFC 9773 §4.1, worked out from node:crypto's reading and the issuer's key. */
export function certIdOf(chain: string): string {
  const [, issuer = ''] = chain.split(/(?=-----BEGIN)/);
  const serial = new X509Certificate(chain).serialNumber;
  const octets = Buffer.from(serial.length % 2 === 0 ? serial : `0${serial}`, 'hex');
  const positive = (octets[0] ?? 0) < 0x80 ? octets : Buffer.concat([Buffer.alloc(1), octets]);
  const keyIdentifier = Buffer.from(keyIdentifierOf(issuer), 'hex');
  return `${keyIdentifier.toString('base64url')}.${positive.toString('base64url')}`;
}
