import { describe, expect, test } from 'vitest';
import {
  type Extension,
  encodeAuthorityKeyIdentifier,
  encodeBasicConstraints,
  encodeCertificatePolicies,
  encodeCRLDistributionPoints,
  encodeExtendedKeyUsage,
  encodeKeyUsage,
  encodeNameConstraints,
  encodeNoRevAvail,
  encodeOcspNoCheck,
  encodeSubjectKeyIdentifier,
  type GeneralName,
  keyIdentifier,
  oids,
  parseDistinguishedName,
  parseIpAddress,
} from '../../../src/pkix/index.ts';
import { decide, dnsName, refusals, subjectAltName } from '../../support/decision.ts';
import { softwareKey } from '../../support/software-issuer.ts';

const principalName: GeneralName = {
  type: 'otherName',
  typeId: oids.userPrincipalName,
  value: Uint8Array.from([0x0c, 15, ...Buffer.from('ann@example.org')]),
};

/** A name of every type; what a requester may try. */
const nameOf: Readonly<Record<string, GeneralName>> = {
  dNSName: dnsName('a.example.org'),
  wildcard: dnsName('*.example.org'),
  iPAddress: { type: 'iPAddress', bytes: parseIpAddress('192.0.2.1') },
  rfc822Name: { type: 'rfc822Name', value: 'ann@example.org' },
  uniformResourceIdentifier: { type: 'uniformResourceIdentifier', value: 'https://a.example.org/' },
  directoryName: { type: 'directoryName', name: parseDistinguishedName('CN=admin') },
  registeredID: { type: 'registeredID', oid: '2.999.1' },
  userPrincipalName: principalName,
  otherName: { type: 'otherName', typeId: '1.2.3.4', value: Uint8Array.of(5, 0) },
  x400Address: { type: 'x400Address', der: Uint8Array.of(0xa3, 0) },
  ediPartyName: { type: 'ediPartyName', der: Uint8Array.of(0xa5, 4, 0xa1, 2, 0x0c, 0) },
};

/** For each profile: a request that it grants, the types of names that it takes, its key purposes. */
const profiles = [
  {
    name: 'tls-server',
    subject: '',
    needs: 'dNSName',
    takes: ['dNSName', 'wildcard', 'iPAddress'],
    purposes: ['serverAuth'],
  },
  {
    name: 'https-server',
    subject: '',
    needs: 'dNSName',
    takes: ['dNSName', 'iPAddress'],
    purposes: ['serverAuth'],
  },
  {
    name: 'tls-client',
    subject: 'CN=x',
    needs: undefined,
    takes: ['dNSName', 'iPAddress', 'rfc822Name', 'uniformResourceIdentifier'],
    purposes: ['clientAuth'],
  },
  {
    name: 'tls-mutual',
    subject: '',
    needs: 'dNSName',
    takes: ['dNSName', 'iPAddress', 'uniformResourceIdentifier'],
    purposes: ['serverAuth', 'clientAuth'],
  },
  {
    name: 'device',
    subject: 'CN=x',
    needs: undefined,
    takes: ['dNSName', 'iPAddress', 'uniformResourceIdentifier', 'registeredID'],
    purposes: ['clientAuth'],
  },
  {
    name: 'code-signing',
    subject: 'CN=x',
    needs: undefined,
    takes: ['rfc822Name', 'uniformResourceIdentifier'],
    purposes: ['codeSigning'],
  },
  {
    name: 'email-signing',
    subject: '',
    needs: 'rfc822Name',
    takes: ['rfc822Name'],
    purposes: ['emailProtection'],
  },
  {
    name: 'email-encryption',
    subject: '',
    needs: 'rfc822Name',
    takes: ['rfc822Name'],
    purposes: ['emailProtection'],
  },
  {
    name: 'user-authentication',
    subject: 'CN=x',
    needs: undefined,
    takes: ['rfc822Name', 'userPrincipalName'],
    purposes: ['clientAuth'],
  },
  {
    name: 'short-lived',
    subject: '',
    needs: 'dNSName',
    takes: ['dNSName', 'iPAddress', 'uniformResourceIdentifier'],
    purposes: ['serverAuth', 'clientAuth'],
  },
  { name: 'ocsp-signing', subject: '', needs: undefined, takes: [], purposes: ['ocspSigning'] },
] as const;

describe.each(profiles)('T-ESC-1, T-CA-1: $name', ({ name, subject, needs, takes, purposes }) => {
  const base = needs === undefined ? [] : [subjectAltName(nameOf[needs] as GeneralName)];
  const asking = (...extensions: Extension[]): readonly string[] =>
    refusals(name, subject, [...base, ...extensions]);

  test('grants the plain request', () => {
    expect(asking()).toEqual([]);
  });

  test.each<[string, Extension, string]>([
    ['CA:TRUE', encodeBasicConstraints({ cA: true }), 'basicConstraints.cA'],
    [
      'CA:TRUE with a path length',
      encodeBasicConstraints({ cA: true, pathLenConstraint: 0 }),
      'basicConstraints.cA',
    ],
    ['keyCertSign', encodeKeyUsage(['digitalSignature', 'keyCertSign']), 'keyUsage.caOnly'],
    ['cRLSign', encodeKeyUsage(['digitalSignature', 'cRLSign']), 'keyUsage.caOnly'],
    [
      'keyEncipherment for an EC key',
      encodeKeyUsage(['digitalSignature', 'keyEncipherment']),
      'keyUsage.keyType',
    ],
    [
      'anyExtendedKeyUsage',
      encodeExtendedKeyUsage([oids.anyExtendedKeyUsage]),
      'extendedKeyUsage.any',
    ],
    ['timeStamping', encodeExtendedKeyUsage([oids.timeStamping]), 'extendedKeyUsage.refused'],
    [
      'smart-card log-on',
      encodeExtendedKeyUsage([oids.smartcardLogon]),
      'extendedKeyUsage.refused',
    ],
    ['an unknown purpose', encodeExtendedKeyUsage(['1.2.3.4.5']), 'extendedKeyUsage.refused'],
    [
      'name constraints',
      encodeNameConstraints({
        permittedSubtrees: [{ base: dnsName('x.example') }],
        excludedSubtrees: [],
      }),
      'extension.refused',
    ],
    [
      'another policy',
      encodeCertificatePolicies([{ policyIdentifier: '2.23.140.1.2.1' }]),
      'certificatePolicies.refused',
    ],
    [
      'anyPolicy',
      encodeCertificatePolicies([{ policyIdentifier: oids.anyPolicy }]),
      'certificatePolicies.refused',
    ],
    [
      'another CRL',
      encodeCRLDistributionPoints(['http://evil.example/x.crl']),
      'extension.refused',
    ],
    [
      'another authority key',
      encodeAuthorityKeyIdentifier(new Uint8Array(20)),
      'extension.refused',
    ],
    [
      'another subject key identifier',
      encodeSubjectKeyIdentifier(new Uint8Array(20)),
      'subjectKeyIdentifier.other',
    ],
    // AD CS application policies (CVE-2024-49019) and template name, TLS feature, something unknown and critical.
    [
      'application policies',
      { oid: '1.3.6.1.4.1.311.21.10', critical: false, value: Uint8Array.of(0x30, 0) },
      'extension.refused',
    ],
    [
      'a template name',
      { oid: '1.3.6.1.4.1.311.20.2', critical: false, value: Uint8Array.of(0x1e, 0) },
      'extension.refused',
    ],
    [
      'a SID',
      { oid: '1.3.6.1.4.1.311.25.2', critical: false, value: Uint8Array.of(0x30, 0) },
      'extension.refused',
    ],
    [
      'a TLS feature',
      { oid: oids.tlsFeature, critical: false, value: Uint8Array.of(0x30, 0) },
      'extension.refused',
    ],
    [
      'something unknown',
      { oid: '2.999.7', critical: true, value: Uint8Array.of(5, 0) },
      'extension.refused',
    ],
    [
      'issuerAltName',
      { oid: oids.issuerAltName, critical: false, value: Uint8Array.of(0x30, 0) },
      'extension.refused',
    ],
    [
      'broken basicConstraints',
      { oid: oids.basicConstraints, critical: true, value: Uint8Array.of(0xff) },
      'extension.syntax',
    ],
  ])('refuses %s', (_what, extension, rule) => {
    expect(asking(extension)).toContain(rule);
  });

  test.each(Object.keys(nameOf))('takes a name of type %s only if the profile says so', (type) => {
    const rules = refusals(name, subject, [subjectAltName(nameOf[type] as GeneralName)]);
    if ((takes as readonly string[]).includes(type)) expect(rules).toEqual([]);
    else expect(rules.some((rule) => rule.startsWith('names.'))).toBe(true);
  });

  test('an extra name that is not taken spoils the whole request', () => {
    const extra = (takes as readonly string[]).includes('registeredID')
      ? 'directoryName'
      : 'registeredID';
    const good = takes.length === 0 ? [] : [nameOf[takes[0]] as GeneralName];
    expect(
      refusals(name, subject, [subjectAltName(...good, nameOf[extra] as GeneralName)]),
    ).not.toEqual([]);
  });

  test('OCSPSigning and id-pkix-ocsp-nocheck are for delegates alone', () => {
    const rules = [
      ...asking(encodeExtendedKeyUsage([oids.ocspSigning])),
      ...asking(encodeOcspNoCheck()),
    ];
    expect(rules).toEqual(
      name === 'ocsp-signing' ? [] : ['extendedKeyUsage.ocspSigning', 'extension.refused'],
    );
  });

  test('its own purposes may be asked for, one more may not', () => {
    const own = purposes.map((purpose) => oids[purpose]);
    expect(asking(encodeExtendedKeyUsage(own))).toEqual([]);
    const more = purposes[0] === 'codeSigning' ? oids.serverAuth : oids.codeSigning;
    expect(asking(encodeExtendedKeyUsage([...own, more]))).toEqual(['extendedKeyUsage.refused']);
  });

  test('what repeats the profile is no escalation', () => {
    const { subjectPublicKeyInfo } = softwareKey('p256');
    expect(asking(encodeBasicConstraints({ cA: false }))).toEqual([]);
    expect(asking(encodeSubjectKeyIdentifier(keyIdentifier(subjectPublicKeyInfo)))).toEqual([]);
    expect(asking(encodeNoRevAvail())).toEqual(name === 'short-lived' ? [] : ['extension.refused']);
  });
});

describe('all violations at once', () => {
  test('each with field, clause and mend', () => {
    const result = decide(
      'tls-server',
      'CN=other.example.org,emailAddress=a@example.org',
      [
        subjectAltName(dnsName('a_b.example.org'), dnsName('a.example.org')),
        encodeBasicConstraints({ cA: true }),
        encodeKeyUsage(['keyCertSign']),
        encodeExtendedKeyUsage([oids.ocspSigning]),
      ],
      { days: 5000 },
    );
    expect(
      result.ok ? [] : result.violations.map(({ rule, field, clause }) => [rule, field, clause]),
    ).toEqual([
      ['names.dns.underscore', 'names.dNSName', 'RFC 5280 §4.2.1.6'],
      ['subject.attribute', 'subject.1.2.840.113549.1.9.1', 'profile tls-server'],
      ['subject.amongNames', 'subject.commonName', 'RFC 9525 §6.3'],
      ['keyUsage.caOnly', 'keyUsage', 'RFC 5280 §4.2.1.3'],
      ['extendedKeyUsage.ocspSigning', 'extendedKeyUsage', 'RFC 6960 §4.2.2.2'],
      ['basicConstraints.cA', 'basicConstraints', 'RFC 5280 §4.2.1.9'],
      ['validity.maximum', 'validity', 'RFC 5280 §4.1.2.5'],
      ['validity.outlivesIssuer', 'validity', 'RFC 5280 §4.1.2.5'],
    ]);
  });
});
