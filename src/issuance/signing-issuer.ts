import { ChanceryError, type IssuerId, type KeyId } from '../domain/index.ts';
import {
  assembleSigned,
  type Certificate,
  type SignatureAlgorithm,
  type VerificationKey,
  verifySignature,
} from '../pkix/index.ts';
import type { Signer, SignRequest } from './ports.ts';

/** An issuer as signing needs it: certificate, key and the imported public key. */
export interface SigningIssuer {
  readonly issuerId: IssuerId;
  /** Undefined only while its own self-signed certificate is being made. */
  readonly certificate?: Certificate | undefined;
  readonly keyId: KeyId;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly publicKey: VerificationKey;
}

/** A key, and what is needed to sign and to verify with it. */
export type SigningKey = Pick<SigningIssuer, 'keyId' | 'signatureAlgorithm' | 'publicKey'>;

/**
 * Signs and verifies with the public half before anything leaves (invariant 2).
 *
 * The signer process has verified already; this second look is made in another process,
 * with the key that relying parties will use.
 *
 * @throws ChanceryError `keyBlocked` when the signature does not verify, and all of `Signer.sign`.
 */
export async function signAndAssemble(
  signer: Signer,
  key: SigningKey,
  purpose: SignRequest['purpose'],
  bytes: Uint8Array,
  deadline: number,
): Promise<Uint8Array> {
  const signature = await signer.sign({
    keyId: key.keyId,
    purpose,
    algorithm: key.signatureAlgorithm.name,
    bytes,
    deadline,
  });
  if (!verifySignature(key.signatureAlgorithm, key.publicKey, bytes, signature)) {
    throw unverified(key.keyId, 'RFC 5280 §4.1.1.3');
  }
  return assembleSigned(bytes, key.signatureAlgorithm, signature);
}

export function unverified(keyId: KeyId, clause: string): ChanceryError {
  return new ChanceryError('keyBlocked', {
    message: `the token returned a signature of key ${keyId} that does not verify; nothing was issued`,
    clause,
  });
}
