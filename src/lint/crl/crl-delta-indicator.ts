import type { CrlLint } from '../crl-subject.ts';
import { unsignedInteger } from '../encoding/element.ts';
import { oid } from '../encoding/oids.ts';

/** A delta CRL, and no other, has a deltaCRLIndicator: the number of the complete CRL that it starts from, below its own (RFC 5280 §5.2.4). */
export const crlDeltaIndicator: CrlLint = {
  name: 'crl-delta-indicator',
  citation: 'RFC 5280 §5.2.4',
  description:
    'A delta CRL, and no other, has a deltaCRLIndicator: the number of the complete CRL that it starts from, below its own',
  applies: () => true,
  check: (crl) => {
    const { baseCrlNumber } = crl.context;
    const value = crl.value(oid.deltaCRLIndicator);
    if (baseCrlNumber === undefined) {
      return value === undefined ? undefined : 'deltaCRLIndicator in a complete CRL';
    }
    if (value === undefined) return 'deltaCRLIndicator is absent from a delta CRL';
    const base = value.tag === 0x02 ? unsignedInteger(value.content) : undefined;
    if (base === undefined) return 'BaseCRLNumber is no INTEGER of 0 or more';
    if (base !== baseCrlNumber) return `BaseCRLNumber ${base} is not the base's, ${baseCrlNumber}`;
    const number = unsignedInteger(crl.value(oid.crlNumber)?.content ?? new Uint8Array(0));
    return number !== undefined && number <= base
      ? `cRLNumber ${number} is not above BaseCRLNumber ${base}`
      : undefined;
  },
};
