import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';

/** keyUsage has at least one bit set (RFC 5280 §4.2.1.3). */
export const keyUsageNotEmpty: CertificateLint = {
  name: 'key-usage-not-empty',
  citation: 'RFC 5280 §4.2.1.3',
  description: 'keyUsage has at least one bit set',
  applies: (certificate) => certificate.has(oid.keyUsage),
  check: (certificate) => (certificate.keyUsage.size === 0 ? 'keyUsage has no bit set' : undefined),
};
