import { ChanceryError, type Violation } from '../domain/index.ts';
import {
  type Certificate,
  findExtension,
  formatDistinguishedName,
  type Name,
  nameIsWithin,
  oids,
  parseBasicConstraints,
  parseCertificate,
  parseKeyUsage,
  verifyChain,
} from '../pkix/index.ts';
import type { LoadedIssuer } from './loaded-issuers.ts';
import { sameBytes } from './octets.ts';

/**
 * The chain that a parent elsewhere made, checked whole before it is installed.
 *
 * @throws ChanceryError malformed, policyViolation with every violation
 */
export function checkInstalledChain(
  now: Date,
  issuer: LoadedIssuer,
  chain: readonly Uint8Array[],
): readonly Certificate[] {
  const certificates = chain.map((der) => parseCertificate(der));
  const [own] = certificates;
  if (own === undefined) {
    throw emptyChain();
  }
  if (!sameBytes(own.subjectPublicKeyInfo.der, issuer.subjectPublicKeyInfo.der)) {
    throw new ChanceryError('policyViolation', {
      message: `the first certificate of the chain is not for the key of issuer ${issuer.record.name}; put the certificate made from its CSR first`,
      field: 'chain',
    });
  }
  if (!sameName(own.subject, issuer.input.subject)) {
    throw new ChanceryError('policyViolation', {
      message: `the certificate names the subject ${formatDistinguishedName(own.subject)}, the CSR asked for ${formatDistinguishedName(issuer.input.subject)}; create the issuer with --subject as its parent will write it`,
      field: 'chain',
      clause: 'RFC 5280 §4.1.2.6',
    });
  }
  const violations = [...usableAsIssuer(own), ...verifyChain(certificates, now)];
  if (violations.length > 0) {
    throw new ChanceryError('policyViolation', {
      message: `the chain is refused: ${violations.map(({ message }) => message).join('; ')}`,
      field: 'chain',
      clause: violations[0]?.clause,
      violations,
    });
  }
  return certificates;
}

/** verifyChain judges a chain below which nothing stands; this one shall issue and sign CRLs. */
function usableAsIssuer(own: Certificate): readonly Violation[] {
  const constraints = findExtension(own.extensions, oids.basicConstraints);
  const usage = findExtension(own.extensions, oids.keyUsage);
  const bits = usage === undefined ? undefined : parseKeyUsage(usage.value);
  const rows: readonly (readonly [boolean, string, string, string])[] = [
    [
      constraints !== undefined && parseBasicConstraints(constraints.value).cA,
      'basicConstraints',
      'the certificate is no CA certificate (cA is not TRUE)',
      'RFC 5280 §4.2.1.9',
    ],
    [
      bits?.includes('keyCertSign') ?? true,
      'keyUsage',
      'the certificate may not sign certificates (keyCertSign is missing)',
      'RFC 5280 §4.2.1.3',
    ],
    [
      bits?.includes('cRLSign') ?? true,
      'keyUsage',
      'the certificate may not sign CRLs (cRLSign is missing), and its issuer signs its own',
      'RFC 5280 §4.2.1.3',
    ],
  ];
  return rows
    .filter(([holds]) => !holds)
    .map(([, field, message, clause]) => ({
      rule: 'chain.issuer',
      field,
      message,
      mend: 'have the parent sign it as a CA certificate with keyCertSign and cRLSign',
      clause,
    }));
}

/** RFC 5280 §7.1: a parent may write the name in another string type or case than the request has. */
function sameName(a: Name, b: Name): boolean {
  return a.rdns.length === b.rdns.length && nameIsWithin(a, b);
}

export function emptyChain(): ChanceryError {
  return new ChanceryError('malformed', {
    message: 'the chain holds no certificate; give PEM with the issuer’s own certificate first',
    field: 'chain',
  });
}
