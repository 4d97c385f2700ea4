import { timeOf } from '../encoding/time.ts';
import type { OcspLint } from '../ocsp-subject.ts';

/** The responder's certificate is valid from thisUpdate to nextUpdate of every SingleResponse, and at producedAt (RFC 9919 §3.2.4). */
export const ocspDelegateValidity: OcspLint = {
  name: 'ocsp-delegate-validity',
  citation: 'RFC 9919 §3.2.4',
  description:
    "The responder's certificate is valid from thisUpdate to nextUpdate of every SingleResponse, and at producedAt",
  applies: () => true,
  check: ({ fields, context: { delegate, timesOfCrl = false } }) => {
    const from = delegate.validity.notBefore.getTime();
    const to = delegate.validity.notAfter.getTime();
    const outside = (time: number) => time < from || time > to;
    for (const { thisUpdate, nextUpdate } of fields.responses) {
      if (
        (!timesOfCrl && outside(timeOf(thisUpdate))) ||
        (nextUpdate !== undefined && outside(timeOf(nextUpdate)))
      ) {
        return "the responder's certificate does not span thisUpdate to nextUpdate";
      }
    }
    return outside(timeOf(fields.producedAt))
      ? "producedAt is outside the responder's validity"
      : undefined;
  },
};
