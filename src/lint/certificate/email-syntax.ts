import type { CertificateLint } from '../certificate-subject.ts';

/** Dot-string local part, host of one label or more; a quoted local part is deliberately refused. */
const mailbox =
  /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i;

/** Each rfc822Name is local-part@host, without a display name or brackets (RFC 5280 §4.2.1.6; RFC 5321 §4.1.2). */
export const emailSyntax: CertificateLint = {
  name: 'email-syntax',
  citation: 'RFC 5280 §4.2.1.6; RFC 5321 §4.1.2',
  description: 'Each rfc822Name is local-part@host, without a display name or brackets',
  applies: (certificate) => certificate.alternativeNames.some((name) => name.tag === 0x81),
  check: (certificate) => {
    for (const { tag, text } of certificate.alternativeNames) {
      if (tag !== 0x81 || !/^[\x21-\x7e]*$/.test(text)) continue;
      if (text.length > 254 || text.includes('..') || !mailbox.test(text)) {
        return `rfc822Name ${JSON.stringify(text)} is no mailbox`;
      }
    }
    return undefined;
  },
};
