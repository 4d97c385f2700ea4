import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';

/** Only a CA certificate may carry anyExtendedKeyUsage (RFC 5280 §4.2.1.12; CA/B BR §7.1.2.7). */
export const anyExtendedKeyUsageAbsent: CertificateLint = {
  name: 'any-extended-key-usage-absent',
  citation: 'RFC 5280 §4.2.1.12; CA/B BR §7.1.2.7',
  description: 'Only a CA certificate may carry anyExtendedKeyUsage',
  applies: (certificate) => !certificate.isCa && certificate.has(oid.extKeyUsage),
  check: (certificate) =>
    certificate.extendedKeyUsage.includes(oid.anyExtendedKeyUsage)
      ? 'anyExtendedKeyUsage would let the key serve every purpose'
      : undefined,
};
