import type { Element } from '../encoding/element.ts';
import { timeOf } from '../encoding/time.ts';
import type { OcspLint } from '../ocsp-subject.ts';

function wrong(time: Element | undefined): boolean {
  return time !== undefined && (time.tag !== 0x18 || Number.isNaN(timeOf(time)));
}

/** Every time is a GeneralizedTime YYYYMMDDHHMMSSZ without a fraction (RFC 6960 §4.2.2.1; RFC 9919 §3.2.4). */
export const ocspTimeEncoding: OcspLint = {
  name: 'ocsp-time-encoding',
  citation: 'RFC 6960 §4.2.2.1; RFC 9919 §3.2.4',
  description: 'Every time is a GeneralizedTime YYYYMMDDHHMMSSZ without a fraction',
  applies: () => true,
  check: ({ fields }) => {
    if (wrong(fields.producedAt)) return `producedAt ${JSON.stringify(fields.producedAt.text)}`;
    for (const { thisUpdate, nextUpdate, revocationTime } of fields.responses) {
      if (wrong(thisUpdate)) return `thisUpdate ${JSON.stringify(thisUpdate.text)}`;
      if (wrong(nextUpdate)) return `nextUpdate ${JSON.stringify(nextUpdate?.text)}`;
      if (wrong(revocationTime)) return `revocationTime ${JSON.stringify(revocationTime?.text)}`;
    }
    return undefined;
  },
};
