import type { CertificateLint } from '../certificate-subject.ts';
import { attributeName, attributeTypes, decodeString } from '../encoding/name.ts';

/** No attribute is empty or longer than its upper bound, in characters (RFC 5280 Appendix A.1). */
export const attributeLength: CertificateLint = {
  name: 'attribute-length',
  citation: 'RFC 5280 Appendix A.1',
  description: 'No attribute is empty or longer than its upper bound, in characters',
  applies: (certificate) => certificate.subjectAttributes.length > 0,
  check: (certificate) => {
    for (const { oid: type, value } of certificate.subjectAttributes) {
      // Two letters of a country are the matter of country-name.
      if (type === '2.5.4.6') continue;
      const text = decodeString(value);
      const bound = attributeTypes.get(type)?.upperBound;
      if (text === '') return `${attributeName(type)} is empty`;
      if (text !== undefined && bound !== undefined && [...text].length > bound) {
        return `${attributeName(type)} has ${[...text].length} characters; ${bound} are the most`;
      }
    }
    return undefined;
  },
};
