import type { CertificateLint } from '../certificate-subject.ts';

const textual = new Set([0x81, 0x82, 0x86]);

/** dNSName, rfc822Name and URI hold visible ASCII only: no NUL, no blank, no octet above 7E (RFC 5280 §4.2.1.6). */
export const generalNameIa5: CertificateLint = {
  name: 'general-name-ia5',
  citation: 'RFC 5280 §4.2.1.6',
  description:
    'dNSName, rfc822Name and URI hold visible ASCII only: no NUL, no blank, no octet above 7E',
  applies: (certificate) => certificate.alternativeNames.some((name) => textual.has(name.tag)),
  check: (certificate) => {
    for (const name of certificate.alternativeNames) {
      if (textual.has(name.tag) && !/^[\x21-\x7e]*$/.test(name.text)) {
        return `${JSON.stringify(name.text)} holds an octet that is no visible ASCII`;
      }
    }
    return undefined;
  },
};
