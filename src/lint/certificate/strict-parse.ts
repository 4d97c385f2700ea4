import { isChanceryError } from '../../domain/index.ts';
import { parseTbsCertificate } from '../../pkix/index.ts';
import type { CertificateLint } from '../certificate-subject.ts';

/** The strict parser that relying code uses reads the bytes; it runs when no other lint failed, and names what none foresaw (RFC 5280 §4.1). */
export const strictParse: CertificateLint = {
  name: 'strict-parse',
  citation: 'RFC 5280 §4.1',
  description:
    'The strict parser that relying code uses reads the bytes; it runs when no other lint failed, and names what none foresaw',
  applies: () => true,
  check: (certificate) => {
    try {
      parseTbsCertificate(certificate.der);
      return undefined;
    } catch (error) {
      if (isChanceryError(error)) return error.message;
      throw error;
    }
  },
};
