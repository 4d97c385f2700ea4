/**
 * Every profile makes certificates that openssl and GnuTLS accept under a strict check of
 * RFC 5280 §4.1 and §4.2, and that our own lints pass, with every type of key that it takes.
 */
import { Certificate as OtherCertificate } from 'pkijs';
import { afterAll, describe, expect, test } from 'vitest';
import { lintCertificate } from '../../src/lint/index.ts';
import {
  encodeSubjectAltName,
  encodeTbsCertificate,
  findExtension,
  type GeneralName,
  type KeyAlgorithmName,
  namesEqual,
  oids,
  parseAuthorityKeyIdentifier,
  parseDistinguishedName,
  parseIpAddress,
  parseSubjectKeyIdentifier,
  type TbsCertificate,
} from '../../src/pkix/index.ts';
import { applyProfile, requestFromParameters } from '../../src/policy/index.ts';
import { runCommand, scratchFolder } from '../support/openssl.ts';
import {
  makeSoftwareIssuer,
  nextSerialNumber,
  productProfile,
  signTbsCertificate,
  softwareKey,
} from '../support/software-issuer.ts';

const now = new Date();
const root = makeSoftwareIssuer({ now });
const issuing = makeSoftwareIssuer({ parent: root, now });
const scratch = scratchFolder();
const trusted = scratch.pem('root.pem', [root.certificate]);
const untrusted = scratch.pem('issuing.pem', [issuing.certificate]);
afterAll(() => scratch.remove());

const host: GeneralName = { type: 'dNSName', value: 'a.example.org' };
const mailbox: GeneralName = { type: 'rfc822Name', value: 'ann@example.org' };
const address: GeneralName = { type: 'iPAddress', bytes: parseIpAddress('192.0.2.1') };
const place: GeneralName = { type: 'uniformResourceIdentifier', value: 'spiffe://example.org/a' };
const principalName: GeneralName = {
  type: 'otherName',
  typeId: oids.userPrincipalName,
  value: Uint8Array.from([0x0c, 15, ...Buffer.from('ann@example.org')]),
};

interface Sample {
  readonly profile: string;
  readonly subject?: string;
  readonly names?: readonly GeneralName[];
  /** openssl's name of the purpose to verify for. */
  readonly purpose: string;
}

const samples: readonly Sample[] = [
  {
    profile: 'tls-server',
    subject: 'CN=a.example.org',
    names: [host, address],
    purpose: 'sslserver',
  },
  { profile: 'https-server', names: [host], purpose: 'sslserver' },
  {
    profile: 'tls-client',
    subject: 'CN=client,O=Example,C=CH',
    names: [mailbox],
    purpose: 'sslclient',
  },
  { profile: 'tls-mutual', names: [host, place], purpose: 'sslserver' },
  { profile: 'device', subject: 'CN=printer,serialNumber=17', purpose: 'sslclient' },
  { profile: 'code-signing', subject: 'CN=Example Build', purpose: 'any' },
  { profile: 'email-signing', names: [mailbox], purpose: 'smimesign' },
  { profile: 'email-encryption', subject: 'CN=Ann', names: [mailbox], purpose: 'smimeencrypt' },
  {
    profile: 'user-authentication',
    subject: 'CN=Ann',
    names: [principalName],
    purpose: 'sslclient',
  },
  { profile: 'short-lived', names: [place], purpose: 'sslserver' },
  { profile: 'ocsp-signing', purpose: 'ocsphelper' },
  { profile: 'issuing-ca', subject: 'CN=Deeper CA,O=Example', purpose: 'any' },
];

const rows = samples.flatMap((sample) =>
  productProfile(sample.profile)
    // Sizes of RSA keys differ in nothing here; generating the large ones is slow.
    .key.algorithms.filter((algorithm) => algorithm !== 'rsa4096' && algorithm !== 'rsa2048')
    .map((algorithm) => [sample.profile, algorithm, sample] as const),
);

function decide(sample: Sample, algorithm: KeyAlgorithmName): TbsCertificate {
  const result = applyProfile({
    profile: productProfile(sample.profile),
    request: requestFromParameters({
      subjectPublicKeyInfo: softwareKey(algorithm, 'subscriber').subjectPublicKeyInfo,
      subject: sample.subject === undefined ? undefined : parseDistinguishedName(sample.subject),
      names: sample.names,
    }),
    issuer: issuing.input,
    now,
    serialNumber: nextSerialNumber(),
  });
  if (!result.ok) throw new Error(JSON.stringify(result.violations));
  return result.tbs;
}

describe.each(rows)('%s with a %s key', (name, algorithm, sample) => {
  const tbs = decide(sample, algorithm);
  const certificate = signTbsCertificate(tbs, issuing.key.privateKey);

  test('passes every lint', () => {
    const profile = productProfile(name);
    const longest = profile.type === 'endEntity' ? undefined : profile.validity.ceremonyMaximum;
    expect(
      lintCertificate(encodeTbsCertificate(tbs), {
        type: profile.type,
        issuer: issuing.certificate,
        profile: {
          name,
          maxValiditySeconds: longest ?? profile.validity.maximum,
          shortLived: profile.noRevAvail !== 'refused',
        },
        urls: issuing.input.urls,
      }),
    ).toEqual([]);
  });

  test('is verified by openssl, strictly and for its purpose', () => {
    const file = scratch.pem(`${name}-${algorithm}.pem`, [certificate]);
    const verify = (purpose: string) =>
      runCommand('openssl', [
        'verify',
        '-x509_strict',
        '-purpose',
        purpose,
        '-CAfile',
        trusted,
        '-untrusted',
        untrusted,
        file,
      ]);
    // openssl wants keyEncipherment for smimeencrypt, which RFC 5480 §3 forbids for EC keys: what it
    // does with such a certificate is tested below.
    const isKnownDivergence = name === 'email-encryption' && algorithm.startsWith('p');
    expect(verify(isKnownDivergence ? 'any' : sample.purpose)).toEqual({
      status: 0,
      output: `${file}: OK\n`,
    });
  });

  test('is read alike by a library that none of us wrote', () => {
    const other = OtherCertificate.fromBER(Buffer.from(certificate.der));
    const serialNumber = other.serialNumber.valueBlock.valueHexView;
    expect(Buffer.from(serialNumber).toString('hex')).toBe(tbs.serialNumber);
    expect(other.notAfter.value).toEqual(tbs.validity.notAfter);
    expect(other.extensions?.map(({ extnID }) => extnID)).toEqual(
      tbs.extensions.map(({ oid }) => oid),
    );
  });
});

test.each(['p256', 'rsa3072'] as const)('openssl encrypts e-mail for a %s key', (algorithm) => {
  const sample = samples.find(({ profile }) => profile === 'email-encryption') as Sample;
  const tbs = decide(sample, algorithm);
  const recipient = scratch.pem('recipient.pem', [signTbsCertificate(tbs, issuing.key.privateKey)]);
  const pkcs8 = softwareKey(algorithm).privateKey.export({ format: 'pem', type: 'pkcs8' });
  const key = scratch.file('recipient.key', pkcs8);
  const letter = scratch.file('letter.txt', 'Dear Ann\n');
  const sealed = scratch.file('letter.cms', '');
  const encrypt = [
    'cms',
    '-encrypt',
    '-aes256',
    '-binary',
    '-in',
    letter,
    '-out',
    sealed,
    '-outform',
    'DER',
    recipient,
  ];
  expect(runCommand('openssl', encrypt).status).toBe(0);
  const decrypt = [
    'cms',
    '-decrypt',
    '-in',
    sealed,
    '-inform',
    'DER',
    '-inkey',
    key,
    '-recip',
    recipient,
  ];
  expect(runCommand('openssl', decrypt)).toEqual({ status: 0, output: 'Dear Ann\n' });
});

test('GnuTLS verifies the chain of every profile', () => {
  for (const sample of samples) {
    const tbs = decide(sample, 'p256');
    const chain = scratch.pem('chain.pem', [
      signTbsCertificate(tbs, issuing.key.privateKey),
      issuing.certificate,
    ]);
    const answer = runCommand('certtool', [
      '--verify',
      '--load-ca-certificate',
      trusted,
      '--infile',
      chain,
    ]);
    expect([
      sample.profile,
      answer.status,
      answer.output.includes('Verified. The certificate is trusted.'),
    ]).toEqual([sample.profile, 0, true]);
  }
});

describe('what RFC 5280 asks of every certificate', () => {
  const certificates = samples.map((sample) => decide(sample, 'p256'));

  test('the issuer’s name is copied byte for byte (§4.1.2.4)', () => {
    for (const tbs of certificates)
      expect(namesEqual(tbs.issuer, issuing.certificate.subject)).toBe(true);
  });

  test('key identifiers chain (§4.2.1.1, §4.2.1.2)', () => {
    const own = findExtension(issuing.certificate.extensions, oids.subjectKeyIdentifier);
    for (const tbs of certificates) {
      const authority = findExtension(tbs.extensions, oids.authorityKeyIdentifier);
      expect(parseAuthorityKeyIdentifier(authority?.value ?? new Uint8Array())).toEqual(
        parseSubjectKeyIdentifier(own?.value ?? new Uint8Array()),
      );
      expect(findExtension(tbs.extensions, oids.subjectKeyIdentifier)).toBeDefined();
    }
  });

  test('no extension stands twice, and the critical ones are keyUsage, basicConstraints, nameConstraints, subjectAltName without subject', () => {
    for (const tbs of certificates) {
      const all = tbs.extensions.map(({ oid }) => oid);
      expect(new Set(all).size).toBe(all.length);
      const critical = tbs.extensions
        .filter((extension) => extension.critical)
        .map(({ oid }) => oid);
      const expected: string[] = [oids.keyUsage, oids.basicConstraints];
      if (tbs.subject.rdns.length === 0) expected.push(oids.subjectAltName);
      expect(critical.toSorted()).toEqual(expected.toSorted());
    }
  });

  test('a subjectAltName is encoded as it was granted (§4.2.1.6)', () => {
    const tbs = decide(samples[0] as Sample, 'p256');
    expect(findExtension(tbs.extensions, oids.subjectAltName)).toEqual(
      encodeSubjectAltName([host, address], false),
    );
  });
});
