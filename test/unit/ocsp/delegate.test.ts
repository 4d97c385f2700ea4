import { describe, expect, it } from 'vitest';
import {
  currentDelegate,
  delegateFaults,
  delegateOf,
  renewalTime,
} from '../../../ocsp/delegate.ts';
import type { KeyBinding } from '../../../src/keys/ports.ts';
import {
  encodeBasicConstraints,
  encodeExtendedKeyUsage,
  encodeKeyUsage,
  encodeOcspNoCheck,
  oids,
  parseSubjectPublicKeyInfo,
} from '../../../src/pkix/index.ts';
import { generateSoftwareKey } from '../../support/software-token.ts';
import {
  delegateExtensions,
  type TestCertificateOptions,
  testCertificate,
  testIssuer,
} from '../../support/test-hierarchy.ts';

const issuer = testIssuer('Issuer');
const sibling = testIssuer('Sibling');
const sameName = testIssuer('Issuer');
const publicKey = parseSubjectPublicKeyInfo(
  generateSoftwareKey('p256').publicKey.export({ type: 'spki', format: 'der' }),
);
const key: KeyBinding = {
  keyId: '00',
  purposes: ['ocspResponse'],
  algorithm: 'ecdsa-with-SHA256',
  subjectPublicKeyInfo: publicKey.der,
  life: { state: 'active', scope: 'full' },
};

function certificate(change: Partial<TestCertificateOptions> = {}, by = issuer) {
  return testCertificate(by, {
    subject: 'CN=delegate',
    publicKey,
    extensions: delegateExtensions,
    ...change,
  }).certificate;
}

const usage = encodeKeyUsage(['digitalSignature']);
const purpose = encodeExtendedKeyUsage([oids.ocspSigning]);

describe('what may be a delegate (RFC 6960 §4.2.2.2)', () => {
  it('a certificate of the issuer itself, for OCSP signing alone, with nocheck and our key', () => {
    expect(delegateFaults(certificate(), issuer.certificate, key)).toEqual([]);
  });

  const rows: readonly [string, ReturnType<typeof certificate>, RegExp][] = [
    ['of another issuer', certificate({}, sibling), /issuer is another/],
    ['of an issuer with the same name and another key', certificate({}, sameName), /did not sign/],
    ['of another key', certificate({ publicKey: undefined }), /not the responder's/],
    ['without nocheck', certificate({ extensions: [usage, purpose] }), /nocheck/],
    [
      'without OCSPSigning',
      certificate({ extensions: [usage, encodeOcspNoCheck()] }),
      /OCSPSigning/,
    ],
    [
      'for more than OCSP',
      certificate({
        extensions: [
          usage,
          encodeExtendedKeyUsage([oids.ocspSigning, oids.serverAuth]),
          encodeOcspNoCheck(),
        ],
      }),
      /OCSPSigning alone/,
    ],
    [
      'of a CA',
      certificate({
        extensions: [usage, purpose, encodeOcspNoCheck(), encodeBasicConstraints({ cA: true })],
      }),
      /CA certificate/,
    ],
    [
      'that may not sign',
      certificate({
        extensions: [encodeKeyUsage(['keyAgreement']), purpose, encodeOcspNoCheck()],
      }),
      /digitalSignature/,
    ],
  ];
  it.each(rows)('none %s', (_name, given, fault) => {
    expect(delegateFaults(given, issuer.certificate, key).join('; ')).toMatch(fault);
  });
});

describe('which delegate signs', () => {
  const at = (text: string) => new Date(`2026-${text}T00:00:00Z`);
  const older = delegateOf(certificate({ notBefore: at('01-01'), notAfter: at('02-01') }), key);
  const newer = delegateOf(certificate({ notBefore: at('01-16'), notAfter: at('02-16') }), key);

  it('the one that lasts longest of those valid now', () => {
    const both = [older, newer];
    expect(currentDelegate(both, at('01-10'))).toBe(older);
    expect(currentDelegate(both, at('01-20'))).toBe(newer);
    expect(currentDelegate(both, at('02-10'))).toBe(newer);
    expect(currentDelegate(both, at('03-10'))).toBeUndefined();
    expect(currentDelegate(both, new Date('2025-12-31T00:00:00Z'))).toBeUndefined();
  });

  it('is renewed at half of its life', () => {
    expect(renewalTime(older.certificate)).toEqual(new Date('2026-01-16T12:00:00Z'));
  });
});
