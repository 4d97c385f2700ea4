import { equalBytes } from '../encoding/element.ts';
import type { OcspLint } from '../ocsp-subject.ts';
import { certificateHashes } from '../ocsp-subject.ts';

/** responderID is byKey: the SHA-1 hash of the responder's key without tag, length and unused bits (RFC 9919 §3.2.2; RFC 6960 §4.2.1). */
export const ocspResponderId: OcspLint = {
  name: 'ocsp-responder-id',
  citation: 'RFC 9919 §3.2.2; RFC 6960 §4.2.1',
  description:
    "responderID is byKey: the SHA-1 hash of the responder's key without tag, length and unused bits",
  applies: () => true,
  check: (response) => {
    const { responderID } = response.fields;
    const key = responderID.child(0);
    if (responderID.tag !== 0xa2 || key?.tag !== 0x04) return 'responderID is not byKey';
    const expected = certificateHashes(response.context.delegate, '1.3.14.3.2.26')?.key;
    return expected !== undefined && equalBytes(key.content, expected)
      ? undefined
      : "responderID is not the SHA-1 hash of the responder's key";
  },
};
