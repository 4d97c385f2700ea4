/** What kind of CRL it is: delta or complete, of which certificates, with or without what expired. */
import type { CrlLintContext } from '../../../src/lint/index.ts';
import * as c from './certificate-parts.ts';
import {
  type CrlVector,
  crlContext,
  defect,
  distributionPoint,
  entry,
  reason,
  scope,
  serials,
  sound,
} from './crl-vectors.ts';
import type { Bytes } from './der.ts';
import { extension, generalizedTime, hex, int, seq, tlv, utcTime } from './der.ts';

const delta = (base: string): Bytes => extension('2.5.29.27', int(base), true);
const deltaContext: CrlLintContext = { ...crlContext, baseCrlNumber: 0x0102n };
const freshestCrl = distributionPoint.replace('.crl', '-delta.crl');
const freshest = (url = freshestCrl): Bytes =>
  extension('2.5.29.46', seq(seq(tlv(0xa0, tlv(0xa0, c.uri(url))))));
const kept = (since: Bytes): Bytes => extension('2.5.29.60', since);
const keepingContext: CrlLintContext = {
  ...crlContext,
  expiredCertsOnCrl: new Date('2025-01-01T00:00:00Z'),
};

export const soundKinds: readonly CrlVector[] = [
  sound(
    'sound-user-certificates-only',
    { extensions: { scope: scope(tlv(0x81, hex('ff'))) } },
    { ...crlContext, scope: 'endEntity' },
  ),
  sound(
    'sound-ca-certificates-only',
    { extensions: { scope: scope(tlv(0x82, hex('ff'))) } },
    { ...crlContext, scope: 'ca' },
  ),
  sound(
    'sound-delta',
    { revoked: seq(entry(serials.a, seq(reason(8)))), extensions: { delta: delta('0102') } },
    deltaContext,
  ),
  sound(
    'sound-complete-with-deltas',
    { extensions: { freshest: freshest() } },
    { ...crlContext, freshestCrl },
  ),
  sound(
    'sound-expired-kept',
    { extensions: { kept: kept(generalizedTime('20250101000000Z')) } },
    keepingContext,
  ),
];

export const kindDefects: readonly CrlVector[] = [
  defect('crl-complete-with-delta-indicator', 'crl-delta-indicator', {
    extensions: { delta: delta('01') },
  }),
  defect('crl-delta-without-indicator', 'crl-delta-indicator', {}, [], deltaContext),
  ...['01', '0103', '82'].map((base) =>
    defect(
      `crl-delta-of-base-${base}`,
      'crl-delta-indicator',
      { extensions: { delta: delta(base) } },
      [],
      base === '0103' ? { ...deltaContext, baseCrlNumber: 0x0103n } : deltaContext,
    ),
  ),
  defect(
    'crl-delta-indicator-not-critical',
    'crl-extension-criticality',
    { extensions: { delta: extension('2.5.29.27', int('0102')) } },
    [],
    deltaContext,
  ),
  defect(
    'crl-freshest-in-a-delta',
    'crl-freshest',
    { extensions: { delta: delta('0102'), freshest: freshest() } },
    [],
    deltaContext,
  ),
  defect('crl-freshest-without-deltas', 'crl-freshest', { extensions: { freshest: freshest() } }),
  defect('crl-freshest-absent', 'crl-freshest', {}, [], { ...crlContext, freshestCrl }),
  ...[`${freshestCrl}x`, freshestCrl.replace('http:', 'https:')].map((url) =>
    defect(
      `crl-freshest-at-${url}`,
      'crl-freshest',
      { extensions: { freshest: freshest(url) } },
      [],
      { ...crlContext, freshestCrl },
    ),
  ),
  defect('crl-expired-kept-absent', 'crl-expired-certs', {}, [], keepingContext),
  defect('crl-expired-not-kept', 'crl-expired-certs', {
    extensions: { kept: kept(generalizedTime('20250101000000Z')) },
  }),
  ...[utcTime('250101000000Z'), generalizedTime('20250101000001Z')].map((since, index) =>
    defect(
      `crl-expired-kept-since-another-time-${index}`,
      'crl-expired-certs',
      { extensions: { kept: kept(since) } },
      [],
      keepingContext,
    ),
  ),
  defect(
    'crl-scope-not-of-its-certificates',
    'crl-scope',
    { extensions: { scope: scope(tlv(0x81, hex('ff'))) } },
    [],
    { ...crlContext, scope: 'ca' },
  ),
];
