import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';

/** otherName, rfc822Name, dNSName, directoryName, uniformResourceIdentifier, iPAddress, registeredID. */
const accepted = new Set([0xa0, 0x81, 0x82, 0xa4, 0x86, 0x87, 0x88]);

/** Names in subjectAltName are of a type that this CA validates: no x400Address, no ediPartyName, nothing unknown (RFC 5280 §4.2.1.6). */
export const generalNameType: CertificateLint = {
  name: 'general-name-type',
  citation: 'RFC 5280 §4.2.1.6',
  description:
    'Names in subjectAltName are of a type that this CA validates: no x400Address, no ediPartyName, nothing unknown',
  applies: (certificate) => certificate.has(oid.subjectAltName),
  check: (certificate) => {
    const odd = certificate.alternativeNames.find((name) => !accepted.has(name.tag));
    return odd === undefined
      ? undefined
      : `a GeneralName with tag 0x${odd.tag.toString(16)} at octet ${odd.start}`;
  },
};
