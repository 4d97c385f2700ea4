import type { CertificateLint } from '../certificate-subject.ts';
import { timeOf } from '../encoding/time.ts';

/** notBefore is not after notAfter (RFC 5280 §4.1.2.5). */
export const validityOrder: CertificateLint = {
  name: 'validity-order',
  citation: 'RFC 5280 §4.1.2.5',
  description: 'notBefore is not after notAfter',
  applies: () => true,
  check: (certificate) => {
    const { notBefore, notAfter } = certificate.fields;
    return timeOf(notBefore) > timeOf(notAfter)
      ? `notBefore ${notBefore.text} is after notAfter ${notAfter.text}`
      : undefined;
  },
};
