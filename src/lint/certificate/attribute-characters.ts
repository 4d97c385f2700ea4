import type { CertificateLint } from '../certificate-subject.ts';
import { attributeName, decodeString } from '../encoding/name.ts';

/** Each attribute holds the characters of its string type, and no control character such as NUL (X.680 §41; RFC 3629 §3). */
export const attributeCharacters: CertificateLint = {
  name: 'attribute-characters',
  citation: 'X.680 §41; RFC 3629 §3',
  description:
    'Each attribute holds the characters of its string type, and no control character such as NUL',
  applies: (certificate) => certificate.subjectAttributes.length > 0,
  check: (certificate) => {
    for (const { oid: type, value } of certificate.subjectAttributes) {
      const text = decodeString(value);
      if (text === undefined) return `${attributeName(type)} is no valid text of its string type`;
      if (/[\u0000-\u001f\u007f-\u009f]/.test(text))
        return `${attributeName(type)} holds a control character`;
      if (value.tag === 0x13 && !/^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text)) {
        return `${attributeName(type)} ${JSON.stringify(text)} holds what a PrintableString does not`;
      }
      if (value.tag === 0x16 && /[^\u0000-\u007f]/.test(text))
        return `${attributeName(type)} is not IA5`;
    }
    return undefined;
  },
};
