import type { CertificateLint } from '../certificate-subject.ts';

/** issuerUniqueID and subjectUniqueID are not used (RFC 5280 §4.1.2.8). */
export const uniqueIdentifiersAbsent: CertificateLint = {
  name: 'unique-identifiers-absent',
  citation: 'RFC 5280 §4.1.2.8',
  description: 'issuerUniqueID and subjectUniqueID are not used',
  applies: () => true,
  check: ({ fields }) =>
    fields.issuerUniqueID === undefined && fields.subjectUniqueID === undefined
      ? undefined
      : 'a unique identifier is present',
};
