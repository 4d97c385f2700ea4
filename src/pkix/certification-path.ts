import { isChanceryError, type Violation } from '../domain/index.ts';
import { resolveSignatureAlgorithm } from './algorithms.ts';
import { bytesEqual } from './decoding.ts';
import { formatDistinguishedName } from './distinguished-name.ts';
import { findExtension } from './extensions/extension.ts';
import {
  parseAuthorityKeyIdentifier,
  parseSubjectKeyIdentifier,
} from './extensions/key-identifiers.ts';
import { parseBasicConstraints, parseKeyUsage } from './extensions/key-usage.ts';
import { parseSubjectAltName } from './extensions/names.ts';
import { namesEqual } from './name.ts';
import { nameConstraintViolations } from './name-constraints.ts';
import { oids } from './oids.ts';
import { importVerificationKey, verifySignature } from './signature.ts';
import type { Certificate } from './types.ts';

/** Longest path that is looked at; each step costs a signature. */
const maxLength = 12;

/**
 * Extensions that may be critical: those that are processed here or by whoever asks, and
 * certificatePolicies, which is not. Policy constraints and mappings are deliberately not
 * processed, so a path with a critical one is refused.
 */
const understood: ReadonlySet<string> = new Set([
  oids.keyUsage,
  oids.extendedKeyUsage,
  oids.basicConstraints,
  oids.subjectAltName,
  oids.nameConstraints,
  oids.certificatePolicies,
  oids.cRLDistributionPoints,
  oids.authorityKeyIdentifier,
  oids.subjectKeyIdentifier,
  oids.ocspNoCheck,
  oids.noRevAvail,
]);

/** Collects the violations of one certificate of the path; bad extension values are violations too. */
class Findings {
  readonly violations: Violation[] = [];
  private readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  add(rule: string, field: string, clause: string, message: string): void {
    this.violations.push({ rule, field, clause, message: `${this.prefix}: ${message}` });
  }

  /** The parsed value of an extension; undefined when absent or, with a violation, unreadable. */
  extension<T>(
    certificate: Certificate,
    id: string,
    parse: (value: Uint8Array) => T,
  ): T | undefined {
    const extension = findExtension(certificate.extensions, id);
    if (extension === undefined) return undefined;
    try {
      return parse(extension.value);
    } catch (error) {
      if (!isChanceryError(error)) throw error;
      this.add(
        'path-extension-malformed',
        'extensions',
        error.clause ?? 'RFC 5280 §4.2',
        error.message,
      );
      return undefined;
    }
  }
}

function isSelfIssued(certificate: Certificate): boolean {
  return namesEqual(certificate.subject, certificate.issuer);
}

function checkValidity(certificate: Certificate, now: Date, found: Findings): void {
  const { notBefore, notAfter } = certificate.validity;
  const clause = 'RFC 5280 §4.1.2.5';
  if (now < notBefore) {
    found.add(
      'path-not-yet-valid',
      'notBefore',
      clause,
      `valid from ${notBefore.toISOString()} only`,
    );
  }
  // notAfter is inclusive to the second.
  if (now.getTime() >= notAfter.getTime() + 1000) {
    found.add('path-expired', 'notAfter', clause, `expired at ${notAfter.toISOString()}`);
  }
}

function checkSignature(certificate: Certificate, issuer: Certificate, found: Findings): void {
  const clause = 'RFC 5280 §4.1.1.2';
  if (!bytesEqual(certificate.tbsSignature.der, certificate.signatureAlgorithm.der)) {
    found.add(
      'path-algorithm-mismatch',
      'signatureAlgorithm',
      clause,
      'the signature algorithms inside and outside differ',
    );
  }
  const algorithm = resolveSignatureAlgorithm(certificate.signatureAlgorithm);
  if (algorithm === undefined) {
    const { oid } = certificate.signatureAlgorithm;
    found.add(
      'path-algorithm-unknown',
      'signatureAlgorithm',
      clause,
      `signature algorithm ${oid} with these parameters is not accepted`,
    );
    return;
  }
  try {
    const key = importVerificationKey(issuer.subjectPublicKeyInfo);
    if (verifySignature(algorithm, key, certificate.tbsDer, certificate.signature)) return;
    found.add(
      'path-signature',
      'signature',
      'RFC 5280 §6.1.3',
      'the signature does not verify with the issuer’s key',
    );
  } catch (error) {
    if (!isChanceryError(error)) throw error;
    found.add('path-issuer-key', 'subjectPublicKeyInfo', 'RFC 5280 §6.1.3', error.message);
  }
}

/** The certificate against the next one up (RFC 5280 §6.1.3). */
function checkIssuedBy(certificate: Certificate, issuer: Certificate, found: Findings): void {
  if (!namesEqual(certificate.issuer, issuer.subject)) {
    found.add(
      'path-name-chaining',
      'issuer',
      'RFC 5280 §6.1.3',
      `issuer is ${JSON.stringify(formatDistinguishedName(certificate.issuer))}, the next certificate’s subject ${JSON.stringify(formatDistinguishedName(issuer.subject))} (compared as bytes)`,
    );
  }
  const authority = found.extension(
    certificate,
    oids.authorityKeyIdentifier,
    parseAuthorityKeyIdentifier,
  );
  const subject = found.extension(issuer, oids.subjectKeyIdentifier, parseSubjectKeyIdentifier);
  if (authority !== undefined && subject !== undefined && !bytesEqual(authority, subject)) {
    found.add(
      'path-key-identifier',
      'authorityKeyIdentifier',
      'RFC 5280 §4.2.1.1',
      'authorityKeyIdentifier is not the issuer’s subjectKeyIdentifier',
    );
  }
  checkSignature(certificate, issuer, found);
}

/**
 * A certificate that issues (RFC 5280 §6.1.4).
 *
 * @param below intermediate certificates under it that are not self-issued
 */
function checkIssuing(certificate: Certificate, below: number, found: Findings): void {
  if (certificate.version !== 3) {
    found.add(
      'path-version',
      'version',
      'RFC 5280 §6.1.4',
      'an issuer’s certificate must have version 3',
    );
  }
  const constraints = found.extension(certificate, oids.basicConstraints, parseBasicConstraints);
  if (constraints?.cA !== true) {
    found.add(
      'path-not-a-ca',
      'basicConstraints',
      'RFC 5280 §4.2.1.9',
      'basicConstraints does not say cA',
    );
  }
  const limit = constraints?.pathLenConstraint;
  if (limit !== undefined && below > limit) {
    found.add(
      'path-length',
      'basicConstraints',
      'RFC 5280 §4.2.1.9',
      `pathLenConstraint is ${limit}, ${below} intermediate certificates follow`,
    );
  }
  const usage = found.extension(certificate, oids.keyUsage, parseKeyUsage);
  if (usage !== undefined && !usage.includes('keyCertSign')) {
    found.add('path-key-usage', 'keyUsage', 'RFC 5280 §4.2.1.3', 'keyUsage lacks keyCertSign');
  }
}

function checkCritical(certificate: Certificate, found: Findings): void {
  for (const extension of certificate.extensions) {
    if (!extension.critical || understood.has(extension.oid)) continue;
    found.add(
      'path-critical-extension',
      'extensions',
      'RFC 5280 §4.2',
      `critical extension ${extension.oid} is not understood`,
    );
  }
}

/**
 * Verifies a certification path (RFC 5280 §6.1): signatures, names as bytes, key identifiers,
 * validity, basicConstraints, path length, key usage, name constraints of the whole path (the
 * root's too), critical extensions. The last certificate is the trust anchor; when it is
 * self-issued its own signature is checked as well. Deliberately not done: policy processing,
 * revocation, and that the anchor is one anybody trusts.
 *
 * @param leafFirst the certificate in question, its issuer, …, the root
 * @param now when given, every certificate must be valid then
 * @returns every broken rule; empty when the path is right.
 */
export function verifyChain(leafFirst: readonly Certificate[], now?: Date): Violation[] {
  if (leafFirst.length === 0 || leafFirst.length > maxLength) {
    return [
      {
        rule: 'path-size',
        field: 'chain',
        message: `a path has 1 to ${maxLength} certificates, this one ${leafFirst.length}`,
        clause: 'RFC 5280 §6.1',
      },
    ];
  }
  const violations: Violation[] = [];
  let below = 0;
  for (const [index, certificate] of leafFirst.entries()) {
    const found = new Findings(
      `certificate ${index + 1} (${JSON.stringify(formatDistinguishedName(certificate.subject))})`,
    );
    const selfIssued = isSelfIssued(certificate);
    const issuer = leafFirst[index + 1] ?? (selfIssued ? certificate : undefined);
    if (issuer !== undefined) checkIssuedBy(certificate, issuer, found);
    if (now !== undefined) checkValidity(certificate, now, found);
    checkCritical(certificate, found);
    if (index > 0) {
      checkIssuing(certificate, below, found);
      if (!selfIssued) below += 1;
    }
    const names = found.extension(certificate, oids.subjectAltName, parseSubjectAltName) ?? [];
    violations.push(...found.violations);
    // Self-issued intermediates are exempt, a self-issued leaf is not (§6.1.3 (b), (c)).
    if (index > 0 && selfIssued) continue;
    const above = leafFirst.slice(index + 1);
    violations.push(...nameConstraintViolations(above, certificate.subject, names, index === 0));
  }
  return violations;
}
