import { innerElement } from '../encoding/extension.ts';
import { oid } from '../encoding/oids.ts';
import { timeOf } from '../encoding/time.ts';
import type { OcspLint } from '../ocsp-subject.ts';

/** An archive cutoff is a GeneralizedTime before producedAt, beside good or revoked only (RFC 6960 §4.4.4). */
export const ocspArchiveCutoff: OcspLint = {
  name: 'ocsp-archive-cutoff',
  citation: 'RFC 6960 §4.4.4',
  description:
    'An archive cutoff is a GeneralizedTime before producedAt, beside good or revoked only',
  applies: ({ fields }) =>
    fields.responses.some(({ extensions }) =>
      extensions.some((extension) => extension.oid === oid.ocspArchiveCutoff),
    ),
  check: ({ fields }) => {
    for (const { extensions, status } of fields.responses) {
      const extension = extensions.find((one) => one.oid === oid.ocspArchiveCutoff);
      if (extension === undefined) continue;
      if (status === 'unknown') return 'an archive cutoff beside unknown';
      const value = innerElement(extension);
      if (value.tag !== 0x18 || !(timeOf(value) < timeOf(fields.producedAt)))
        return 'the archive cutoff is no GeneralizedTime before producedAt';
    }
    return undefined;
  },
};
