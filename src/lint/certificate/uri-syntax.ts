import type { CertificateLint } from '../certificate-subject.ts';

/** Each URI is absolute: a scheme and a part of its own, and an authority where it has one is not empty (RFC 5280 §4.2.1.6; RFC 3986 §3). */
export const uriSyntax: CertificateLint = {
  name: 'uri-syntax',
  citation: 'RFC 5280 §4.2.1.6; RFC 3986 §3',
  description:
    'Each URI is absolute: a scheme and a part of its own, and an authority where it has one is not empty',
  applies: (certificate) => certificate.alternativeNames.some((name) => name.tag === 0x86),
  check: (certificate) => {
    for (const { tag, text } of certificate.alternativeNames) {
      if (tag !== 0x86 || !/^[\x21-\x7e]*$/.test(text)) continue;
      if (
        !/^[a-z][a-z0-9+.-]*:[^<>"{}|\\^`]+$/i.test(text) ||
        /^[^:]*:\/\/(?:[/?#]|$)/.test(text)
      ) {
        return `URI ${JSON.stringify(text)} is not absolute`;
      }
    }
    return undefined;
  },
};
