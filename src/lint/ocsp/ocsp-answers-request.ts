import { equalBytes } from '../encoding/element.ts';
import type { OcspLint } from '../ocsp-subject.ts';

/** Each CertID asked is answered once, echoed octet for octet, and nothing else is (RFC 6960 §4.2.2.3). */
export const ocspAnswersRequest: OcspLint = {
  name: 'ocsp-answers-request',
  citation: 'RFC 6960 §4.2.2.3',
  description: 'Each CertID asked is answered once, echoed octet for octet, and nothing else is',
  applies: ({ context }) => context.requested !== undefined,
  check: ({ fields, context }) => {
    const requested = context.requested ?? [];
    const { responses } = fields;
    if (responses.length !== requested.length) {
      return `${responses.length} responses to ${requested.length} requests`;
    }
    // Same order as asked; RFC 6960 does not require it, and clients that assume it exist.
    const odd = requested.findIndex((certID, index) => {
      const answered = responses[index]?.certID.bytes;
      return answered === undefined || !equalBytes(answered, certID.der);
    });
    return odd < 0 ? undefined : `response ${odd + 1} is not about the CertID that was asked`;
  },
};
