/**
 * Lints over the bytes that are about to be signed. They read the bytes with a reader of their
 * own and never see the value that produced them. All functions are pure.
 */

import { certificateLints } from './certificate/index.ts';
import type { CertificateLintContext } from './certificate-subject.ts';
import { CertificateSubject } from './certificate-subject.ts';
import { crlLints } from './crl/index.ts';
import { CrlLinter } from './crl-linter.ts';
import type { CrlLintContext } from './crl-subject.ts';
import type { LintDescription, LintResult } from './lint.ts';
import { runLints } from './lint.ts';
import { ocspLints } from './ocsp/index.ts';
import type { OcspLintContext } from './ocsp-subject.ts';
import { OcspSubject } from './ocsp-subject.ts';

export type { CertificateLintContext } from './certificate-subject.ts';
export { CrlLinter } from './crl-linter.ts';
export type { CrlLintContext } from './crl-subject.ts';
export type { LintDescription, LintResult } from './lint.ts';
export type { OcspLintContext } from './ocsp-subject.ts';

/** The failing lints of a TBSCertificate (RFC 5280 §4.1); empty when it may be signed. Never throws for what the bytes hold. */
export function lintCertificate(tbsDer: Uint8Array, context: CertificateLintContext): LintResult[] {
  return runLints(new CertificateSubject(tbsDer, context), certificateLints);
}

/**
 * The failing lints of a TBSCertList (RFC 5280 §5.1); empty when it may be signed. One pass over
 * the entries: a million take a fraction of a second. Never throws for what the bytes hold.
 * `CrlLinter` does the same for octets that come in chunks.
 */
export function lintCrl(tbsDer: Uint8Array, context: CrlLintContext): LintResult[] {
  const linter = new CrlLinter(context);
  linter.write(tbsDer);
  return linter.end();
}

/**
 * The failing lints of a ResponseData (RFC 6960 §4.2.1); empty when it may be signed. Cheap: it
 * runs on every signed answer. Never throws for what the bytes hold.
 */
export function lintOcspResponse(
  responseDataDer: Uint8Array,
  context: OcspLintContext,
): LintResult[] {
  return runLints(new OcspSubject(responseDataDer, context), ocspLints);
}

/** Every lint, for the documentation. */
export const allLints: readonly LintDescription[] = (
  [
    ['certificate', certificateLints],
    ['crl', crlLints],
    ['ocspResponse', ocspLints],
  ] as const
).flatMap(([appliesTo, set]) =>
  [...set.gates, ...set.lints, ...set.backstops].map(({ name, citation, description }) => ({
    name,
    citation,
    appliesTo,
    description,
  })),
);
