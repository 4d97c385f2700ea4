import { ChanceryError, type Violation } from '../domain/index.ts';
import type { LintResult } from '../lint/index.ts';

/**
 * Bytes that passed their lints and may be signed once.
 *
 * Only this folder makes one, and `take` empties it: nothing reaches the Signer port unlinted,
 * and nothing is signed twice (an ECDSA key would make a second, different signature).
 */
export class Prepared<Details> {
  readonly #details: Details;
  readonly #bytes: Uint8Array;
  #taken = false;

  constructor(bytes: Uint8Array, details: Details) {
    this.#bytes = bytes;
    this.#details = details;
  }

  /** The exact bytes that will be signed: what the intent commits. */
  get tbsDer(): Uint8Array {
    return this.#bytes;
  }

  /** Hands out bytes and details once. @throws ChanceryError internal at the second call. */
  take(): { readonly bytes: Uint8Array; readonly details: Details } {
    if (this.#taken) {
      throw new ChanceryError('internal', {
        message: 'a prepared value was used twice; prepare again with a new serial number',
      });
    }
    this.#taken = true;
    return { bytes: this.#bytes, details: this.#details };
  }
}

/** @throws ChanceryError `lintFailed` naming every lint that failed, when there is one. */
export function refuseFailedLints(what: string, failures: readonly LintResult[]): void {
  const [first] = failures;
  if (first === undefined) {
    return;
  }
  const violations: Violation[] = failures.map((failure) => ({
    rule: failure.lint,
    field: what,
    message: failure.message,
    clause: failure.clause,
  }));
  throw new ChanceryError('lintFailed', {
    message: `the ${what} was not signed: lint ${first.lint} failed: ${first.message}`,
    clause: first.clause,
    violations,
  });
}
