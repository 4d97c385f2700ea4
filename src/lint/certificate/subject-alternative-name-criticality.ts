import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';

/** subjectAltName is critical exactly when the subject is empty (RFC 5280 §4.2.1.6). */
export const subjectAlternativeNameCriticality: CertificateLint = {
  name: 'subject-alternative-name-criticality',
  citation: 'RFC 5280 §4.2.1.6',
  description: 'subjectAltName is critical exactly when the subject is empty',
  applies: (certificate) => certificate.has(oid.subjectAltName),
  check: (certificate) => {
    const critical = certificate.extension(oid.subjectAltName)?.critical ?? false;
    if (critical === certificate.subjectEmpty) return undefined;
    return critical
      ? 'subjectAltName is critical although the subject is not empty'
      : 'subjectAltName must be critical because the subject is empty';
  },
};
