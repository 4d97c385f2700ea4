import type { CertificateLint } from '../certificate-subject.ts';
import { signatureAlgorithmDefect } from '../encoding/signature-algorithm.ts';

/** The signature algorithm is one of the registry's, its parameters exactly as its RFC asks (RFC 5280 §4.1.2.3; RFC 4055 §3.1, §5; RFC 5758 §3.2; RFC 8410 §3). */
export const signatureAlgorithm: CertificateLint = {
  name: 'signature-algorithm',
  citation: 'RFC 5280 §4.1.2.3; RFC 4055 §3.1, §5; RFC 5758 §3.2; RFC 8410 §3',
  description:
    "The signature algorithm is one of the registry's, its parameters exactly as its RFC asks",
  applies: () => true,
  check: (certificate) => signatureAlgorithmDefect(certificate.fields.signature),
};
