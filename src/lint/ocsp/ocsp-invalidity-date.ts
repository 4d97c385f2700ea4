import { innerElement } from '../encoding/extension.ts';
import { oid } from '../encoding/oids.ts';
import { timeOf } from '../encoding/time.ts';
import type { OcspLint } from '../ocsp-subject.ts';

/** An invalidityDate is a GeneralizedTime, beside revoked only (RFC 6960 §4.4.5; RFC 5280 §5.3.2). */
export const ocspInvalidityDate: OcspLint = {
  name: 'ocsp-invalidity-date',
  citation: 'RFC 6960 §4.4.5; RFC 5280 §5.3.2',
  description: 'An invalidityDate is a GeneralizedTime, beside revoked only',
  applies: ({ fields }) =>
    fields.responses.some(({ extensions }) =>
      extensions.some((extension) => extension.oid === oid.invalidityDate),
    ),
  check: ({ fields }) => {
    for (const { extensions, status } of fields.responses) {
      const extension = extensions.find((one) => one.oid === oid.invalidityDate);
      if (extension === undefined) continue;
      if (status !== 'revoked') return `an invalidityDate beside ${status}`;
      const value = innerElement(extension);
      if (value.tag !== 0x18 || Number.isNaN(timeOf(value)))
        return 'the invalidityDate is no GeneralizedTime to the second';
    }
    return undefined;
  },
};
