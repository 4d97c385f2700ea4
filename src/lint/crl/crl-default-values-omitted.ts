import type { CrlLint } from '../crl-subject.ts';
import { oid, oidName } from '../encoding/oids.ts';

/** A value that equals its DEFAULT is not encoded (X.690 §11.5). */
export const crlDefaultValuesOmitted: CrlLint = {
  name: 'crl-default-values-omitted',
  citation: 'X.690 §11.5',
  description: 'A value that equals its DEFAULT is not encoded',
  applies: (crl) => crl.extensions.length > 0 || crl.hasEntries,
  check: (crl) => {
    const flag = crl.extensions.find((extension) => extension.defaultEncoded);
    if (flag !== undefined)
      return `${oidName(flag.oid)}: critical FALSE is the DEFAULT and must be left out`;
    const scope = crl.value(oid.issuingDistributionPoint);
    const off = scope?.children.find(
      (part) => [0x81, 0x82, 0x84, 0x85].includes(part.tag) && part.content[0] === 0,
    );
    if (off !== undefined)
      return `issuingDistributionPoint [${off.tag & 0x1f}] FALSE is the DEFAULT and must be left out`;
    return crl.entries.defaultEncoded;
  },
};
