import type { CertificateLint } from '../certificate-subject.ts';

/**
 * Randomness can't be seen in one number; its room can. Serial numbers here are a prefix of 2
 * octets and 16 random ones, so anything below 16 octets was not drawn as intended. Zero and
 * negative numbers are left to serial-number-positive.
 */
const leastOctets = 16;

/** The serialNumber is long enough (16 octets) to hold what a generator of at least 64 random bits gave (CA/B BR §7.1). */
export const serialNumberSize: CertificateLint = {
  name: 'serial-number-size',
  citation: 'CA/B BR §7.1',
  description:
    'The serialNumber is long enough (16 octets) to hold what a generator of at least 64 random bits gave',
  applies: (certificate) => {
    const { content } = certificate.fields.serialNumber;
    return (content[0] ?? 0) < 0x80 && content.some((octet) => octet !== 0);
  },
  check: (certificate) => {
    const { content } = certificate.fields.serialNumber;
    const octets = content[0] === 0 ? content.length - 1 : content.length;
    return octets < leastOctets
      ? `the serialNumber has ${octets} octets; at least ${leastOctets} are expected`
      : undefined;
  },
};
