import type { CrlLint } from '../crl-subject.ts';
import { formatTime, timeOf } from '../encoding/time.ts';

/** thisUpdate is not in the future (RFC 5280 §5.1.2.4). */
export const crlThisUpdateNotFuture: CrlLint = {
  name: 'crl-this-update-not-future',
  citation: 'RFC 5280 §5.1.2.4',
  description: 'thisUpdate is not in the future',
  applies: () => true,
  check: (crl) => {
    const thisUpdate = timeOf(crl.fields.thisUpdate);
    const now = crl.context.now.getTime();
    return thisUpdate > now
      ? `thisUpdate ${formatTime(thisUpdate)} is after now, ${crl.context.now.toISOString()}`
      : undefined;
  },
};
