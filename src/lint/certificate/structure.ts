import type { CertificateLint } from '../certificate-subject.ts';

/** The bytes are one TBSCertificate with every field in its place and nothing after it (RFC 5280 §4.1). */
export const structure: CertificateLint = {
  name: 'structure',
  citation: 'RFC 5280 §4.1',
  description:
    'The bytes are one TBSCertificate with every field in its place and nothing after it',
  applies: () => true,
  check: (certificate) => certificate.defect,
};
