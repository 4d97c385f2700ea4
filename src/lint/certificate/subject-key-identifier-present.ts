import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';

/** subjectKeyIdentifier stands in every certificate (a MUST in CA certificates, a SHOULD in others) (RFC 5280 §4.2.1.2). */
export const subjectKeyIdentifierPresent: CertificateLint = {
  name: 'subject-key-identifier-present',
  citation: 'RFC 5280 §4.2.1.2',
  description:
    'subjectKeyIdentifier stands in every certificate (a MUST in CA certificates, a SHOULD in others)',
  applies: () => true,
  check: (certificate) =>
    (certificate.value(oid.subjectKeyIdentifier)?.length ?? 0) > 0
      ? undefined
      : 'subjectKeyIdentifier is absent or empty',
};
