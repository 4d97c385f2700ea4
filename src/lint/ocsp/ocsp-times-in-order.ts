import { timeOf } from '../encoding/time.ts';
import type { OcspLint } from '../ocsp-subject.ts';

/** thisUpdate is not after producedAt, and producedAt is not in the future (RFC 6960 §2.4; RFC 9919 §3.2.4). */
export const ocspTimesInOrder: OcspLint = {
  name: 'ocsp-times-in-order',
  citation: 'RFC 6960 §2.4; RFC 9919 §3.2.4',
  description: 'thisUpdate is not after producedAt, and producedAt is not in the future',
  applies: () => true,
  check: ({ fields, context }) => {
    // A revocationTime is not compared with producedAt: with two clocks a second apart the answer
    // "revoked" would be held back, which is the worse mistake.
    const producedAt = timeOf(fields.producedAt);
    if (producedAt > context.now.getTime())
      return `producedAt ${fields.producedAt.text} is in the future`;
    const late = fields.responses.find((response) => timeOf(response.thisUpdate) > producedAt);
    return late === undefined
      ? undefined
      : `thisUpdate ${late.thisUpdate.text} is after producedAt`;
  },
};
