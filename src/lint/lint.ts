import { UnreadableError } from './encoding/element.ts';

/** One rule over bytes that are about to be signed, as data. One a file, named like its file. */
export interface Lint<Subject> {
  /** Stable; what a refused caller, the log and the documentation show. */
  readonly name: string;
  /** The clause the rule comes from, e.g. `RFC 5280 §4.1.2.2`. */
  readonly citation: string;
  /** One sentence: what holds in every object that passes. */
  readonly description: string;
  /** Whether the rule has anything to say about this object. */
  readonly applies: (subject: Subject) => boolean;
  /** What is wrong and where, or undefined when the rule holds. */
  readonly check: (subject: Subject) => string | undefined;
}

/** A lint that failed. */
export interface LintResult {
  readonly lint: string;
  readonly message: string;
  readonly clause: string;
}

/** For the documentation: a lint without its functions. */
export interface LintDescription {
  readonly name: string;
  readonly citation: string;
  readonly appliesTo: 'certificate' | 'crl' | 'ocspResponse';
  readonly description: string;
}

/**
 * Runs one lint. A value that the lint can't read counts as a failure of that lint: nothing is
 * signed because a check could not be made.
 */
function runLint<Subject>(lint: Lint<Subject>, subject: Subject): string | undefined {
  try {
    return lint.applies(subject) ? lint.check(subject) : undefined;
  } catch (error) {
    if (error instanceof UnreadableError) return `can't be checked: ${error.message}`;
    throw error;
  }
}

/**
 * Runs `gates` in order and stops at the first that fails, because what the others said about
 * bytes of the wrong shape would be guesses; then runs all of `lints`; then, only when none
 * failed, `backstops`. Answers the failing ones.
 */
export function runLints<Subject>(
  subject: Subject,
  set: {
    readonly gates: readonly Lint<Subject>[];
    readonly lints: readonly Lint<Subject>[];
    readonly backstops: readonly Lint<Subject>[];
  },
): LintResult[] {
  for (const lint of set.gates) {
    const message = runLint(lint, subject);
    if (message !== undefined) return [{ lint: lint.name, message, clause: lint.citation }];
  }
  const failed: LintResult[] = [];
  for (const lint of set.lints) {
    const message = runLint(lint, subject);
    if (message !== undefined) failed.push({ lint: lint.name, message, clause: lint.citation });
  }
  if (failed.length > 0) return failed;
  for (const lint of set.backstops) {
    const message = runLint(lint, subject);
    if (message !== undefined) failed.push({ lint: lint.name, message, clause: lint.citation });
  }
  return failed;
}
