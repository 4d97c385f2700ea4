import type { CrlLint } from '../crl-subject.ts';
import { equalBytes } from '../encoding/element.ts';

/** The issuer is a non-empty name and, octet for octet, the subject of the issuer's certificate (RFC 5280 §5.1.2.3). */
export const crlIssuerEqualsIssuerSubject: CrlLint = {
  name: 'crl-issuer-equals-issuer-subject',
  citation: 'RFC 5280 §5.1.2.3',
  description:
    "The issuer is a non-empty name and, octet for octet, the subject of the issuer's certificate",
  applies: () => true,
  check: (crl) => {
    const { issuer } = crl.fields;
    if (issuer.length === 0) return 'the issuer is an empty name';
    return equalBytes(issuer.bytes, crl.context.issuer.subject.der)
      ? undefined
      : "the issuer differs from the subject in the issuer's certificate";
  },
};
