import type { OcspLint } from '../ocsp-subject.ts';

/** Every serialNumber is positive and no longer than 20 octets; no other can have been issued, and requests for one are refused (RFC 6960 §4.1.1; RFC 5280 §4.1.2.2). */
export const ocspCertIdSerialNumber: OcspLint = {
  name: 'ocsp-cert-id-serial-number',
  citation: 'RFC 6960 §4.1.1; RFC 5280 §4.1.2.2',
  description:
    'Every serialNumber is positive and no longer than 20 octets; no other can have been issued, and requests for one are refused',
  applies: ({ fields }) => fields.responses.length > 0,
  check: ({ fields }) => {
    for (const { serialNumber } of fields.responses) {
      const { content } = serialNumber;
      if ((content[0] ?? 0) >= 0x80) return 'a negative serialNumber';
      if (content.length > 20) return `a serialNumber of ${content.length} octets`;
      if (content.every((octet) => octet === 0)) return 'serialNumber 0';
    }
    return undefined;
  },
};
