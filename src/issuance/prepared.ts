import { ChanceryError, type Violation } from '../domain/index.ts';
import type { LintResult } from '../lint/index.ts';

/**
 * What passed its lints and may be signed once.
 *
 * Only this folder makes one, and `take` empties it: nothing reaches the Signer port unlinted,
 * and nothing is signed twice (an ECDSA key would make a second, different signature).
 */
export class OneUse<Content> {
  readonly #content: Content;
  #taken = false;

  constructor(content: Content) {
    this.#content = content;
  }

  /** Hands out the content once. @throws ChanceryError internal at the second call. */
  take(): Content {
    if (this.#taken) {
      throw new ChanceryError('internal', {
        message: 'a prepared value was used twice; prepare again with a new serial number',
      });
    }
    this.#taken = true;
    return this.#content;
  }
}

/** Linted bytes that may be signed once. */
export class Prepared<Details> extends OneUse<{
  readonly bytes: Uint8Array;
  readonly details: Details;
}> {
  /** The exact bytes that will be signed: what the intent commits. */
  readonly tbsDer: Uint8Array;

  constructor(bytes: Uint8Array, details: Details) {
    super({ bytes, details });
    this.tbsDer = bytes;
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
