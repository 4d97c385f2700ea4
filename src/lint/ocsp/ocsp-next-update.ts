import { timeOf } from '../encoding/time.ts';
import type { OcspLint } from '../ocsp-subject.ts';

/** nextUpdate is present, after thisUpdate and after now (RFC 9919 §3.2.4; RFC 6960 §4.2.2.1). */
export const ocspNextUpdate: OcspLint = {
  name: 'ocsp-next-update',
  citation: 'RFC 9919 §3.2.4; RFC 6960 §4.2.2.1',
  description: 'nextUpdate is present, after thisUpdate and after now',
  applies: () => true,
  check: ({ fields, context }) => {
    for (const { thisUpdate, nextUpdate } of fields.responses) {
      if (nextUpdate === undefined) return 'nextUpdate is absent';
      if (timeOf(nextUpdate) <= timeOf(thisUpdate)) return 'nextUpdate is not after thisUpdate';
      if (timeOf(nextUpdate) <= context.now.getTime()) return 'nextUpdate is past';
    }
    return undefined;
  },
};
