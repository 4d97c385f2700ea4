import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lintCertificate } from '../../../src/lint/index.ts';
import {
  encodeGeneralName,
  encodeTbsCertificate,
  type GeneralName,
  type KeyAlgorithmName,
  parseDistinguishedName,
  parseIpAddress,
} from '../../../src/pkix/index.ts';
import { applyProfile, normaliseName, requestFromParameters } from '../../../src/policy/index.ts';
import { makeSoftwareIssuer, productProfile, softwareKey } from '../../support/software-issuer.ts';
import { alternativeNames, asEndEntity, endEntity } from '../../vectors/lint/certificate-parts.ts';

/** What policy grants must pass the lints: a refusal by lint alone tells a caller nothing to mend. */
const now = new Date('2026-11-21T12:00:00Z');
const serialNumber = '1011a1a2a3a4a5a6a7a8a9aaabacadaeafa0';
const dns: GeneralName = { type: 'dNSName', value: 'host.example' };
const ip: GeneralName = { type: 'iPAddress', bytes: parseIpAddress('fd00::1') };
const email: GeneralName = { type: 'rfc822Name', value: 'user@example' };
const uri: GeneralName = { type: 'uniformResourceIdentifier', value: 'spiffe://example/a' };

const requests = [
  ['tls-server', 'CN=host.example,O=Beispiel,C=DE', [dns, ip]],
  ['https-server', 'CN=host.example', [dns, ip]],
  ['tls-client', 'CN=client', [dns]],
  ['tls-mutual', 'CN=host.example', [dns]],
  ['device', 'CN=Pumpe 7,serialNumber=A-1,C=DE', [uri]],
  ['code-signing', 'CN=Bücher', [email]],
  ['email-signing', 'CN=user', [email]],
  ['email-encryption', 'CN=user', [email]],
  ['user-authentication', 'CN=user,DC=example', [email]],
  ['short-lived', '', [uri, dns]],
  ['ocsp-signing', 'CN=OCSP responder', []],
  ['issuing-ca', 'CN=Below', []],
] as const;

const issuers = [
  ['p384', 'pkcs1'],
  ['p256', 'pkcs1'],
  ['p521', 'pkcs1'],
  ['rsa2048', 'pkcs1'],
  ['rsa3072', 'pss'],
  ['ed25519', 'pkcs1'],
] as const;

describe.each(issuers)('below an issuer of %s (%s)', (algorithm, padding) => {
  const root = makeSoftwareIssuer({ name: `Root ${algorithm}`, algorithm, padding, now });

  it.each(requests)('%s passes with each key that it allows', (name, subject, names) => {
    const profile = productProfile(name);
    const keys: readonly KeyAlgorithmName[] =
      name === 'https-server' ? ['p256', 'p384'] : ['p256', 'rsa3072', 'ed25519'];
    for (const key of keys) {
      const result = applyProfile({
        profile,
        request: requestFromParameters({
          subjectPublicKeyInfo: softwareKey(key).subjectPublicKeyInfo,
          subject: parseDistinguishedName(subject),
          names,
        }),
        issuer: root.input,
        now,
        serialNumber,
      });
      // A profile may have no use for a key type (an Ed25519 key decrypts nothing).
      if (!result.ok && key === 'ed25519') continue;
      expect(result.ok ? [] : result.violations).toEqual([]);
      if (!result.ok) return;
      const results = lintCertificate(encodeTbsCertificate(result.tbs), {
        type: profile.type,
        issuer: root.certificate,
        profile: {
          name,
          maxValiditySeconds: profile.validity.ceremonyMaximum ?? profile.validity.maximum,
          shortLived: profile.noRevAvail !== 'refused',
        },
        urls: root.input.urls,
      });
      expect(results).toEqual([]);
    }
  });

  it('the root itself passes', () => {
    const { tbsDer } = root.certificate;
    expect(lintCertificate(tbsDer, { type: 'root', profile: { name: 'root-ca' } })).toEqual([]);
  });
});

const pieces = fc.constantFrom(
  ...[
    'a',
    'B',
    '0',
    '-',
    '.',
    '..',
    '_',
    '*',
    '*.',
    '@',
    ':',
    '/',
    '//',
    '%41',
    '%',
    ' ',
    '\u0000',
    '"',
    '<',
    '[',
    ']',
  ],
  ...[
    'example',
    'xn--',
    'xn--bcher-kva',
    'ü',
    '~',
    '+',
    '?',
    '#',
    'http:',
    'urn:',
    '127.0.0.1',
    '::1',
    'a'.repeat(63),
  ],
);
const text = fc.oneof(
  fc.array(pieces, { maxLength: 6 }).map((parts) => parts.join('')),
  fc.emailAddress(),
  fc.webUrl(),
  fc.domain(),
);
const types = ['dNSName', 'rfc822Name', 'uniformResourceIdentifier'] as const;

it.each(types)('a %s that policy accepts passes the lints', (type) => {
  fc.assert(
    fc.property(text, (value) => {
      const result = normaliseName({ type, value });
      if (!result.ok) return;
      const names = alternativeNames([encodeGeneralName(result.name)]);
      expect(lintCertificate(endEntity({ extensions: { names } }), asEndEntity)).toEqual([]);
    }),
    { numRuns: 5000 },
  );
});
