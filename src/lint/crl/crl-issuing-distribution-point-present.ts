import type { CrlLint } from '../crl-subject.ts';
import { oid } from '../encoding/oids.ts';

/** issuingDistributionPoint is present and no empty SEQUENCE (RFC 5280 §5.2.5). */
export const crlIssuingDistributionPointPresent: CrlLint = {
  name: 'crl-issuing-distribution-point-present',
  citation: 'RFC 5280 §5.2.5',
  description: 'issuingDistributionPoint is present and no empty SEQUENCE',
  applies: () => true,
  check: (crl) => {
    const value = crl.value(oid.issuingDistributionPoint);
    if (value?.tag !== 0x30) return 'issuingDistributionPoint is absent';
    return value.length === 0 ? 'issuingDistributionPoint is an empty SEQUENCE' : undefined;
  },
};
