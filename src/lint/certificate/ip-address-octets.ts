import type { CertificateLint } from '../certificate-subject.ts';

/** Each iPAddress has 4 octets (IPv4) or 16 (IPv6) (RFC 5280 §4.2.1.6). */
export const ipAddressOctets: CertificateLint = {
  name: 'ip-address-octets',
  citation: 'RFC 5280 §4.2.1.6',
  description: 'Each iPAddress has 4 octets (IPv4) or 16 (IPv6)',
  applies: (certificate) => certificate.alternativeNames.some((name) => name.tag === 0x87),
  check: (certificate) => {
    const odd = certificate.alternativeNames.find(
      (name) => name.tag === 0x87 && name.length !== 4 && name.length !== 16,
    );
    return odd === undefined ? undefined : `an iPAddress of ${odd.length} octets`;
  },
};
