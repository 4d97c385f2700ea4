import { describe, expect, it } from 'vitest';
import { isChanceryError } from '../../../src/domain/index.ts';
import {
  type Extension,
  encodeAuthorityInfoAccess,
  encodeAuthorityKeyIdentifier,
  encodeBasicConstraints,
  encodeCertificatePolicies,
  encodeCRLDistributionPoints,
  encodeCrlNumber,
  encodeExtendedKeyUsage,
  encodeInvalidityDate,
  encodeIssuingDistributionPoint,
  encodeKeyUsage,
  encodeNameConstraints,
  encodeNoRevAvail,
  encodeOcspNoCheck,
  encodeReasonCode,
  encodeSubjectAltName,
  encodeSubjectKeyIdentifier,
  type GeneralName,
  type KeyUsageBit,
  oids,
  parseAuthorityInfoAccess,
  parseAuthorityKeyIdentifier,
  parseBasicConstraints,
  parseCertificatePolicies,
  parseCRLDistributionPoints,
  parseCrlNumber,
  parseExtendedKeyUsage,
  parseInvalidityDate,
  parseIssuingDistributionPoint,
  parseKeyUsage,
  parseNameConstraints,
  parseReasonCode,
  parseSubjectAltName,
  parseSubjectKeyIdentifier,
} from '../../../src/pkix/index.ts';
import { extensionDefects, extensionParsers } from '../../vectors/extension-defects.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const hex = (extension: Extension): string => Buffer.from(extension.value).toString('hex');
const uri = (value: string): GeneralName => ({ type: 'uniformResourceIdentifier', value });

describe('RFC 5280 §4.2 and §5: values that the clause forbids', () => {
  it.each(extensionDefects)('%s: %s', (parser, _defect, value) => {
    try {
      extensionParsers[parser]?.(bytes(value));
      expect.unreachable();
    } catch (error) {
      expect(isChanceryError(error) && error.code).toBe('malformed');
      expect(isChanceryError(error) && error.clause).toMatch(/RFC/);
    }
  });

  it('I3: every parser survives empty, absent, NULL, doubled and truncated values', () => {
    const odd = [
      '',
      '00',
      '05',
      '0500',
      '3000',
      '30003000',
      '3080',
      '30800000',
      '31003000',
      'a000',
      '0400',
      '0100',
      '30',
      '3001',
      '308201',
    ];
    for (const [name, parse] of Object.entries(extensionParsers)) {
      for (const value of odd) {
        try {
          parse(bytes(value));
        } catch (error) {
          expect(isChanceryError(error), `${name} ${value}`).toBe(true);
        }
      }
    }
  });
});

describe('bytes and criticality as the clause asks', () => {
  it.each([
    ['keyUsage', encodeKeyUsage(['keyCertSign', 'cRLSign']), true, '03020106'],
    ['keyUsage decipherOnly', encodeKeyUsage(['keyAgreement', 'decipherOnly']), true, '0303070880'],
    ['extKeyUsage', encodeExtendedKeyUsage([oids.ocspSigning]), false, '300a06082b06010505070309'],
    ['basicConstraints of a CA', encodeBasicConstraints({ cA: true }), true, '30030101ff'],
    [
      'basicConstraints with path length',
      encodeBasicConstraints({ cA: true, pathLenConstraint: 0 }),
      true,
      '30060101ff020100',
    ],
    ['basicConstraints of a leaf', encodeBasicConstraints({ cA: false }), true, '3000'],
    ['subjectKeyIdentifier', encodeSubjectKeyIdentifier(bytes('aabb')), false, '0402aabb'],
    ['authorityKeyIdentifier', encodeAuthorityKeyIdentifier(bytes('aabb')), false, '30048002aabb'],
    ['ocsp-nocheck', encodeOcspNoCheck(), false, '0500'],
    ['noRevAvail', encodeNoRevAvail(), false, '0500'],
    ['cRLNumber', encodeCrlNumber(128n), false, '02020080'],
    ['reasonCode', encodeReasonCode('certificateHold'), false, '0a0106'],
    [
      'invalidityDate',
      encodeInvalidityDate(new Date('2026-11-21T00:00:00Z')),
      false,
      '180f32303236313132313030303030305a',
    ],
    [
      'subjectAltName beside an empty subject',
      encodeSubjectAltName([{ type: 'dNSName', value: 'a' }], true),
      true,
      '3003820161',
    ],
    [
      'subjectAltName beside a subject',
      encodeSubjectAltName([{ type: 'dNSName', value: 'a' }], false),
      false,
      '3003820161',
    ],
    [
      'nameConstraints',
      encodeNameConstraints({
        permittedSubtrees: [{ base: { type: 'dNSName', value: 'a' } }],
        excludedSubtrees: [],
      }),
      true,
      '3007a0053003820161',
    ],
    [
      'cRLDistributionPoints',
      encodeCRLDistributionPoints(['http://a']),
      false,
      '3010300ea00ca00a8608687474703a2f2f61',
    ],
    [
      'issuingDistributionPoint',
      encodeIssuingDistributionPoint({ fullName: [uri('http://a')], onlyContainsUserCerts: true }),
      true,
      '3011a00ca00a8608687474703a2f2f618101ff',
    ],
    [
      'authorityInfoAccess',
      encodeAuthorityInfoAccess({ ocsp: ['http://a'], caIssuers: [] }),
      false,
      '3016301406082b060105050730018608687474703a2f2f61',
    ],
  ] as const)('%s', (_name, extension, critical, value) => {
    expect(extension.critical).toBe(critical);
    expect(hex(extension)).toBe(value);
  });
});

describe('round trips', () => {
  const everyBit: KeyUsageBit[] = [
    'digitalSignature',
    'nonRepudiation',
    'keyEncipherment',
    'dataEncipherment',
    'keyAgreement',
    'keyCertSign',
    'cRLSign',
    'encipherOnly',
    'decipherOnly',
  ];

  it('each value is read as it was written', () => {
    expect(parseKeyUsage(encodeKeyUsage(everyBit).value)).toEqual(everyBit);
    expect(parseExtendedKeyUsage(encodeExtendedKeyUsage(['1.2.3', '2.999']).value)).toEqual([
      '1.2.3',
      '2.999',
    ]);
    expect(
      parseBasicConstraints(encodeBasicConstraints({ cA: true, pathLenConstraint: 3 }).value),
    ).toEqual({ cA: true, pathLenConstraint: 3 });
    expect([...parseSubjectKeyIdentifier(encodeSubjectKeyIdentifier(bytes('01')).value)]).toEqual([
      1,
    ]);
    expect([
      ...(parseAuthorityKeyIdentifier(encodeAuthorityKeyIdentifier(bytes('01')).value) ?? []),
    ]).toEqual([1]);
    expect(
      parseCRLDistributionPoints(encodeCRLDistributionPoints(['http://a', 'http://b']).value),
    ).toEqual(['http://a', 'http://b']);
    const access = { ocsp: ['http://a'], caIssuers: ['http://b'] };
    expect(parseAuthorityInfoAccess(encodeAuthorityInfoAccess(access).value)).toEqual(access);
    const policies = [
      { policyIdentifier: '1.2.3' },
      { policyIdentifier: oids.anyPolicy, cps: ['http://a'] },
    ];
    expect(parseCertificatePolicies(encodeCertificatePolicies(policies).value)).toEqual(policies);
    const point = {
      fullName: [uri('http://a')],
      onlyContainsUserCerts: undefined,
      onlyContainsCACerts: true as const,
      indirectCRL: undefined,
      onlyContainsAttributeCerts: undefined,
    };
    expect(parseIssuingDistributionPoint(encodeIssuingDistributionPoint(point).value)).toEqual(
      point,
    );
    expect(parseCrlNumber(encodeCrlNumber(2n ** 159n - 1n).value)).toBe(2n ** 159n - 1n);
    expect(parseReasonCode(encodeReasonCode('removeFromCRL').value)).toBe('removeFromCRL');
    const date = new Date('1999-12-31T23:59:59Z');
    expect(parseInvalidityDate(encodeInvalidityDate(date).value)).toEqual(date);
  });

  it('a key identifier of issuer and serial number alone is read over', () => {
    expect(parseAuthorityKeyIdentifier(bytes('3009a10482026161820101'))).toBeUndefined();
  });

  it('every form of GeneralName in subjectAltName and in nameConstraints', () => {
    const names: GeneralName[] = [
      { type: 'otherName', typeId: '1.3.6.1.4.1.311.20.2.3', value: bytes('0c0161') },
      { type: 'rfc822Name', value: 'a@b' },
      { type: 'dNSName', value: 'a.b' },
      { type: 'x400Address', der: bytes('a3020500') },
      { type: 'ediPartyName', der: bytes('a5020500') },
      uri('urn:x'),
      { type: 'iPAddress', bytes: bytes('01020304') },
      { type: 'registeredID', oid: '1.2.3' },
    ];
    expect(parseSubjectAltName(encodeSubjectAltName(names, false).value)).toEqual(names);
    const bases = names.map((base) => ({
      base: base.type === 'iPAddress' ? { ...base, bytes: bytes('01020304ffffff00') } : base,
    }));
    const constraints = {
      permittedSubtrees: bases,
      excludedSubtrees: [{ base: { type: 'dNSName', value: '' } as const }],
    };
    expect(parseNameConstraints(encodeNameConstraints(constraints).value)).toEqual(constraints);
  });
});

describe('what can’t be written', () => {
  it.each([
    ['keyUsage without a bit', () => encodeKeyUsage([])],
    ['extKeyUsage without a purpose', () => encodeExtendedKeyUsage([])],
    ['extKeyUsage twice', () => encodeExtendedKeyUsage(['1.2.3', '1.2.3'])],
    ['path length without cA', () => encodeBasicConstraints({ cA: false, pathLenConstraint: 0 })],
    ['path length negative', () => encodeBasicConstraints({ cA: true, pathLenConstraint: -1 })],
    ['subjectAltName without a name', () => encodeSubjectAltName([], true)],
    [
      'a dNSName beyond ASCII',
      () => encodeSubjectAltName([{ type: 'dNSName', value: 'é.example' }], false),
    ],
    [
      'an iPAddress of 5 octets',
      () => encodeSubjectAltName([{ type: 'iPAddress', bytes: new Uint8Array(5) }], false),
    ],
    [
      'nameConstraints without a subtree',
      () => encodeNameConstraints({ permittedSubtrees: [], excludedSubtrees: [] }),
    ],
    ['cRLDistributionPoints without a URI', () => encodeCRLDistributionPoints([])],
    [
      'authorityInfoAccess without a URI',
      () => encodeAuthorityInfoAccess({ ocsp: [], caIssuers: [] }),
    ],
    [
      'a policy twice',
      () => encodeCertificatePolicies([{ policyIdentifier: '1.2' }, { policyIdentifier: '1.2' }]),
    ],
    [
      'an empty issuingDistributionPoint (C14)',
      () => encodeIssuingDistributionPoint({ fullName: [] }),
    ],
    [
      'two scopes (C14)',
      () =>
        encodeIssuingDistributionPoint({
          fullName: [],
          onlyContainsUserCerts: true,
          onlyContainsCACerts: true,
        }),
    ],
    ['a CRL number of 21 octets (C9)', () => encodeCrlNumber(2n ** 160n)],
    ['a CRL number below 0', () => encodeCrlNumber(-1n)],
    ['reasonCode unspecified (C17)', () => encodeReasonCode('unspecified')],
    ['a purpose that is no OID', () => encodeExtendedKeyUsage(['serverAuth'])],
  ])('%s', (_what, write) => {
    expect(write).toThrow(expect.objectContaining({ code: 'malformed' }));
  });
});
