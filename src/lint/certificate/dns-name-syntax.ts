import type { CertificateLint } from '../certificate-subject.ts';

const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

/** Each dNSName is in preferred name syntax, at most with a whole leftmost label * (RFC 5280 §4.2.1.6; RFC 1034 §3.5; RFC 6125 §6.4.3). */
export const dnsNameSyntax: CertificateLint = {
  name: 'dns-name-syntax',
  citation: 'RFC 5280 §4.2.1.6; RFC 1034 §3.5; RFC 6125 §6.4.3',
  description: 'Each dNSName is in preferred name syntax, at most with a whole leftmost label *',
  applies: (certificate) => certificate.alternativeNames.some((name) => name.tag === 0x82),
  check: (certificate) => {
    for (const { tag, text } of certificate.alternativeNames) {
      // Octets that are no visible ASCII are the finding of general-name-ia5.
      if (tag !== 0x82 || !/^[\x21-\x7e]*$/.test(text)) continue;
      if (text.length > 253) return `dNSName of ${text.length} octets; 253 are the most`;
      const labels = text.split('.');
      const rest = labels[0] === '*' && labels.length > 1 ? labels.slice(1) : labels;
      if (!rest.every((part) => label.test(part))) {
        return `dNSName ${JSON.stringify(text)} is not in preferred name syntax`;
      }
      if (/^[0-9]+$/.test(rest[rest.length - 1] ?? '')) {
        return `dNSName ${text} ends in a number: an address belongs into iPAddress`;
      }
    }
    return undefined;
  },
};
