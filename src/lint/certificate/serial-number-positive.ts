import type { CertificateLint } from '../certificate-subject.ts';

/** The serialNumber is positive and no longer than 20 octets (RFC 5280 §4.1.2.2). */
export const serialNumberPositive: CertificateLint = {
  name: 'serial-number-positive',
  citation: 'RFC 5280 §4.1.2.2',
  description: 'The serialNumber is positive and no longer than 20 octets',
  applies: () => true,
  check: (certificate) => {
    const { content } = certificate.fields.serialNumber;
    if (content.length > 20) return `the serialNumber has ${content.length} octets`;
    if ((content[0] ?? 0) >= 0x80) return 'the serialNumber is negative';
    return content.every((octet) => octet === 0) ? 'the serialNumber is 0' : undefined;
  },
};
