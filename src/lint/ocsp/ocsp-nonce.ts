import { equalBytes } from '../encoding/element.ts';
import { innerElement } from '../encoding/extension.ts';
import { oid } from '../encoding/oids.ts';
import type { OcspLint } from '../ocsp-subject.ts';

/** A nonce is the one that was sent, 1 to 128 octets; none stands where none was sent (RFC 9654 §2.1; RFC 9919 §3.2.1). */
export const ocspNonce: OcspLint = {
  name: 'ocsp-nonce',
  citation: 'RFC 9654 §2.1; RFC 9919 §3.2.1',
  description: 'A nonce is the one that was sent, 1 to 128 octets; none stands where none was sent',
  applies: (response) =>
    response.context.nonce !== undefined || response.extension(oid.ocspNonce) !== undefined,
  check: (response) => {
    const sent = response.context.nonce;
    const extension = response.extension(oid.ocspNonce);
    if (sent === undefined) return 'a nonce that nobody sent';
    if (extension === undefined) return 'the nonce that was sent is missing';
    const value = innerElement(extension);
    if (value.tag !== 0x04 || value.length < 1 || value.length > 128)
      return 'the nonce is not 1 to 128 octets';
    return equalBytes(value.content, sent) ? undefined : 'the nonce is not the one that was sent';
  },
};
