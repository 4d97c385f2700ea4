import type { CrlLint } from '../crl-subject.ts';
import { timeOf } from '../encoding/time.ts';

/** nextUpdate is present and after thisUpdate (RFC 5280 §5.1.2.5). */
export const crlNextUpdate: CrlLint = {
  name: 'crl-next-update',
  citation: 'RFC 5280 §5.1.2.5',
  description: 'nextUpdate is present and after thisUpdate',
  applies: () => true,
  check: (crl) => {
    const { thisUpdate, nextUpdate } = crl.fields;
    if (nextUpdate === undefined) return 'nextUpdate is absent';
    return timeOf(nextUpdate) <= timeOf(thisUpdate)
      ? `nextUpdate ${nextUpdate.text} is not after thisUpdate ${thisUpdate.text}`
      : undefined;
  },
};
