import { isChanceryError } from '../../domain/index.ts';
import { parseTbsCertList } from '../../pkix/index.ts';
import type { CrlLint } from '../crl-subject.ts';

/** The strict parser that relying code uses reads the bytes but the entries; it runs when no other lint failed, and names what none foresaw (RFC 5280 §5.1). */
export const crlStrictParse: CrlLint = {
  name: 'crl-strict-parse',
  citation: 'RFC 5280 §5.1',
  description:
    'The strict parser that relying code uses reads the bytes but the entries; it runs when no other lint failed, and names what none foresaw',
  applies: () => true,
  check: (crl) => {
    try {
      parseTbsCertList(crl.outline.der);
      return undefined;
    } catch (error) {
      if (isChanceryError(error)) return error.message;
      throw error;
    }
  },
};
