import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';

/** keyUsage stands in every certificate whose key verifies certificates, CRLs or OCSP responses (RFC 5280 §4.2.1.3; RFC 6960 §4.2.2.2). */
export const keyUsagePresent: CertificateLint = {
  name: 'key-usage-present',
  citation: 'RFC 5280 §4.2.1.3; RFC 6960 §4.2.2.2',
  description:
    'keyUsage stands in every certificate whose key verifies certificates, CRLs or OCSP responses',
  applies: (certificate) => certificate.context.type !== 'endEntity',
  check: (certificate) => (certificate.has(oid.keyUsage) ? undefined : 'keyUsage is absent'),
};
