import type { CertificateLint } from '../certificate-subject.ts';
import { formatTime, timeOf } from '../encoding/time.ts';

/** The certificate does not outlive its issuer (RFC 5280 §6.1). */
export const validityWithinIssuer: CertificateLint = {
  name: 'validity-within-issuer',
  citation: 'RFC 5280 §6.1',
  description: 'The certificate does not outlive its issuer',
  applies: (certificate) => certificate.issuer !== undefined,
  check: (certificate) => {
    const limit = certificate.issuer?.validity.notAfter.getTime() ?? 0;
    const notAfter = timeOf(certificate.fields.notAfter);
    return notAfter > limit
      ? `notAfter ${formatTime(notAfter)} is after the issuer's ${formatTime(limit)}`
      : undefined;
  },
};
