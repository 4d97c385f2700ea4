import {
  type Extension,
  encodeCertificationRequestInfo,
  type Name,
  type SubjectPublicKeyInfo,
} from '../pkix/index.ts';
import type { Signer } from './ports.ts';
import { type SigningKey, signAndAssemble } from './signing-issuer.ts';

/**
 * A PKCS#10 request for a key in a token (RFC 2986): a subordinate whose parent is elsewhere,
 * or a responder's delegate. Proof of possession is the only thing that such a key signs here.
 *
 * @param deadline milliseconds from now
 */
export async function issueCertificationRequest(
  request: {
    readonly subject: Name;
    readonly subjectPublicKeyInfo: SubjectPublicKeyInfo;
    readonly extensions: readonly Extension[];
  },
  key: SigningKey,
  signer: Signer,
  deadline: number,
): Promise<Uint8Array> {
  const bytes = encodeCertificationRequestInfo(request);
  return signAndAssemble(signer, key, 'certificationRequest', bytes, deadline);
}
