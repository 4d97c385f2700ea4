import type { CertificateLint } from '../certificate-subject.ts';
import { timeDefect } from '../encoding/time.ts';

/** notBefore and notAfter are UTCTime through 2049 and GeneralizedTime from 2050, with seconds and Z (RFC 5280 §4.1.2.5). */
export const validityEncoding: CertificateLint = {
  name: 'validity-encoding',
  citation: 'RFC 5280 §4.1.2.5',
  description:
    'notBefore and notAfter are UTCTime through 2049 and GeneralizedTime from 2050, with seconds and Z',
  applies: () => true,
  check: (certificate) => {
    const before = timeDefect(certificate.fields.notBefore);
    if (before !== undefined) return `notBefore: ${before}`;
    const after = timeDefect(certificate.fields.notAfter);
    return after === undefined ? undefined : `notAfter: ${after}`;
  },
};
