import type { KeyId, ReasonCode, SerialNumber, SigningPurpose } from '../domain/index.ts';
import type { SignatureAlgorithmName } from '../pkix/index.ts';

/** Plain data: it crosses into the signer process as it is. */
export interface SignRequest {
  readonly keyId: KeyId;
  readonly purpose: SigningPurpose;
  /** Must be the algorithm that the key's record binds. */
  readonly algorithm: SignatureAlgorithmName;
  /** The exact bytes to be signed (TBS); the token or the signer process hashes them. */
  readonly bytes: Uint8Array;
  /** Milliseconds from now after which the caller no longer waits and a hung child is replaced. */
  readonly deadline: number;
}

/**
 * The one way to an HSM signature.
 *
 * Answers the signature value as it goes into the BIT STRING (ECDSA: DER SEQUENCE of r and s),
 * already verified with the key's public half.
 *
 * @throws ChanceryError `purposeRefused`, `overloaded`, `tokenUnavailable`, `keyBlocked`, `outcomeUnknown`.
 */
export interface Signer {
  sign(request: SignRequest): Promise<Uint8Array>;
}

/** An entry of a CRL as the inventory gives it. */
export interface CrlEntry {
  readonly serialNumber: SerialNumber;
  readonly revocationDate: Date;
  readonly reasonCode?: ReasonCode | undefined;
  readonly invalidityDate?: Date | undefined;
}
