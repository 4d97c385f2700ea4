/**
 * Every stable error code with its class. One mapper a protocol turns them into
 * problem+json, OCSP status or exit code, and is tested over every code.
 */
export const errorCodes = {
  /** The input can't be read: bad DER, bad JSON, wrong type. */
  malformed: 'request',
  /** The certification request is unreadable, or its signature does not verify. */
  badCsr: 'request',
  /** The public key is refused by key policy (weak, blocked, of another subject). */
  badPublicKey: 'refused',
  /** Profile or name policy refuses; `violations` lists all. */
  policyViolation: 'refused',
  /** A lint failed on the bytes to be signed; `violations` lists all. */
  lintFailed: 'refused',
  /** Parameters contradict each other or one is missing. */
  invalidArgument: 'request',
  unauthenticated: 'unauthenticated',
  /** OCSP: requests must be signed here (`sigRequired`, RFC 6960 §2.3). */
  signatureRequired: 'unauthenticated',
  forbidden: 'forbidden',
  notFound: 'notFound',
  /** Several things answer to the name given (a serial number of two issuers). */
  ambiguous: 'conflict',
  /** The object is not in a state that allows the act; the message names the state. */
  illegalTransition: 'conflict',
  alreadyRevoked: 'conflict',
  certificateOnHold: 'conflict',
  certificateRevoked: 'conflict',
  alreadyExists: 'conflict',
  /** What an act on many would meet is not what was counted before; nothing was done. */
  countDiffers: 'conflict',
  /** Same Idempotency-Key, another body. */
  idempotencyMismatch: 'refused',
  /** Same Idempotency-Key, first request still running. */
  idempotencyInProgress: 'conflict',
  payloadTooLarge: 'tooLarge',
  unsupportedMediaType: 'mediaType',
  methodNotAllowed: 'method',
  rateLimited: 'rateLimited',
  /** A bounded queue is full. */
  overloaded: 'unavailable',
  /** Another writer replaced a published file meanwhile: read it anew. */
  storeConflict: 'unavailable',
  /** The token or its signer process does not answer. */
  tokenUnavailable: 'unavailable',
  databaseUnavailable: 'unavailable',
  /** The token is locked away between ceremonies: the act waits for the next one. */
  tokenAbsent: 'conflict',
  /** Issuance is stopped until an operator acts (restore detected, clock went back, node prefix disagrees). */
  issuanceHalted: 'unavailable',
  /** The key is blocked after a wrong signature, or its state forbids the act. */
  keyBlocked: 'unavailable',
  /** The signer refuses: the key's record does not bind this purpose. */
  purposeRefused: 'refused',
  /** The outcome of a signature or commit is unknown; the prepared row will be settled as abandoned. */
  outcomeUnknown: 'unavailable',
  /** A setting is wrong; names file, line and the likely meant key. */
  configuration: 'configuration',
  internal: 'internal',
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** One broken rule: which, where, what was found, how to mend it, and the clause it comes from. */
export interface Violation {
  readonly rule: string;
  readonly field: string;
  readonly value?: string | undefined;
  readonly message: string;
  readonly mend?: string | undefined;
  readonly clause: string;
}

export interface ErrorOptions {
  /** What, where, and how to mend it; safe to show to the caller. */
  readonly message: string;
  readonly field?: string | undefined;
  readonly clause?: string | undefined;
  readonly violations?: readonly Violation[] | undefined;
  /** Seconds for a Retry-After header. */
  readonly retryAfter?: number | undefined;
  /** Kept for the log; never shown to the caller. */
  readonly cause?: unknown;
}

/** The one error type with a stable code. Anything else thrown is a defect and maps to `internal`. */
export class ChanceryError extends Error {
  override readonly name = 'ChanceryError';
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly clause: string | undefined;
  readonly violations: readonly Violation[];
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, options: ErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.field = options.field;
    this.clause = options.clause;
    this.violations = options.violations ?? [];
    this.retryAfter = options.retryAfter;
  }
}

export function isChanceryError(error: unknown): error is ChanceryError {
  return error instanceof ChanceryError;
}
