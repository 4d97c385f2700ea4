import type { CrlLint } from '../crl-subject.ts';
import { timeDefect } from '../encoding/time.ts';

/** thisUpdate and nextUpdate are UTCTime through 2049 and GeneralizedTime from 2050, with seconds and Z (RFC 5280 §5.1.2.4, §5.1.2.5). */
export const crlUpdateEncoding: CrlLint = {
  name: 'crl-update-encoding',
  citation: 'RFC 5280 §5.1.2.4, §5.1.2.5',
  description:
    'thisUpdate and nextUpdate are UTCTime through 2049 and GeneralizedTime from 2050, with seconds and Z',
  applies: () => true,
  check: (crl) => {
    const { thisUpdate, nextUpdate } = crl.fields;
    const first = timeDefect(thisUpdate);
    if (first !== undefined) return `thisUpdate: ${first}`;
    const second = nextUpdate === undefined ? undefined : timeDefect(nextUpdate);
    return second === undefined ? undefined : `nextUpdate: ${second}`;
  },
};
