import type { Extension, GeneralName } from '../../src/pkix/index.ts';
import { encodeSubjectAltName } from '../../src/pkix/index.ts';
import {
  type ApplyProfileResult,
  applyProfile,
  type RequestOverrides,
  requestFromCsr,
} from '../../src/policy/index.ts';
import {
  makeRequest,
  makeSoftwareIssuer,
  nextSerialNumber,
  productProfile,
  softwareKey,
} from './software-issuer.ts';

/** The moment at which requests of tests are decided. */
export const decisionTime = new Date('2026-11-21T12:00:00Z');

/** The issuing CA under which requests of tests are decided, valid at `decisionTime`. */
export const decidingIssuer = makeSoftwareIssuer({ parent: makeSoftwareIssuer() });

export const dnsName = (value: string): GeneralName => ({ type: 'dNSName', value });
export const subjectAltName = (...names: GeneralName[]): Extension =>
  encodeSubjectAltName(names, false);

/** What a profile of the product decides about a CSR with this subject (RFC 4514) and these extensions. */
export function decide(
  profile: string,
  subject: string,
  extensions: readonly Extension[],
  overrides: RequestOverrides = {},
  algorithm: 'p256' | 'rsa2048' | 'ed25519' = 'p256',
): ApplyProfileResult {
  return applyProfile({
    profile: productProfile(profile),
    request: requestFromCsr(makeRequest(softwareKey(algorithm), subject, extensions), overrides),
    issuer: decidingIssuer.input,
    now: decisionTime,
    serialNumber: nextSerialNumber(),
  });
}

/** The rules that such a request breaks; fails when one comes without clause. */
export function refusals(...parameters: Parameters<typeof decide>): readonly string[] {
  const result = decide(...parameters);
  if (result.ok) return [];
  const silent = result.violations.find(({ clause, mend }) => clause === '' || mend === '');
  if (silent !== undefined) throw new Error(`rule ${silent.rule} gives no clause`);
  return result.violations.map(({ rule }) => rule);
}
