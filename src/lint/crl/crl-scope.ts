import type { CrlLint } from '../crl-subject.ts';
import { oid } from '../encoding/oids.ts';

/** The CRL covers all reasons and is not indirect; the onlyContains flag of its scope is set, and no other (RFC 5280 §5.2.5). */
export const crlScope: CrlLint = {
  name: 'crl-scope',
  citation: 'RFC 5280 §5.2.5',
  description:
    'The CRL covers all reasons and is not indirect; the onlyContains flag of its scope is set, and no other',
  applies: (crl) => crl.has(oid.issuingDistributionPoint),
  check: (crl) => {
    // Whether a flag tells the truth (no CA among user certificates) can't be seen in serial
    // numbers: publication compares with the inventory.
    const parts = crl.value(oid.issuingDistributionPoint)?.children ?? [];
    const set = (tag: number) => parts.some((part) => part.tag === tag && part.content[0] !== 0);
    if (set(0x84)) return 'indirectCRL is set';
    if (set(0x85)) return 'onlyContainsAttributeCerts is set';
    if (parts.some((part) => part.tag === 0x83)) return 'onlySomeReasons is set';
    if (set(0x81) && set(0x82)) return 'onlyContainsUserCerts and onlyContainsCACerts are both set';
    const { scope = 'all' } = crl.context;
    if (set(0x81) !== (scope === 'endEntity') || set(0x82) !== (scope === 'ca')) {
      return `the onlyContains flags are not those of the scope ${scope}`;
    }
    return undefined;
  },
};
