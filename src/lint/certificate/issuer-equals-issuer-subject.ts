import type { CertificateLint } from '../certificate-subject.ts';
import { equalBytes } from '../encoding/element.ts';

/** The issuer is, octet for octet, the subject of the issuer's certificate (self-signed: its own subject) (RFC 5280 §4.1.2.4). */
export const issuerEqualsIssuerSubject: CertificateLint = {
  name: 'issuer-equals-issuer-subject',
  citation: 'RFC 5280 §4.1.2.4',
  description:
    "The issuer is, octet for octet, the subject of the issuer's certificate (self-signed: its own subject)",
  applies: (certificate) => certificate.fields.issuer.length > 0,
  check: (certificate) => {
    const subject = certificate.issuer?.subject.der ?? certificate.fields.subject.bytes;
    return equalBytes(certificate.fields.issuer.bytes, subject)
      ? undefined
      : "the issuer differs from the subject in the issuer's certificate";
  },
};
