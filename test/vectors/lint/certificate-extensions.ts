import type { CertificateVector } from './certificate-parts.ts';
import * as c from './certificate-parts.ts';
import type { Bytes } from './der.ts';
import {
  bool,
  commonName,
  extension,
  hex,
  ia5,
  int,
  nul,
  octets,
  oid,
  seq,
  tlv,
  utf8String,
} from './der.ts';

const { asCa, asEndEntity, asResponder, asRoot, asShortLived } = c;

/** One defect in the extensions of an end entity's certificate. */
const leaf = (
  name: string,
  lint: string,
  extensions: c.Extensions,
  also: readonly string[] = [],
): CertificateVector => ({
  name,
  lint,
  also,
  der: c.endEntity({ extensions }),
  context: asEndEntity,
});
const authority = (
  name: string,
  lint: string,
  extensions: c.Extensions,
  also: readonly string[] = [],
): CertificateVector => ({ name, lint, also, der: c.ca({ extensions }), context: asCa });
const ocsp = (
  name: string,
  lint: string,
  extensions: c.Extensions,
  also: readonly string[] = [],
): CertificateVector => ({
  name,
  lint,
  also,
  der: c.responder({ extensions }),
  context: asResponder,
});

const constraints = (...lists: readonly Bytes[]): Bytes =>
  extension(c.id.nameConstraints, seq(...lists), true);
const permitted = (...subtrees: readonly Bytes[]): Bytes => constraints(tlv(0xa0, ...subtrees));

const policyId = {
  policyConstraints: '2.5.29.36',
  policyMappings: '2.5.29.33',
  inhibitAnyPolicy: '2.5.29.54',
  subjectInfoAccess: '1.3.6.1.5.5.7.1.11',
} as const;
const policyConstraints = (...numbers: readonly Bytes[]): Bytes =>
  extension(policyId.policyConstraints, seq(...numbers), true);
const mappings = (...pairs: readonly Bytes[]): Bytes =>
  extension(policyId.policyMappings, seq(...pairs), true);
const repository = (method: string, uri: string): Bytes =>
  extension(
    policyId.subjectInfoAccess,
    seq(seq(oid(method), tlv(0x86, new TextEncoder().encode(uri)))),
  );

/** Defects in extensions other than subjectAltName. */
export const extensionVectors: readonly CertificateVector[] = [
  {
    name: 'extensions-empty',
    lint: 'extensions-not-empty',
    also: ['basic-constraints-match-type', 'key-usage-present', 'subject-key-identifier-present'],
    der: c.root({ extensionList: seq() }),
    context: asRoot,
  },
  leaf('extension-twice', 'extension-unique', { again: c.purposes(c.id.clientAuth) }),
  leaf('key-usage-not-critical', 'extension-criticality', {
    keyUsage: c.keyUsage('80', 7, false),
  }),
  leaf('authority-key-identifier-critical', 'extension-criticality', {
    authorityKey: extension(c.id.authorityKeyIdentifier, seq(tlv(0x80, c.issuerKeyId)), true),
  }),
  authority('basic-constraints-of-ca-not-critical', 'extension-criticality', {
    basicConstraints: c.basicConstraints([bool(0xff), int('00')], false),
  }),
  ocsp('nocheck-critical', 'extension-criticality', {
    noCheck: extension(c.id.noCheck, nul, true),
  }),
  {
    name: 'no-rev-avail-critical',
    lint: 'extension-criticality',
    der: c.shortLived({ extensions: { noRevAvail: extension(c.id.noRevAvail, nul, true) } }),
    context: asShortLived,
  },
  leaf('critical-extension-of-ones-own', 'extension-critical-known', {
    own: extension('1.3.6.1.4.1.99999.1', nul, true),
  }),
  leaf('extended-key-usage-empty', 'extension-value-not-empty', { purposes: c.purposes() }),
  leaf('subject-alternative-name-empty', 'extension-value-not-empty', {
    names: c.alternativeNames([]),
  }),
  leaf(
    'distribution-points-empty',
    'extension-value-not-empty',
    { distributionPoints: c.distributionPoints() },
    ['crl-distribution-points-match'],
  ),
  leaf(
    'information-access-empty',
    'extension-value-not-empty',
    { informationAccess: c.informationAccess() },
    ['authority-information-access-present'],
  ),
  leaf('policies-empty', 'extension-value-not-empty', { policies: c.policies() }),
  leaf('critical-false-encoded', 'default-values-omitted', {
    purposes: extension(c.id.extKeyUsage, seq(oid(c.id.serverAuth)), 0),
  }),
  leaf('basic-constraints-false-encoded', 'default-values-omitted', {
    basicConstraints: c.basicConstraints([bool(0)]),
  }),
  leaf('key-usage-trailing-zero-bits', 'key-usage-named-bits', { keyUsage: c.keyUsage('80', 0) }),
  leaf('authority-key-identifier-absent', 'authority-key-identifier-present', {
    authorityKey: null,
  }),
  leaf('authority-key-identifier-without-key', 'authority-key-identifier-present', {
    authorityKey: c.authorityKey(),
  }),
  leaf('authority-key-identifier-of-another-key', 'authority-key-identifier-matches', {
    authorityKey: c.authorityKey(tlv(0x80, c.subjectKeyId)),
  }),
  leaf('authority-key-identifier-with-serial-number', 'authority-key-identifier-form', {
    authorityKey: c.authorityKey(
      tlv(0x80, c.issuerKeyId),
      tlv(0xa1, tlv(0xa4, commonName('Root'))),
      tlv(0x82, hex('01')),
    ),
  }),
  authority('subject-key-identifier-absent', 'subject-key-identifier-present', {
    subjectKey: null,
  }),
  leaf('subject-key-identifier-empty', 'subject-key-identifier-present', {
    subjectKey: extension(c.id.subjectKeyIdentifier, octets(new Uint8Array())),
  }),
  leaf(
    'end-entity-with-ca-true',
    'basic-constraints-match-type',
    { basicConstraints: c.basicConstraints([bool(0xff)]) },
    ['key-cert-sign-only-in-ca'],
  ),
  authority(
    'ca-without-basic-constraints',
    'basic-constraints-match-type',
    { basicConstraints: null },
    ['key-cert-sign-only-in-ca'],
  ),
  leaf('path-length-without-ca', 'path-length-only-in-ca', {
    basicConstraints: c.basicConstraints([int('00')]),
  }),
  authority('path-length-negative', 'path-length-only-in-ca', {
    basicConstraints: c.basicConstraints([bool(0xff), int('ff')]),
  }),
  authority('ca-without-key-usage', 'key-usage-present', { keyUsage: null }),
  leaf('key-usage-without-bits', 'key-usage-not-empty', { keyUsage: c.keyUsage('', 0) }),
  authority('ca-without-key-cert-sign', 'key-cert-sign-only-in-ca', {
    keyUsage: c.keyUsage('02', 1),
  }),
  leaf('end-entity-with-key-cert-sign', 'key-cert-sign-only-in-ca', {
    keyUsage: c.keyUsage('84', 2),
  }),
  leaf('end-entity-with-crl-sign', 'key-cert-sign-only-in-ca', { keyUsage: c.keyUsage('82', 1) }),
  leaf('key-encipherment-of-ec-key', 'key-usage-consistent-with-key', {
    keyUsage: c.keyUsage('a0', 5),
  }),
  leaf('encipher-only-without-key-agreement', 'key-usage-consistent-with-key', {
    keyUsage: c.keyUsage('81', 0),
  }),
  {
    name: 'key-agreement-of-ed25519-key',
    lint: 'key-usage-consistent-with-key',
    der: c.endEntity({ key: c.ed25519Key, extensions: { keyUsage: c.keyUsage('88', 3) } }),
    context: asEndEntity,
  },
  {
    name: 'key-agreement-of-rsa-key',
    lint: 'key-usage-consistent-with-key',
    der: c.endEntity({ key: c.rsa(), extensions: { keyUsage: c.keyUsage('88', 3) } }),
    context: asEndEntity,
  },
  ocsp('responder-with-key-agreement', 'responder-key-usage', { keyUsage: c.keyUsage('88', 3) }),
  leaf('name-constraints-in-end-entity', 'name-constraints-only-in-ca', {
    constraints: permitted(seq(c.dns('example'))),
  }),
  leaf('policy-constraints-in-end-entity', 'policy-extensions-only-in-ca', {
    constraints: policyConstraints(tlv(0x80, hex('00'))),
  }),
  leaf('inhibit-any-policy-in-end-entity', 'policy-extensions-only-in-ca', {
    constraints: extension(policyId.inhibitAnyPolicy, int('00'), true),
  }),
  authority('policy-constraints-empty', 'policy-constraints-values', {
    constraints: policyConstraints(),
  }),
  authority('policy-constraints-turned-round', 'policy-constraints-values', {
    constraints: policyConstraints(tlv(0x81, hex('00')), tlv(0x80, hex('00'))),
  }),
  authority('policy-constraints-negative', 'policy-constraints-values', {
    constraints: policyConstraints(tlv(0x80, hex('ff'))),
  }),
  authority('inhibit-any-policy-negative', 'policy-constraints-values', {
    constraints: extension(policyId.inhibitAnyPolicy, int('ff'), true),
  }),
  authority('policy-constraints-not-critical', 'extension-criticality', {
    constraints: extension(policyId.policyConstraints, seq(tlv(0x80, hex('00')))),
  }),
  authority('policy-mapped-to-any-policy', 'policy-mappings-known', {
    constraints: mappings(seq(oid('1.2.3'), oid('2.5.29.32.0'))),
  }),
  authority('policy-mapped-and-not-asserted', 'policy-mappings-known', {
    constraints: mappings(seq(oid('1.2.3.99'), oid('1.2.4'))),
  }),
  authority('policy-mapping-of-one', 'policy-mappings-known', {
    constraints: mappings(seq(oid('1.2.3'))),
  }),
  leaf('subject-info-access-in-end-entity', 'subject-information-access-uri', {
    constraints: repository('1.3.6.1.5.5.7.48.5', 'http://a.example/x.p7c'),
  }),
  authority('subject-info-access-of-another-method', 'subject-information-access-uri', {
    constraints: repository('1.3.6.1.5.5.7.48.3', 'http://a.example/x.p7c'),
  }),
  authority('subject-info-access-of-another-scheme', 'subject-information-access-uri', {
    constraints: repository('1.3.6.1.5.5.7.48.5', 'file:///x.p7c'),
  }),
  authority('name-constraints-empty', 'name-constraints-not-empty', { constraints: constraints() }),
  authority('permitted-subtrees-empty', 'name-constraints-not-empty', { constraints: permitted() }),
  authority('name-constraints-not-critical', 'extension-criticality', {
    constraints: extension(c.id.nameConstraints, seq(tlv(0xa0, seq(c.dns('example'))))),
  }),
  authority('subtree-with-maximum', 'name-constraints-subtrees', {
    constraints: permitted(seq(c.dns('example'), tlv(0x81, hex('05')))),
  }),
  authority('subtree-address-without-mask', 'name-constraints-subtrees', {
    constraints: permitted(seq(tlv(0x87, hex('0a000000')))),
  }),
  authority('subtree-mask-with-holes', 'name-constraints-subtrees', {
    constraints: permitted(seq(tlv(0x87, hex('0a000000ff00ff00')))),
  }),
  leaf('any-extended-key-usage', 'any-extended-key-usage-absent', {
    purposes: c.purposes(c.id.serverAuth, c.id.anyExtendedKeyUsage),
  }),
  ocsp('responder-with-any-extended-key-usage', 'any-extended-key-usage-absent', {
    purposes: c.purposes(c.id.ocspSigning, c.id.anyExtendedKeyUsage),
  }),
  leaf('purpose-twice', 'extended-key-usage-distinct', {
    purposes: c.purposes(c.id.serverAuth, c.id.serverAuth),
  }),
  authority('ca-with-ocsp-signing', 'ocsp-signing-only-in-responder', {
    purposes: c.purposes(c.id.serverAuth, c.id.ocspSigning),
  }),
  leaf('end-entity-with-ocsp-signing', 'ocsp-signing-only-in-responder', {
    purposes: c.purposes(c.id.ocspSigning),
  }),
  ocsp('responder-with-server-auth', 'responder-extended-key-usage', {
    purposes: c.purposes(c.id.ocspSigning, c.id.serverAuth),
  }),
  ocsp('responder-without-purpose', 'responder-extended-key-usage', { purposes: null }),
  ocsp('responder-without-nocheck', 'responder-nocheck', { noCheck: null }),
  leaf('end-entity-with-nocheck', 'responder-nocheck', { noCheck: c.noCheck }),
  ocsp('responder-with-distribution-point', 'responder-without-status-pointers', {
    distributionPoints: c.distributionPoints(c.distributionPoint(c.uri(c.urls.crl))),
  }),
  ocsp('responder-with-ocsp-location', 'responder-without-status-pointers', {
    informationAccess: c.informationAccess(c.accessDescription('1', c.uri(c.urls.ocsp))),
  }),
  {
    name: 'no-rev-avail-with-distribution-point',
    lint: 'no-rev-avail-without-status-pointers',
    der: c.shortLived({
      extensions: {
        distributionPoints: c.distributionPoints(c.distributionPoint(c.uri(c.urls.crl))),
      },
    }),
    context: asShortLived,
  },
  {
    name: 'no-rev-avail-with-ocsp-location',
    lint: 'no-rev-avail-without-status-pointers',
    der: c.shortLived({
      extensions: {
        informationAccess: c.informationAccess(c.accessDescription('1', c.uri(c.urls.ocsp))),
      },
    }),
    context: asShortLived,
  },
  {
    name: 'short-lived-without-no-rev-avail',
    lint: 'no-rev-avail-where-short-lived',
    der: c.shortLived({ extensions: { noRevAvail: null } }),
    context: asShortLived,
  },
  {
    name: 'no-rev-avail-in-a-long-lived-certificate',
    lint: 'no-rev-avail-where-short-lived',
    der: c.shortLived(),
    context: asEndEntity,
  },
  {
    name: 'no-rev-avail-in-a-ca',
    lint: 'no-rev-avail-where-short-lived',
    der: c.ca({
      extensions: { distributionPoints: null, informationAccess: null, noRevAvail: c.noRevAvail },
    }),
    context: asCa,
  },
  leaf('distribution-points-absent', 'crl-distribution-points-present', {
    distributionPoints: null,
  }),
  leaf(
    'distribution-point-https',
    'crl-distribution-points-uri',
    {
      distributionPoints: c.distributionPoints(
        c.distributionPoint(c.uri('https://localhost/0.crl')),
      ),
    },
    ['crl-distribution-points-match'],
  ),
  leaf('distribution-point-ldaps-too', 'crl-distribution-points-uri', {
    distributionPoints: c.distributionPoints(
      c.distributionPoint(c.uri(c.urls.crl), c.uri('ldaps://localhost/cn=CA')),
    ),
  }),
  leaf('distribution-point-for-some-reasons', 'crl-distribution-points-uri', {
    distributionPoints: c.distributionPoints(
      seq(tlv(0xa0, tlv(0xa0, c.uri(c.urls.crl))), tlv(0x81, hex('0640'))),
    ),
  }),
  leaf('distribution-point-of-another-crl', 'crl-distribution-points-match', {
    distributionPoints: c.distributionPoints(
      c.distributionPoint(c.uri('http://localhost:8080/crl/aa/1.crl')),
    ),
  }),
  leaf('information-access-absent', 'authority-information-access-present', {
    informationAccess: null,
  }),
  leaf(
    'ocsp-location-is-a-dns-name',
    'authority-information-access-uri',
    {
      informationAccess: c.informationAccess(
        c.accessDescription('1', c.uri(c.urls.ocsp)),
        c.accessDescription('2', c.dns('localhost')),
      ),
    },
    ['authority-information-access-match'],
  ),
  leaf('access-method-unknown', 'authority-information-access-uri', {
    informationAccess: c.informationAccess(
      c.accessDescription('1', c.uri(c.urls.ocsp)),
      c.accessDescription('3', c.uri(c.urls.ocsp)),
    ),
  }),
  leaf('ocsp-location-elsewhere', 'authority-information-access-match', {
    informationAccess: c.informationAccess(
      c.accessDescription('1', c.uri('http://elsewhere:8081/')),
    ),
  }),
  leaf('policy-twice', 'certificate-policies-distinct', {
    policies: c.policies(seq(oid('1.2.3.4')), seq(oid('1.2.3.4'))),
  }),
  leaf('cps-is-a-utf8-string', 'certificate-policies-distinct', {
    policies: c.policies(seq(oid('1.2.3.4'), c.cps(utf8String('http://localhost/cps')))),
  }),
  leaf('cps-with-a-blank', 'certificate-policies-distinct', {
    policies: c.policies(seq(oid('1.2.3.4'), c.cps(ia5('see our site')))),
  }),
];
