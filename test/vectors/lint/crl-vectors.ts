import type { CrlLintContext } from '../../../src/lint/index.ts';
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

export type CrlVector = c.Vector<CrlLintContext>;

export const distributionPoint = c.urls.crl;
export const crlContext: CrlLintContext = {
  issuer: c.theIssuer,
  distributionPoint,
  previous: { crlNumber: 0x0102n, thisUpdate: new Date('2026-11-20T00:00:00.750Z') },
  now: new Date('2026-11-21T12:00:00.500Z'),
};

const date = utcTime('261101000000Z');
export const entry = (serialNumber: string, ...rest: readonly Bytes[]): Bytes =>
  seq(int(serialNumber), date, ...rest);
export const serials = { a: '10 11 a1a2a3a4', b: '10 12 a1a2a3a4', c: '05' } as const;
export const reason = (value: number, critical?: boolean): Bytes =>
  extension('2.5.29.21', enumerated(value), critical);
const invalidity = (value: Bytes, critical?: boolean): Bytes =>
  extension('2.5.29.24', value, critical);

export const scope = (...parts: readonly Bytes[]): Bytes =>
  extension('2.5.29.28', seq(tlv(0xa0, tlv(0xa0, c.uri(distributionPoint))), ...parts), true);
const crlNumber = (content: string): Bytes => extension('2.5.29.20', int(content));

interface Parts {
  readonly version?: Bytes | null;
  readonly signature?: Bytes;
  readonly issuer?: Bytes;
  readonly thisUpdate?: Bytes;
  readonly nextUpdate?: Bytes | null;
  /** The whole revokedCertificates element. */
  readonly revoked?: Bytes | null;
  readonly extensions?: c.Extensions;
  readonly extensionList?: Bytes;
}

/** A TBSCertList with two entries. */
export function crl(parts: Parts = {}): Bytes {
  const extensions = Object.values({
    authorityKey: c.authorityKey(tlv(0x80, c.issuerKeyId)),
    crlNumber: crlNumber('0103'),
    scope: scope(),
    ...parts.extensions,
  }).filter((value) => value !== null);
  const revoked =
    parts.revoked === undefined
      ? seq(entry(serials.a, seq(reason(1))), entry(serials.b))
      : parts.revoked;
  return seq(
    ...(parts.version === null ? [] : [parts.version ?? int('01')]),
    parts.signature ?? c.ecdsaWithSha256,
    parts.issuer ?? c.issuerName,
    parts.thisUpdate ?? utcTime('261121120000Z'),
    ...(parts.nextUpdate === null ? [] : [parts.nextUpdate ?? utcTime('261122120000Z')]),
    ...(revoked === null ? [] : [revoked]),
    tlv(0xa0, parts.extensionList ?? seq(...extensions)),
  );
}

export const sound = (name: string, parts: Parts, context = crlContext): CrlVector => ({
  name,
  der: crl(parts),
  context,
});
const entries = (...list: readonly Bytes[]): Parts => ({ revoked: seq(...list) });
export const defect = (
  name: string,
  lint: string,
  parts: Parts,
  also: readonly string[] = [],
  context = crlContext,
): CrlVector => ({ name, lint, also, der: crl(parts), context });

export const soundCrls: readonly CrlVector[] = [
  sound('sound-crl', {}),
  sound('sound-first-crl', {}, { ...crlContext, previous: undefined }),
  sound('sound-empty-crl', { revoked: null }),
  sound(
    'sound-entries-of-different-length',
    entries(entry(serials.c, seq(reason(6))), entry(serials.a), entry(serials.b)),
  ),
  sound(
    'sound-all-entry-extensions',
    entries(
      entry(serials.a, seq(reason(10), invalidity(generalizedTime('20261031000000Z')))),
      entry(serials.b, seq(invalidity(generalizedTime('20261031000000Z')), reason(6))),
      // Neither critical nor known: relying parties ignore it.
      entry(`11${serials.b}`, seq(extension('1.3.6.1.4.1.99999.1', nul))),
    ),
  ),
  sound(
    'sound-crl-after-2050',
    {
      thisUpdate: generalizedTime('20500101000000Z'),
      nextUpdate: generalizedTime('20500102000000Z'),
      revoked: seq(
        entry(serials.a),
        seq(int(serials.b), generalizedTime('20500101000000Z'), seq(reason(4))),
      ),
    },
    { ...crlContext, now: new Date('2050-01-01T00:00:00Z') },
  ),
  sound('sound-number-of-20-octets', { extensions: { crlNumber: crlNumber('7f'.repeat(20)) } }),
];

export const crlDefects: readonly CrlVector[] = [
  {
    name: 'crl-octet-after-the-end',
    lint: 'crl-structure',
    der: join(crl(), nul),
    context: crlContext,
  },
  defect('crl-entry-without-date', 'crl-structure', entries(seq(int(serials.a)))),
  defect('crl-entry-length-past-the-list', 'crl-structure', {
    revoked: tlv(0x30, hex('3050020105')),
  }),
  defect('crl-serial-number-not-minimal', 'crl-der-canonical', entries(entry('00 10 11'))),
  defect('crl-length-not-minimal', 'crl-der-canonical', {
    revoked: longLength(seq(entry(serials.a))),
  }),
  defect(
    'crl-entry-length-not-minimal',
    'crl-der-canonical',
    entries(entry(serials.a), longLength(entry(serials.b))),
  ),
  defect('crl-number-not-minimal', 'crl-der-canonical', {
    extensions: { crlNumber: crlNumber('000103') },
  }),
  defect('crl-critical-false-encoded', 'crl-default-values-omitted', {
    extensions: {
      crlNumber: seq(oid('2.5.29.20'), bool(0), octets(int('0103'))),
    },
  }),
  defect('crl-scope-false-encoded', 'crl-default-values-omitted', {
    extensions: { scope: scope(tlv(0x81, hex('00'))) },
  }),
  defect(
    'crl-entry-critical-false-encoded',
    'crl-default-values-omitted',
    entries(entry(serials.a, seq(seq(oid('2.5.29.21'), bool(0), octets(enumerated(1)))))),
  ),
  defect('crl-version-absent', 'crl-version-v2', { version: null }),
  defect('crl-version-v3', 'crl-version-v2', { version: int('02') }),
  defect('crl-signature-with-null', 'crl-signature-algorithm', {
    signature: seq(oid('1.2.840.10045.4.3.2'), nul),
  }),
  defect('crl-signature-of-another-key-type', 'crl-signature-algorithm', {
    signature: c.sha256WithRsa,
  }),
  defect('crl-issuer-empty', 'crl-issuer-equals-issuer-subject', { issuer: seq() }),
  defect('crl-of-another-issuer', 'crl-issuer-equals-issuer-subject', {
    issuer: commonName('Another CA'),
  }),
  defect('crl-signer-without-crl-sign', 'crl-signer', {}, [], {
    ...crlContext,
    issuer: c.issuer({ extensions: { keyUsage: c.keyUsage('04', 2) } }),
  }),
  defect('crl-this-update-generalized-before-2050', 'crl-update-encoding', {
    thisUpdate: generalizedTime('20261121120000Z'),
  }),
  defect('crl-next-update-with-fraction', 'crl-update-encoding', {
    nextUpdate: generalizedTime('20510101000000.0Z'),
  }),
  defect('crl-this-update-in-the-future', 'crl-this-update-not-future', {
    thisUpdate: utcTime('261121120001Z'),
  }),
  defect('crl-next-update-absent', 'crl-next-update', { nextUpdate: null }),
  defect('crl-next-update-equals-this-update', 'crl-next-update', {
    nextUpdate: utcTime('261121120000Z'),
  }),
  defect('crl-revoked-certificates-empty', 'crl-revoked-certificates-not-empty', {
    revoked: seq(),
  }),
  defect('crl-entry-serial-number-zero', 'crl-entry-serial-number', entries(entry('00'))),
  defect('crl-entry-serial-number-negative', 'crl-entry-serial-number', entries(entry('90'))),
  defect(
    'crl-entry-serial-number-of-21-octets',
    'crl-entry-serial-number',
    entries(entry('11'.repeat(21))),
  ),
  defect(
    'crl-entry-twice-in-a-row',
    'crl-entry-unique',
    entries(entry(serials.a), entry(serials.a)),
  ),
  defect(
    'crl-entry-twice-apart',
    'crl-entry-unique',
    entries(entry(serials.a), entry(serials.b), entry(serials.c), entry(serials.a)),
  ),
  defect(
    'crl-revocation-date-generalized-before-2050',
    'crl-entry-revocation-date-encoding',
    entries(seq(int(serials.a), generalizedTime('20261101000000Z'))),
  ),
  defect(
    'crl-revocation-date-that-the-calendar-lacks',
    'crl-entry-revocation-date-encoding',
    entries(seq(int(serials.a), utcTime('261301000000Z'))),
  ),
  defect(
    'crl-revocation-date-after-this-update',
    'crl-entry-revocation-date-not-future',
    entries(seq(int(serials.a), utcTime('261121120001Z'))),
  ),
  defect(
    'crl-entry-extensions-empty',
    'crl-entry-extensions-not-empty',
    entries(entry(serials.a, seq())),
  ),
  defect(
    'crl-entry-reason-twice',
    'crl-entry-extension-unique',
    entries(entry(serials.a, seq(reason(1), reason(4)))),
  ),
  defect(
    'crl-entry-reason-critical',
    'crl-entry-extension-criticality',
    entries(entry(serials.a, seq(reason(1, true)))),
  ),
  defect(
    'crl-entry-invalidity-date-critical',
    'crl-entry-extension-criticality',
    entries(entry(serials.a, seq(invalidity(generalizedTime('20261031000000Z'), true)))),
  ),
  defect(
    'crl-entry-critical-extension-unknown',
    'crl-entry-extension-known',
    entries(entry(serials.a, seq(extension('1.3.6.1.4.1.99999.1', nul, true)))),
  ),
  defect(
    'crl-entry-reason-unspecified',
    'crl-entry-reason-code',
    entries(entry(serials.a, seq(reason(0)))),
  ),
  defect('crl-entry-reason-7', 'crl-entry-reason-code', entries(entry(serials.a, seq(reason(7))))),
  defect(
    'crl-entry-reason-11',
    'crl-entry-reason-code',
    entries(entry(serials.a, seq(reason(11)))),
  ),
  defect(
    'crl-entry-reason-is-an-integer',
    'crl-entry-reason-code',
    entries(entry(serials.a, seq(extension('2.5.29.21', int('01'))))),
  ),
  defect(
    'crl-entry-remove-from-crl',
    'crl-entry-remove-from-crl',
    entries(entry(serials.a, seq(reason(8)))),
  ),
  defect(
    'crl-entry-invalidity-date-utc',
    'crl-entry-invalidity-date',
    entries(entry(serials.a, seq(invalidity(utcTime('261031000000Z'))))),
  ),
  defect(
    'crl-entry-invalidity-date-without-seconds',
    'crl-entry-invalidity-date',
    entries(entry(serials.a, seq(invalidity(generalizedTime('202610310000Z'))))),
  ),
  defect(
    'crl-entry-of-another-issuer',
    'crl-entry-certificate-issuer',
    entries(entry(serials.a, seq(extension('2.5.29.29', seq(tlv(0xa4, commonName('x'))), true)))),
  ),
  defect('crl-extensions-empty', 'crl-extensions-not-empty', { extensionList: seq() }, [
    'crl-authority-key-identifier',
    'crl-number',
    'crl-issuing-distribution-point-present',
  ]),
  defect('crl-extension-twice', 'crl-extension-unique', {
    extensions: { again: crlNumber('0103') },
  }),
  defect('crl-number-critical', 'crl-extension-criticality', {
    extensions: { crlNumber: extension('2.5.29.20', int('0103'), true) },
  }),
  defect('crl-scope-not-critical', 'crl-extension-criticality', {
    extensions: {
      scope: extension('2.5.29.28', seq(tlv(0xa0, tlv(0xa0, c.uri(distributionPoint))))),
    },
  }),
  defect(
    'crl-freshest-crl-critical',
    'crl-extension-criticality',
    {
      extensions: {
        freshest: extension('2.5.29.46', seq(c.distributionPoint(c.uri(distributionPoint))), true),
      },
    },
    [],
    { ...crlContext, freshestCrl: distributionPoint },
  ),
  defect('crl-critical-extension-unknown', 'crl-extension-criticality', {
    extensions: { odd: extension('1.3.6.1.4.1.99999.1', nul, true) },
  }),
  defect('crl-authority-key-identifier-absent', 'crl-authority-key-identifier', {
    extensions: { authorityKey: null },
  }),
  defect('crl-authority-key-identifier-of-another-key', 'crl-authority-key-identifier', {
    extensions: { authorityKey: c.authorityKey(tlv(0x80, c.subjectKeyId)) },
  }),
  defect('crl-number-absent', 'crl-number', { extensions: { crlNumber: null } }),
  defect('crl-number-negative', 'crl-number', { extensions: { crlNumber: crlNumber('81') } }),
  defect('crl-number-of-21-octets', 'crl-number', {
    extensions: { crlNumber: crlNumber('11'.repeat(21)) },
  }),
  defect('crl-number-repeated', 'crl-number-increases', {
    extensions: { crlNumber: crlNumber('0102') },
  }),
  defect('crl-this-update-goes-back', 'crl-number-increases', {}, [], {
    ...crlContext,
    previous: { crlNumber: 1n, thisUpdate: new Date('2026-11-21T12:00:01Z') },
  }),
  defect('crl-scope-absent', 'crl-issuing-distribution-point-present', {
    extensions: { scope: null },
  }),
  defect('crl-scope-empty', 'crl-issuing-distribution-point-present', {
    extensions: { scope: extension('2.5.29.28', seq(), true) },
  }),
  defect('crl-scope-of-another-url', 'crl-issuing-distribution-point-matches', {}, [], {
    ...crlContext,
    distributionPoint: distributionPoint.replace('localhost', 'LOCALHOST'),
  }),
  defect('crl-scope-indirect', 'crl-scope', {
    extensions: { scope: scope(tlv(0x84, hex('ff'))) },
  }),
  defect('crl-scope-some-reasons', 'crl-scope', {
    extensions: { scope: scope(tlv(0x83, hex('0640'))) },
  }),
  defect('crl-scope-users-and-cas', 'crl-scope', {
    extensions: { scope: scope(tlv(0x81, hex('ff')), tlv(0x82, hex('ff'))) },
  }),
  // Beyond what any lint looks at: an extension type of more octets than the parser reads.
  defect('crl-extension-type-of-200-octets', 'crl-strict-parse', {
    extensions: { odd: seq(tlv(0x06, hex(`2a${'01'.repeat(199)}`)), octets(nul)) },
  }),
];
