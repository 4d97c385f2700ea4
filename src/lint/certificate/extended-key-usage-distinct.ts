import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';

/** No purpose is listed twice (RFC 5280 §4.2.1.12). */
export const extendedKeyUsageDistinct: CertificateLint = {
  name: 'extended-key-usage-distinct',
  citation: 'RFC 5280 §4.2.1.12',
  description: 'No purpose is listed twice',
  applies: (certificate) => certificate.has(oid.extKeyUsage),
  check: (certificate) => {
    const { extendedKeyUsage } = certificate;
    return new Set(extendedKeyUsage).size === extendedKeyUsage.length
      ? undefined
      : 'a purpose stands twice';
  },
};
