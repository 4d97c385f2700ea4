import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';

/** A CA certificate has a non-empty subject; any other names its subject in the subject field or in subjectAltName (RFC 5280 §4.1.2.6). */
export const subjectPresent: CertificateLint = {
  name: 'subject-present',
  citation: 'RFC 5280 §4.1.2.6',
  description:
    'A CA certificate has a non-empty subject; any other names its subject in the subject field or in subjectAltName',
  applies: (certificate) => certificate.subjectEmpty,
  check: (certificate) => {
    if (certificate.isCa) return 'the subject of a CA certificate is empty';
    return certificate.has(oid.subjectAltName)
      ? undefined
      : 'neither subject nor subjectAltName names anyone';
  },
};
