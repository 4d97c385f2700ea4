import type { CrlLint } from '../crl-subject.ts';
import { oid } from '../encoding/oids.ts';

/** cRLNumber is present, not negative and no longer than 20 octets (RFC 5280 §5.2.3). */
export const crlNumber: CrlLint = {
  name: 'crl-number',
  citation: 'RFC 5280 §5.2.3',
  description: 'cRLNumber is present, not negative and no longer than 20 octets',
  applies: () => true,
  check: (crl) => {
    const value = crl.value(oid.crlNumber);
    if (value?.tag !== 0x02) return 'cRLNumber is absent or no INTEGER';
    if (value.length > 20) return `cRLNumber has ${value.length} octets`;
    return (value.content[0] ?? 0) >= 0x80 ? 'cRLNumber is negative' : undefined;
  },
};
