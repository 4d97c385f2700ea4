/** Error types of RFC 8555 §6.7 that an attempt at a challenge ends with. */
export type FailureType = 'connection' | 'dns' | 'incorrectResponse' | 'tls' | 'unauthorized';

/** An attempt that failed for what the other side did, or for where it points to. */
export class ValidationFailure extends Error {
  readonly type: FailureType;
  /** Nothing but a change on the other side, which takes a moment, is worth another attempt. */
  readonly retryable: boolean;

  constructor(type: FailureType, detail: string, retryable = true) {
    super(detail);
    this.name = 'ValidationFailure';
    this.type = type;
    this.retryable = retryable;
  }
}

/** The code of a system, DNS, TLS or HTTP error; its text may hold what a stranger sent and is not used. */
export function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z0-9_]{1,80}$/.test(code) ? code : 'UNKNOWN';
}
