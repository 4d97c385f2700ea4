import type { IssuerId, SerialNumber } from '../src/domain/index.ts';
import type { CertID, KeyAlgorithmName } from '../src/pkix/index.ts';
import type { KnownIssuer } from './issuers.ts';

/** A request that may be answered: one issuer's certIDs, extensions understood. */
export interface StatusQuestion {
  readonly issuer: KnownIssuer;
  readonly certIDs: readonly CertID[];
  readonly serialNumbers: readonly SerialNumber[];
  /** Content of the nonce's OCTET STRING, 1 to 128 octets (RFC 9654 §2.1). */
  readonly nonce?: Uint8Array | undefined;
  /**
   * Kind of key of the delegate that signs the answer, when the client's preferred signature
   * algorithms chose one that is not the default (RFC 6960 §4.4.7).
   */
  readonly keyAlgorithm?: KeyAlgorithmName | undefined;
  /**
   * The certIDs' bytes in order, followed by the name of `keyAlgorithm` when there is one: what an
   * answer without a nonce is kept under.
   */
  readonly key: string;
  /**
   * Answered because of who signed the request: the answer is kept by no cache on the way, and the
   * raw request does not lead to it again without another look at its signature.
   */
  readonly restricted: boolean;
}

/** A signed answer, encoded once. Times are milliseconds since 1970. */
export interface SignedAnswer {
  /** DER of the whole OCSPResponse. */
  readonly body: Buffer;
  readonly issuerId: IssuerId;
  readonly serialNumbers: readonly SerialNumber[];
  /** The earliest of its SingleResponses; long past when it is a foreign CRL's. */
  readonly thisUpdate: number;
  /** The earliest of its SingleResponses. */
  readonly nextUpdate: number;
  /** Strong validator: quoted hex SHA-256 of the body (RFC 9919 §7.2). */
  readonly etag: string;
  /** False for answers with a nonce or with an `unknown`: they are given once. */
  readonly reusable: boolean;
  /** Octets that `body` ends with and that many answers share: the delegate's certificate. */
  readonly tail?: Uint8Array | undefined;
  /** Every SingleResponse is `good`. */
  readonly good: boolean;
}

/** Answers questions, each decorator adding one concern: cache(queue(live)). */
export interface AnswerSource {
  /**
   * @throws ChanceryError whose code the error mapper turns into an OCSP status: `unavailable`
   * classes mean tryLater.
   */
  answer(question: StatusQuestion): Promise<SignedAnswer>;
}
