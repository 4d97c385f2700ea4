import type { OcspLint } from '../ocsp-subject.ts';

/** A revocationReason is an ENUMERATED of 1 to 10 without 7 and 8; unspecified (0) is left out (RFC 6960 §4.2.1; RFC 5280 §5.3.1). */
export const ocspReasonCode: OcspLint = {
  name: 'ocsp-reason-code',
  citation: 'RFC 6960 §4.2.1; RFC 5280 §5.3.1',
  description:
    'A revocationReason is an ENUMERATED of 1 to 10 without 7 and 8; unspecified (0) is left out',
  applies: ({ fields }) => fields.responses.some((response) => response.reasonCode !== undefined),
  check: ({ fields }) => {
    for (const { reasonCode } of fields.responses) {
      if (reasonCode === undefined) continue;
      const reason =
        reasonCode.tag === 0x0a && reasonCode.length === 1 ? (reasonCode.content[0] ?? 0) : 0;
      if (reason < 1 || reason > 10 || reason === 7 || reason === 8)
        return `revocationReason ${reason}`;
    }
    return undefined;
  },
};
