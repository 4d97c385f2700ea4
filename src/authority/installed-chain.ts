import { ChanceryError } from '../domain/index.ts';
import {
  type Certificate,
  formatDistinguishedName,
  parseCertificate,
  verifyChain,
} from '../pkix/index.ts';
import type { LoadedIssuer } from './loaded-issuers.ts';

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
  if (!sameBytes(own.subject.der, issuer.record.subject)) {
    throw new ChanceryError('policyViolation', {
      message: `the certificate names the subject ${formatDistinguishedName(own.subject)}, the CSR asked for ${formatDistinguishedName(issuer.input.subject)}; create the issuer with --subject as its parent will write it`,
      field: 'chain',
      clause: 'RFC 5280 §4.1.2.6',
    });
  }
  const violations = verifyChain(certificates, now);
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

export function emptyChain(): ChanceryError {
  return new ChanceryError('malformed', {
    message: 'the chain holds no certificate; give PEM with the issuer’s own certificate first',
    field: 'chain',
  });
}

/** Whether two DER encodings are the same. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
