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

/** A list that is too long for one message: its octets go to the signer process chunk by chunk. */
export interface SignStreamRequest {
  readonly keyId: KeyId;
  readonly purpose: 'crl';
  /** Must be the algorithm that the key's record binds. */
  readonly algorithm: SignatureAlgorithmName;
  /** Octets of all chunks together; the signer process takes exactly so many. */
  readonly length: number;
  /** The exact octets to be signed (TBS). Read once, as fast as they are taken. */
  chunks(): AsyncIterable<Uint8Array>;
  /**
   * Milliseconds that the signer process may take for a chunk, and for the signature after the
   * last: then it is replaced. The whole takes as long as its length asks.
   */
  readonly deadline: number;
}

/** Which token made a signature, for the record of the act (SP 800-57 Part 1 §9.2). */
export interface SigningToken {
  readonly label: string;
  readonly serialNumber: string;
}

/** Told once, before the signature is answered. */
export type SignedBy = (token: SigningToken) => void;

/**
 * The one way to an HSM signature.
 *
 * Answers the signature value as it goes into the BIT STRING (ECDSA: DER SEQUENCE of r and s),
 * already verified with the key's public half.
 *
 * @throws ChanceryError `purposeRefused`, `overloaded`, `tokenUnavailable`, `keyBlocked`, `outcomeUnknown`.
 */
export interface Signer {
  sign(request: SignRequest, signedBy?: SignedBy): Promise<Uint8Array>;
  /**
   * As `sign`, over a stream. What `chunks` throws is thrown again, and nothing was signed.
   * `tokenUnavailable` when the process was lost while it took chunks: nothing was signed either.
   */
  signStream(request: SignStreamRequest, signedBy?: SignedBy): Promise<Uint8Array>;
}

/** Entries of a CRL, encoded, in ascending order of their serial numbers; readable more than once. */
export interface EncodedEntries {
  /** Octets of all entries. */
  readonly octets: number;
  /** How many entries there are. */
  readonly count: number;
  /** The octets in order; a chunk may begin and end within an entry. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** Takes encoded entries while they are read from the database: in memory while they are few, else in a file. */
export interface EntrySpool {
  /** @param chunk whole entries, `count` of them; may be used again by the caller afterwards */
  write(chunk: Uint8Array, count: number): Promise<void>;
  /** No more entries come; they can be read until `discard`. */
  close(): Promise<EncodedEntries>;
  /** Gives back memory and file, at any time; afterwards nothing can be read. Never throws. */
  discard(): Promise<void>;
}

/** Where spools come from. */
export interface EntrySpools {
  open(): EntrySpool;
}

/** An entry of a CRL as the inventory gives it. */
export interface CrlEntry {
  readonly serialNumber: SerialNumber;
  readonly revocationDate: Date;
  readonly reasonCode?: ReasonCode | undefined;
  readonly invalidityDate?: Date | undefined;
}
