import type { CertificateLint } from '../certificate-subject.ts';

/** The issuer is a non-empty distinguished name (RFC 5280 §4.1.2.4). */
export const issuerNotEmpty: CertificateLint = {
  name: 'issuer-not-empty',
  citation: 'RFC 5280 §4.1.2.4',
  description: 'The issuer is a non-empty distinguished name',
  applies: () => true,
  check: (certificate) =>
    certificate.fields.issuer.length === 0 ? 'the issuer is an empty name' : undefined,
};
