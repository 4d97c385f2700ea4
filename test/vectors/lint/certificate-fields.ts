import type { CertificateVector } from './certificate-parts.ts';
import * as c from './certificate-parts.ts';
import type { Bytes } from './der.ts';
import {
  bits,
  bool,
  commonName,
  extension,
  generalizedTime,
  hex,
  int,
  join,
  longLength,
  name,
  nul,
  octets,
  oid,
  printable,
  seq,
  set,
  tlv,
  utcTime,
  utf8String,
} from './der.ts';

const { asCa, asEndEntity, asRoot } = c;

const between = (from: Bytes, to: Bytes): Bytes => c.endEntity({ validity: c.validity(from, to) });

/** Defects in the fields of a TBSCertificate outside extensions and names. */
export const fieldVectors: readonly CertificateVector[] = [
  { name: 'empty-bytes', lint: 'structure', der: new Uint8Array(), context: asEndEntity },
  {
    name: 'octet-after-the-end',
    lint: 'structure',
    der: join(c.endEntity(), nul),
    context: asEndEntity,
  },
  {
    name: 'length-past-the-end',
    lint: 'structure',
    der: c.endEntity().subarray(0, 200),
    context: asEndEntity,
  },
  {
    name: 'indefinite-length',
    lint: 'structure',
    der: join(hex('3080'), c.endEntity().subarray(4), hex('0000')),
    context: asEndEntity,
  },
  {
    name: 'serial-number-not-minimal',
    lint: 'der-canonical',
    der: c.endEntity({ serialNumber: int(`00${c.serial}`) }),
    context: asEndEntity,
  },
  {
    name: 'length-not-minimal',
    lint: 'der-canonical',
    der: c.endEntity({ serialNumber: longLength(int(c.serial)) }),
    context: asEndEntity,
  },
  {
    name: 'boolean-neither-00-nor-ff',
    lint: 'der-canonical',
    der: c.endEntity({ extensions: { keyUsage: extension(c.id.keyUsage, bits(hex('80'), 7), 1) } }),
    context: asEndEntity,
  },
  {
    name: 'unused-bits-set',
    lint: 'der-canonical',
    der: c.endEntity({ extensions: { keyUsage: c.keyUsage('81', 7) } }),
    context: asEndEntity,
  },
  {
    name: 'set-out-of-order',
    lint: 'der-canonical',
    der: c.endEntity({
      subject: seq(
        set(seq(oid('2.5.4.10'), utf8String('oo')), seq(oid('2.5.4.3'), utf8String('cn'))),
      ),
    }),
    context: asEndEntity,
  },
  {
    name: 'octets-after-an-extension-value',
    lint: 'der-canonical',
    der: c.endEntity({
      extensions: { purposes: extension(c.id.extKeyUsage, join(seq(oid(c.id.serverAuth)), nul)) },
    }),
    context: asEndEntity,
  },
  {
    name: 'key-usage-is-an-octet-string',
    lint: 'extension-value-type',
    der: c.endEntity({
      extensions: { keyUsage: extension(c.id.keyUsage, octets(hex('80')), true) },
    }),
    context: asEndEntity,
  },
  {
    name: 'version-absent',
    lint: 'version-v3',
    der: c.endEntity({ version: null }),
    context: asEndEntity,
  },
  {
    name: 'version-v2',
    lint: 'version-v3',
    der: c.endEntity({ version: tlv(0xa0, int('01')) }),
    context: asEndEntity,
  },
  {
    name: 'version-v1-encoded',
    lint: 'default-values-omitted',
    also: ['version-v3'],
    der: c.endEntity({ version: tlv(0xa0, int('00')) }),
    context: asEndEntity,
  },
  {
    name: 'serial-number-zero',
    lint: 'serial-number-positive',
    der: c.endEntity({ serialNumber: int('00') }),
    context: asEndEntity,
  },
  {
    name: 'serial-number-negative',
    lint: 'serial-number-positive',
    der: c.endEntity({ serialNumber: int(`90${c.serial}`) }),
    context: asEndEntity,
  },
  {
    name: 'serial-number-of-21-octets',
    lint: 'serial-number-positive',
    der: c.endEntity({ serialNumber: int(`101010${c.serial}`) }),
    context: asEndEntity,
  },
  {
    name: 'serial-number-of-63-bits',
    lint: 'serial-number-size',
    der: c.endEntity({ serialNumber: int('7fa1a2a3a4a5a6a7') }),
    context: asEndEntity,
  },
  {
    name: 'utc-time-without-seconds',
    lint: 'validity-encoding',
    der: between(utcTime('2611210000Z'), utcTime('270101000000Z')),
    context: asEndEntity,
  },
  {
    name: 'utc-time-with-offset',
    lint: 'validity-encoding',
    der: between(utcTime('261121000000+0100'), utcTime('270101000000Z')),
    context: asEndEntity,
  },
  {
    name: 'generalized-time-before-2050',
    lint: 'validity-encoding',
    der: between(utcTime('261121000000Z'), generalizedTime('20270101000000Z')),
    context: asEndEntity,
  },
  {
    name: 'generalized-time-with-fraction',
    lint: 'validity-encoding',
    der: c.root({
      validity: c.validity(utcTime('261121000000Z'), generalizedTime('20510101000000.5Z')),
    }),
    context: asRoot,
  },
  {
    name: 'day-that-the-calendar-lacks',
    lint: 'validity-encoding',
    der: between(utcTime('261121000000Z'), utcTime('270229000000Z')),
    context: asEndEntity,
  },
  {
    name: 'validity-reversed',
    lint: 'validity-order',
    der: between(utcTime('270101000000Z'), utcTime('261121000000Z')),
    context: asEndEntity,
  },
  {
    name: 'validity-one-second-too-long',
    lint: 'validity-within-profile',
    der: between(utcTime('261121000000Z'), utcTime('270219000000Z')),
    context: asEndEntity,
  },
  {
    name: 'outlives-its-issuer',
    lint: 'validity-within-issuer',
    der: between(utcTime('261121000000Z'), utcTime('361101000001Z')),
    context: { ...asEndEntity, profile: { name: 'unlimited' } },
  },
  {
    name: 'issuer-empty',
    lint: 'issuer-not-empty',
    der: c.endEntity({ issuer: seq() }),
    context: asEndEntity,
  },
  {
    name: 'issuer-in-another-string-type',
    lint: 'issuer-equals-issuer-subject',
    der: c.endEntity({ issuer: name(['2.5.4.3', printable('Issuing CA')]) }),
    context: asEndEntity,
  },
  {
    name: 'self-signed-with-two-names',
    lint: 'issuer-equals-issuer-subject',
    der: c.root({ subject: commonName('Another') }),
    context: asRoot,
  },
  {
    name: 'issuer-is-no-ca',
    lint: 'issuer-may-sign-certificates',
    der: c.endEntity(),
    context: { ...asEndEntity, issuer: c.issuer({ extensions: { basicConstraints: null } }) },
  },
  {
    name: 'issuer-without-key-cert-sign',
    lint: 'issuer-may-sign-certificates',
    der: c.endEntity(),
    context: {
      ...asEndEntity,
      issuer: c.issuer({ extensions: { keyUsage: c.keyUsage('02', 1) } }),
    },
  },
  {
    name: 'ca-below-path-length-0',
    lint: 'issuer-path-length',
    der: c.ca(),
    context: {
      ...asCa,
      issuer: c.issuer({
        extensions: { basicConstraints: c.basicConstraints([bool(0xff), int('00')]) },
      }),
    },
  },
  {
    name: 'path-length-as-long-as-the-issuers',
    lint: 'issuer-path-length',
    der: c.ca({ extensions: { basicConstraints: c.basicConstraints([bool(0xff), int('01')]) } }),
    context: {
      ...asCa,
      issuer: c.issuer({
        extensions: { basicConstraints: c.basicConstraints([bool(0xff), int('01')]) },
      }),
    },
  },
  {
    name: 'subject-unique-identifier',
    lint: 'unique-identifiers-absent',
    der: c.endEntity({ uniqueIdentifiers: [tlv(0x82, hex('00ff'))] }),
    context: asEndEntity,
  },
  {
    name: 'signature-sha1-with-rsa',
    lint: 'signature-algorithm',
    der: c.root({ key: c.rsa(), signature: seq(oid('1.2.840.113549.1.1.5'), nul) }),
    context: asRoot,
  },
  {
    name: 'signature-rsa-without-null',
    lint: 'signature-algorithm',
    der: c.root({ key: c.rsa(), signature: seq(oid('1.2.840.113549.1.1.11')) }),
    context: asRoot,
  },
  {
    name: 'signature-ecdsa-with-null',
    lint: 'signature-algorithm',
    der: c.endEntity({ signature: seq(oid('1.2.840.10045.4.3.2'), nul) }),
    context: asEndEntity,
  },
  {
    name: 'signature-ed25519-with-null',
    lint: 'signature-algorithm',
    der: c.root({ key: c.ed25519Key, signature: seq(oid('1.3.101.112'), nul) }),
    context: asRoot,
  },
  {
    name: 'signature-pss-defaults',
    lint: 'signature-algorithm',
    der: c.root({ key: c.rsa(), signature: seq(oid('1.2.840.113549.1.1.10'), seq()) }),
    context: asRoot,
  },
  {
    name: 'signature-pss-two-hashes',
    lint: 'signature-algorithm',
    der: c.root({ key: c.rsa(), signature: c.pss(seq(oid('2.16.840.1.101.3.4.2.2'), nul)) }),
    context: asRoot,
  },
  {
    name: 'signature-pss-salt-of-20-octets',
    lint: 'signature-algorithm',
    der: c.root({ key: c.rsa(), signature: c.pss(undefined, '14') }),
    context: asRoot,
  },
  {
    name: 'signature-pss-trailer-encoded',
    lint: 'signature-algorithm',
    der: c.root({ key: c.rsa(), signature: c.pss(undefined, '20', tlv(0xa3, int('01'))) }),
    context: asRoot,
  },
  {
    name: 'signature-of-another-key-type',
    lint: 'signature-algorithm-matches-issuer-key',
    der: c.endEntity({ signature: c.sha256WithRsa }),
    context: asEndEntity,
  },
  {
    name: 'key-rsa-without-null',
    lint: 'public-key-algorithm',
    der: c.endEntity({ key: c.rsa(undefined, undefined, new Uint8Array()) }),
    context: asEndEntity,
  },
  {
    name: 'key-on-secp256k1',
    lint: 'public-key-algorithm',
    der: c.endEntity({ key: c.p256(oid('1.3.132.0.10')) }),
    context: asEndEntity,
  },
  {
    name: 'key-ed25519-with-null',
    lint: 'public-key-algorithm',
    der: c.endEntity({ key: seq(seq(oid('1.3.101.112'), nul), bits(new Uint8Array(32))) }),
    context: asEndEntity,
  },
  {
    name: 'key-point-compressed',
    lint: 'public-key-encoding',
    der: c.endEntity({ key: c.p256(undefined, bits(join(hex('02'), c.point.subarray(1, 33)))) }),
    context: asEndEntity,
  },
  {
    name: 'key-rsa-modulus-not-minimal',
    lint: 'public-key-encoding',
    der: c.endEntity({ key: c.rsa(`00${c.modulus2048}`) }),
    context: asEndEntity,
  },
  {
    name: 'key-rsa-1024',
    lint: 'rsa-key-size',
    der: c.endEntity({ key: c.rsa(`00${'c5'.repeat(128)}`) }),
    context: asEndEntity,
  },
  {
    name: 'key-rsa-exponent-3',
    lint: 'rsa-key-size',
    der: c.endEntity({ key: c.rsa(undefined, '03') }),
    context: asEndEntity,
  },
  {
    name: 'key-rsa-modulus-even',
    lint: 'rsa-key-size',
    der: c.endEntity({ key: c.rsa(`00${'c5'.repeat(255)}c4`) }),
    context: asEndEntity,
  },
  {
    // Beyond what any lint looks at: a policy identifier of more octets than the parser reads.
    name: 'policy-identifier-of-200-octets',
    lint: 'strict-parse',
    der: c.endEntity({
      extensions: { odd: seq(tlv(0x06, hex(`2a${'01'.repeat(199)}`)), octets(nul)) },
    }),
    context: asEndEntity,
  },
];
