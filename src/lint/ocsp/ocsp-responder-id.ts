import { equalBytes } from '../encoding/element.ts';
import type { OcspLint } from '../ocsp-subject.ts';
import { certificateHashes } from '../ocsp-subject.ts';

/** responderID is the SHA-1 hash of the responder's key without tag, length and unused bits, or its certificate's subject (RFC 6960 §4.2.1; RFC 9919 §3.2.2). */
export const ocspResponderId: OcspLint = {
  name: 'ocsp-responder-id',
  citation: 'RFC 6960 §4.2.1; RFC 9919 §3.2.2',
  description:
    "responderID is the SHA-1 hash of the responder's key without tag, length and unused bits, or its certificate's subject",
  applies: () => true,
  check: (response) => {
    const { responderID } = response.fields;
    const { delegate } = response.context;
    const inner = responderID.child(0);
    if (responderID.tag === 0xa1) {
      return inner !== undefined && equalBytes(inner.bytes, delegate.subject.der)
        ? undefined
        : "responderID is not the subject of the responder's certificate";
    }
    if (inner?.tag !== 0x04) return 'responderID is neither byKey nor byName';
    const expected = certificateHashes(delegate, '1.3.14.3.2.26')?.key;
    return expected !== undefined && equalBytes(inner.content, expected)
      ? undefined
      : "responderID is not the SHA-1 hash of the responder's key";
  },
};
