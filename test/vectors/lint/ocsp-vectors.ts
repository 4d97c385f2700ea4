import { createHash } from 'node:crypto';
import type { OcspLintContext } from '../../../src/lint/index.ts';
import type { CertID } from '../../../src/pkix/index.ts';
import * as c from './certificate-parts.ts';
import type { Bytes } from './der.ts';
import {
  bool,
  commonName,
  enumerated,
  extension,
  generalizedTime,
  hex,
  int,
  join,
  longLength,
  nul,
  octets,
  oid,
  seq,
  tlv,
  utcTime,
} from './der.ts';

export type OcspVector = c.Vector<OcspLintContext>;

const sha = (algorithm: string, bytes: Uint8Array): Bytes =>
  Uint8Array.from(createHash(algorithm).update(bytes).digest());
const issuerKey = c.theIssuer.subjectPublicKeyInfo.subjectPublicKey;

/** A CertID of the issuer; `name` and `key` are hashed. */
const certId = (
  digest: 'sha1' | 'sha256',
  serial: string,
  name: Uint8Array = c.theIssuer.subject.der,
  key: Uint8Array = issuerKey,
): Bytes =>
  seq(
    seq(oid(digest === 'sha1' ? '1.3.14.3.2.26' : '2.16.840.1.101.3.4.2.1'), nul),
    octets(sha(digest, name)),
    octets(sha(digest, key)),
    int(serial),
  );
/** What the request held: lints look at its bytes alone. */
const asked = (der: Bytes): CertID => ({
  der,
  hashAlgorithm: { oid: '', der: new Uint8Array() },
  issuerNameHash: new Uint8Array(),
  issuerKeyHash: new Uint8Array(),
  serialNumber: '',
});

const sha1Id = certId('sha1', c.serial);
const sha256Id = certId('sha256', `11${c.serial}`);
const nonceOctets = hex('00112233445566778899aabbccddeeff');
export const theDelegate = c.certificate(c.responder());

export const ocspContext: OcspLintContext = {
  issuer: c.theIssuer,
  delegate: theDelegate,
  now: new Date('2026-11-21T12:00:00.500Z'),
  nonce: nonceOctets,
  requested: [asked(sha1Id), asked(sha256Id)],
};
const inAdvance: OcspLintContext = { ...ocspContext, nonce: undefined, requested: undefined };

const time = generalizedTime;
const good = tlv(0x80);
const unknown = tlv(0x82);
const revoked = (when: Bytes, ...reason: readonly Bytes[]): Bytes =>
  tlv(0xa1, when, ...reason.map((value) => tlv(0xa0, value)));
const hold = revoked(time('20261101000000Z'), enumerated(6));

interface Single {
  readonly id?: Bytes;
  readonly status?: Bytes;
  readonly thisUpdate?: Bytes;
  readonly nextUpdate?: Bytes | null;
  readonly rest?: readonly Bytes[];
}
const single = (parts: Single = {}): Bytes =>
  seq(
    parts.id ?? sha1Id,
    parts.status ?? good,
    parts.thisUpdate ?? time('20261121115500Z'),
    ...(parts.nextUpdate === null ? [] : [tlv(0xa0, parts.nextUpdate ?? time('20261121130000Z'))]),
    ...(parts.rest ?? []),
  );
const second = single({ id: sha256Id, status: hold });

const nonce = (value: Bytes, critical?: boolean): Bytes =>
  extension('1.3.6.1.5.5.7.48.1.2', octets(value), critical);
const byKey = tlv(0xa2, octets(sha('sha1', theDelegate.subjectPublicKeyInfo.subjectPublicKey)));

interface Parts {
  readonly version?: Bytes;
  readonly responderID?: Bytes;
  readonly producedAt?: Bytes;
  readonly responses?: readonly Bytes[];
  readonly extensions?: readonly Bytes[] | null;
}

/** A ResponseData with two responses and the nonce. */
export function responseData(parts: Parts = {}): Bytes {
  return seq(
    ...(parts.version === undefined ? [] : [parts.version]),
    parts.responderID ?? byKey,
    parts.producedAt ?? time('20261121120000Z'),
    seq(...(parts.responses ?? [single(), second])),
    ...(parts.extensions === null
      ? []
      : [tlv(0xa1, seq(...(parts.extensions ?? [nonce(nonceOctets)])))]),
  );
}

const defect = (
  name: string,
  lint: string,
  parts: Parts,
  context: OcspLintContext = ocspContext,
  also: readonly string[] = [],
): OcspVector => ({ name, lint, also, der: responseData(parts), context });
/** A defect in the first of the two responses. */
const first = (name: string, lint: string, parts: Single): OcspVector =>
  defect(name, lint, { responses: [single(parts), second] });
const delegate = (name: string, lint: string, parts: c.Parts): OcspVector =>
  defect(name, lint, {}, { ...ocspContext, delegate: c.certificate(c.responder(parts)) });

const neverIssued = revoked(time('19700101000000Z'), enumerated(6));
const extendedRevoke = extension('1.3.6.1.5.5.7.48.1.9', nul);
const singleExtensions = (...list: readonly Bytes[]): Bytes => tlv(0xa1, seq(...list));
const cutoffOf = (value: Bytes): Bytes => extension('1.3.6.1.5.5.7.48.1.6', value);
const invalidOf = (value: Bytes): Bytes => extension('2.5.29.24', value);
const both = singleExtensions(
  cutoffOf(time('20191121120000Z')),
  invalidOf(time('20261030000000Z')),
);
const plain = { extensions: null } as const;
const alone = (name: string, lint: string, parts: Single): OcspVector =>
  defect(name, lint, { responses: [single(parts)], ...plain }, inAdvance);

export const soundResponses: readonly OcspVector[] = [
  { name: 'sound-response', der: responseData(), context: ocspContext },
  {
    name: 'sound-response-in-advance',
    der: responseData({ extensions: null }),
    context: inAdvance,
  },
  {
    name: 'sound-unknown-of-another-issuer',
    der: responseData({
      responses: [single({ id: certId('sha1', '05', commonName('x')), status: unknown })],
      extensions: null,
    }),
    context: inAdvance,
  },
  {
    name: 'sound-never-issued-as-revoked',
    der: responseData({
      responses: [single({ status: neverIssued })],
      extensions: [extendedRevoke],
    }),
    context: inAdvance,
  },
  {
    name: 'sound-responder-by-name',
    der: responseData({ responderID: tlv(0xa1, theDelegate.subject.der) }),
    context: ocspContext,
  },
  {
    name: 'sound-single-extensions',
    der: responseData({ responses: [single({ status: hold, rest: [both] })], ...plain }),
    context: inAdvance,
  },
  {
    name: 'sound-extended-revoke-announced',
    der: responseData({ responses: [single()], extensions: [extendedRevoke] }),
    context: inAdvance,
  },
  {
    name: 'sound-this-update-of-a-crl-before-the-delegate',
    der: responseData({ responses: [single()], extensions: null }),
    context: {
      ...inAdvance,
      timesOfCrl: true,
      delegate: c.certificate(
        c.responder({ validity: c.validity(utcTime('261121115501Z'), utcTime('261201000000Z')) }),
      ),
    },
  },
];

export const ocspDefects: readonly OcspVector[] = [
  {
    name: 'ocsp-octet-after-the-end',
    lint: 'ocsp-structure',
    der: join(responseData(), nul),
    context: ocspContext,
  },
  first('ocsp-status-3', 'ocsp-structure', { status: tlv(0x83) }),
  defect('ocsp-version-encoded', 'ocsp-der-canonical', { version: tlv(0xa0, int('00')) }),
  defect('ocsp-length-not-minimal', 'ocsp-der-canonical', {
    responses: [longLength(single()), second],
  }),
  defect('ocsp-critical-false-encoded', 'ocsp-der-canonical', {
    extensions: [seq(oid('1.3.6.1.5.5.7.48.1.2'), bool(0), octets(octets(nonceOctets)))],
  }),
  defect(
    'ocsp-no-responses',
    'ocsp-responses-not-empty',
    { responses: [], extensions: null },
    inAdvance,
  ),
  defect('ocsp-responder-by-another-name', 'ocsp-responder-id', {
    responderID: tlv(0xa1, commonName('OCSP respondes')),
  }),
  defect('ocsp-responder-hash-with-unused-bits-octet', 'ocsp-responder-id', {
    responderID: tlv(
      0xa2,
      octets(sha('sha1', join(hex('00'), theDelegate.subjectPublicKeyInfo.subjectPublicKey))),
    ),
  }),
  delegate('ocsp-delegate-of-another-ca', 'ocsp-delegate', { issuer: commonName('Another CA') }),
  delegate('ocsp-delegate-of-another-key', 'ocsp-delegate', {
    extensions: { authorityKey: c.authorityKey(tlv(0x80, c.subjectKeyId)) },
  }),
  delegate('ocsp-delegate-without-ocsp-signing', 'ocsp-delegate', {
    extensions: { purposes: c.purposes(c.id.serverAuth) },
  }),
  delegate('ocsp-delegate-without-nocheck', 'ocsp-delegate', { extensions: { noCheck: null } }),
  delegate('ocsp-delegate-without-digital-signature', 'ocsp-delegate', {
    extensions: { keyUsage: c.keyUsage('08', 3) },
  }),
  delegate('ocsp-delegate-ends-before-next-update', 'ocsp-delegate-validity', {
    validity: c.validity(utcTime('261101000000Z'), utcTime('261121125959Z')),
  }),
  delegate('ocsp-delegate-begins-after-this-update', 'ocsp-delegate-validity', {
    validity: c.validity(utcTime('261121115501Z'), utcTime('261201000000Z')),
  }),
  defect('ocsp-produced-at-with-fraction', 'ocsp-time-encoding', {
    producedAt: time('20261121120000.5Z'),
  }),
  first('ocsp-this-update-utc-time', 'ocsp-time-encoding', {
    thisUpdate: utcTime('261121115500Z'),
  }),
  first('ocsp-revocation-time-without-seconds', 'ocsp-time-encoding', {
    status: revoked(time('202611010000Z')),
  }),
  defect('ocsp-produced-at-in-the-future', 'ocsp-times-in-order', {
    producedAt: time('20261121120001Z'),
  }),
  first('ocsp-this-update-after-produced-at', 'ocsp-times-in-order', {
    thisUpdate: time('20261121120001Z'),
  }),
  first('ocsp-next-update-absent', 'ocsp-next-update', { nextUpdate: null }),
  first('ocsp-next-update-past', 'ocsp-next-update', { nextUpdate: time('20261121120000Z') }),
  defect('ocsp-one-of-two-answered', 'ocsp-answers-request', { responses: [single()] }),
  defect('ocsp-answers-swapped', 'ocsp-answers-request', { responses: [second, single()] }),
  first('ocsp-certid-in-another-hash', 'ocsp-answers-request', { id: certId('sha256', c.serial) }),
  defect(
    'ocsp-good-for-another-name',
    'ocsp-cert-id-issuer',
    { responses: [single({ id: certId('sha1', c.serial, commonName('x')) })], extensions: null },
    inAdvance,
  ),
  defect(
    'ocsp-revoked-for-another-key',
    'ocsp-cert-id-issuer',
    {
      responses: [single({ id: certId('sha1', c.serial, undefined, c.point), status: hold })],
      extensions: null,
    },
    { ...inAdvance, issuer: c.issuer({ key: c.ed25519Key }) },
  ),
  defect(
    'ocsp-unknown-for-a-negative-serial-number',
    'ocsp-cert-id-serial-number',
    { responses: [single({ id: certId('sha1', '90'), status: unknown })], extensions: null },
    inAdvance,
  ),
  defect(
    'ocsp-good-for-serial-number-zero',
    'ocsp-cert-id-serial-number',
    { responses: [single({ id: certId('sha1', '00') })], extensions: null },
    inAdvance,
  ),
  first('ocsp-reason-unspecified', 'ocsp-reason-code', {
    status: revoked(time('20261101000000Z'), enumerated(0)),
  }),
  first('ocsp-reason-remove-from-crl', 'ocsp-reason-code', {
    status: revoked(time('20261101000000Z'), enumerated(8)),
  }),
  first('ocsp-never-issued-without-extended-revoke', 'ocsp-extended-revoke', {
    status: neverIssued,
  }),
  defect(
    'ocsp-never-issued-without-hold',
    'ocsp-extended-revoke',
    {
      responses: [single({ status: revoked(time('19700101000000Z'), enumerated(1)) })],
      extensions: [extendedRevoke],
    },
    inAdvance,
  ),
  defect(
    'ocsp-extended-revoke-not-null',
    'ocsp-extended-revoke',
    {
      responses: [single({ status: neverIssued })],
      extensions: [extension('1.3.6.1.5.5.7.48.1.9', seq())],
    },
    inAdvance,
  ),
  defect(
    'ocsp-extended-revoke-announced-with-content',
    'ocsp-extended-revoke',
    { responses: [single()], extensions: [extension('1.3.6.1.5.5.7.48.1.9', octets(hex('00')))] },
    inAdvance,
  ),
  defect(
    'ocsp-never-issued-with-invalidity-date',
    'ocsp-extended-revoke',
    {
      responses: [
        single({
          status: neverIssued,
          rest: [singleExtensions(invalidOf(time('20261030000000Z')))],
        }),
      ],
      extensions: [extendedRevoke],
    },
    inAdvance,
  ),
  alone('ocsp-archive-cutoff-beside-unknown', 'ocsp-archive-cutoff', {
    status: unknown,
    rest: [singleExtensions(cutoffOf(time('20191121120000Z')))],
  }),
  alone('ocsp-archive-cutoff-in-the-future', 'ocsp-archive-cutoff', {
    rest: [singleExtensions(cutoffOf(time('20261121120000Z')))],
  }),
  alone('ocsp-archive-cutoff-utc-time', 'ocsp-archive-cutoff', {
    rest: [singleExtensions(cutoffOf(utcTime('191121120000Z')))],
  }),
  alone('ocsp-invalidity-date-beside-good', 'ocsp-invalidity-date', {
    rest: [singleExtensions(invalidOf(time('20261030000000Z')))],
  }),
  alone('ocsp-invalidity-date-with-fraction', 'ocsp-invalidity-date', {
    status: hold,
    rest: [singleExtensions(invalidOf(time('20261030000000.5Z')))],
  }),
  alone('ocsp-nonce-of-one-certificate', 'ocsp-extension-place', {
    rest: [singleExtensions(nonce(nonceOctets))],
  }),
  defect(
    'ocsp-invalidity-date-of-the-response',
    'ocsp-extension-place',
    { responses: [single()], extensions: [invalidOf(time('20261030000000Z'))] },
    inAdvance,
  ),
  defect('ocsp-nonce-missing', 'ocsp-nonce', { extensions: null }),
  defect('ocsp-nonce-of-another', 'ocsp-nonce', {
    extensions: [nonce(hex('ff112233445566778899aabbccddeeff'))],
  }),
  defect('ocsp-nonce-that-nobody-sent', 'ocsp-nonce', {}, { ...ocspContext, nonce: undefined }),
  defect(
    'ocsp-nonce-empty',
    'ocsp-nonce',
    { extensions: [nonce(new Uint8Array())] },
    {
      ...ocspContext,
      nonce: new Uint8Array(),
    },
  ),
  defect(
    'ocsp-nonce-of-129-octets',
    'ocsp-nonce',
    { extensions: [nonce(new Uint8Array(129))] },
    {
      ...ocspContext,
      nonce: new Uint8Array(129),
    },
  ),
  defect('ocsp-nonce-not-wrapped', 'ocsp-nonce', {
    extensions: [extension('1.3.6.1.5.5.7.48.1.2', tlv(0x80, nonceOctets))],
  }),
  defect('ocsp-nonce-critical', 'ocsp-extension-criticality', {
    extensions: [nonce(nonceOctets, true)],
  }),
  defect('ocsp-nonce-twice', 'ocsp-extension-criticality', {
    extensions: [nonce(nonceOctets), nonce(nonceOctets)],
  }),
  defect('ocsp-extensions-empty', 'ocsp-extension-criticality', { extensions: [] }, inAdvance),
];
