import { isChanceryError } from '../../domain/index.ts';
import { resolveSignatureAlgorithm } from '../algorithms.ts';
import { bytesEqual } from '../decoding.ts';
import { formatDistinguishedName } from '../distinguished-name.ts';
import {
  parseAuthorityKeyIdentifier,
  parseSubjectKeyIdentifier,
} from '../extensions/key-identifiers.ts';
import { parseBasicConstraints, parseKeyUsage } from '../extensions/key-usage.ts';
import { namesEqual } from '../name.ts';
import { oids } from '../oids.ts';
import { importVerificationKey, verifySignature } from '../signature.ts';
import type { Findings } from './findings.ts';

/**
 * Extensions that may be critical: those that are processed here, and those that are processed by
 * whoever asks (key purposes, where the status is).
 */
const understood: ReadonlySet<string> = new Set([
  oids.keyUsage,
  oids.extendedKeyUsage,
  oids.basicConstraints,
  oids.subjectAltName,
  oids.nameConstraints,
  oids.certificatePolicies,
  oids.policyMappings,
  oids.policyConstraints,
  oids.inhibitAnyPolicy,
  oids.cRLDistributionPoints,
  oids.authorityKeyIdentifier,
  oids.subjectKeyIdentifier,
  oids.ocspNoCheck,
  oids.noRevAvail,
]);

/** §6.1.3 (a)(2). */
export function checkValidity(found: Findings, now: Date): void {
  const { notBefore, notAfter } = found.certificate.validity;
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

function checkSignature(found: Findings, { certificate: issuer }: Findings): void {
  const { certificate } = found;
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
export function checkIssuedBy(found: Findings, issuer: Findings): void {
  const name = found.certificate.issuer;
  const above = issuer.certificate.subject;
  if (!namesEqual(name, above)) {
    found.add(
      'path-name-chaining',
      'issuer',
      'RFC 5280 §6.1.3',
      `issuer is ${JSON.stringify(formatDistinguishedName(name))}, the next certificate’s subject ${JSON.stringify(formatDistinguishedName(above))} (compared as bytes)`,
    );
  }
  const authority = found.extension(oids.authorityKeyIdentifier, parseAuthorityKeyIdentifier);
  const subject = issuer.extension(oids.subjectKeyIdentifier, parseSubjectKeyIdentifier);
  if (authority !== undefined && subject !== undefined && !bytesEqual(authority, subject)) {
    found.add(
      'path-key-identifier',
      'authorityKeyIdentifier',
      'RFC 5280 §4.2.1.1',
      'authorityKeyIdentifier is not the issuer’s subjectKeyIdentifier',
    );
  }
  checkSignature(found, issuer);
}

/**
 * A certificate that issues (RFC 5280 §6.1.4).
 *
 * @param below intermediate certificates under it that are not self-issued
 */
export function checkIssuing(found: Findings, below: number): void {
  if (found.certificate.version !== 3) {
    found.add(
      'path-version',
      'version',
      'RFC 5280 §6.1.4',
      'an issuer’s certificate must have version 3',
    );
  }
  const constraints = found.extension(oids.basicConstraints, parseBasicConstraints);
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
  const usage = found.extension(oids.keyUsage, parseKeyUsage);
  if (usage !== undefined && !usage.includes('keyCertSign')) {
    found.add('path-key-usage', 'keyUsage', 'RFC 5280 §4.2.1.3', 'keyUsage lacks keyCertSign');
  }
}

/** §6.1.4 (o), §6.1.5 (f). */
export function checkCritical(found: Findings): void {
  for (const extension of found.certificate.extensions) {
    if (!extension.critical || understood.has(extension.oid)) continue;
    found.add(
      'path-critical-extension',
      'extensions',
      'RFC 5280 §4.2',
      `critical extension ${extension.oid} is not understood`,
    );
  }
}
