import type { CrlLint } from '../crl-subject.ts';

/** Each entry's serialNumber is positive and no longer than 20 octets (RFC 5280 §4.1.2.2, §5.1.2.6). */
export const crlEntrySerialNumber: CrlLint = {
  name: 'crl-entry-serial-number',
  citation: 'RFC 5280 §4.1.2.2, §5.1.2.6',
  description: "Each entry's serialNumber is positive and no longer than 20 octets",
  applies: (crl) => crl.hasEntries,
  check: (crl) => crl.entries.serialNumber,
};
