import { expect, test } from 'vitest';
import { encodeKeyUsage, type KeyUsageBit } from '../../../src/pkix/index.ts';
import { applyProfile, requestFromCsr, wishedKeyUsage } from '../../../src/policy/index.ts';
import { decidingIssuer, decisionTime, dnsName, subjectAltName } from '../../support/decision.ts';
import {
  makeRequest,
  nextSerialNumber,
  productProfile,
  softwareKey,
} from '../../support/software-issuer.ts';

/** What an enrolment client gets for the keyUsage of its CSR, or the rules that it breaks. */
function granted(
  profileName: string,
  algorithm: 'p256' | 'rsa2048' | 'ed25519',
  asked?: KeyUsageBit[],
): unknown {
  const profile = productProfile(profileName);
  const names = subjectAltName(dnsName('a.example.org'));
  const extensions = asked === undefined ? [names] : [names, encodeKeyUsage(asked)];
  const request = requestFromCsr(makeRequest(softwareKey(algorithm), '', extensions));
  const result = applyProfile({
    profile,
    request: { ...request, keyUsage: wishedKeyUsage(profile, request) },
    issuer: decidingIssuer.input,
    now: decisionTime,
    serialNumber: nextSerialNumber(),
  });
  return result.ok ? result.granted['keyUsage'] : result.violations.map(({ rule }) => rule);
}

const template: KeyUsageBit[] = ['digitalSignature', 'keyEncipherment'];

test.each([
  // acme-client and cert-manager write this for keys of every kind.
  ['tls-server', 'p256', template, ['digitalSignature']],
  ['tls-server', 'ed25519', template, ['digitalSignature']],
  ['tls-server', 'rsa2048', template, template],
  ['short-lived', 'rsa2048', template, ['digitalSignature']],
  // The v3_req section that comes with OpenSSL.
  ['tls-server', 'rsa2048', ['nonRepudiation', ...template], template],
  // Nothing of the wish remains, or too little: the default.
  ['tls-server', 'p256', ['keyEncipherment'], ['digitalSignature']],
  ['tls-server', 'rsa2048', ['keyEncipherment'], ['digitalSignature']],
  ['tls-server', 'rsa2048', undefined, ['digitalSignature']],
] as const)('%s with %s and %j is granted %j', (profile, algorithm, asked, expected) => {
  expect(granted(profile, algorithm, asked === undefined ? undefined : [...asked])).toEqual(
    expected,
  );
});

test('a use of CAs is no template: it is refused', () => {
  expect(granted('tls-server', 'p256', ['digitalSignature', 'keyCertSign'])).toEqual([
    'keyUsage.caOnly',
  ]);
  expect(granted('tls-server', 'rsa2048', ['cRLSign'])).toContain('keyUsage.caOnly');
});
