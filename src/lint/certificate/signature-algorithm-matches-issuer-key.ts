import type { CertificateLint } from '../certificate-subject.ts';
import { signatureKeyType, subjectKeyType } from '../encoding/signature-algorithm.ts';

/** The signature algorithm is one that the issuer's key can make (RFC 5280 §4.1.1.2). */
export const signatureAlgorithmMatchesIssuerKey: CertificateLint = {
  name: 'signature-algorithm-matches-issuer-key',
  citation: 'RFC 5280 §4.1.1.2',
  description: "The signature algorithm is one that the issuer's key can make",
  applies: () => true,
  check: (certificate) => {
    const wanted = signatureKeyType(certificate.fields.signature);
    const key =
      certificate.issuer?.subjectPublicKeyInfo.key.type ??
      subjectKeyType(certificate.fields.subjectPublicKeyInfo);
    // An algorithm outside the registry is the finding of signature-algorithm.
    return wanted === undefined || wanted === key
      ? undefined
      : `a signature of type ${wanted} by an issuer whose key is of type ${key ?? 'unknown'}`;
  },
};
