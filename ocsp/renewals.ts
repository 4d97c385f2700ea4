import { type Clock, isChanceryError } from '../src/domain/index.ts';
import { leastRest } from './answer-headers.ts';
import type { CompactAnswers } from './compact-answers.ts';
import type { Log } from './ports.ts';
import type { EvictedAnswer } from './response-cache.ts';

export interface RenewalsParts {
  readonly answers: CompactAnswers;
  /** Signs the answer about this certID anew and keeps it. */
  readonly renew: (certID: Uint8Array) => Promise<void>;
  /** Whether anything can be signed now; what waits stays until then. */
  readonly able: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** Signatures that background work may ask for in a second. */
  readonly perSecond: number;
}

interface Waiting {
  readonly certID: Uint8Array;
  readonly signed?: (() => void) | undefined;
}

/** Milliseconds between two turns. */
const turn = 100;
/** Turns in which all answers are looked at once. */
const turnsOfRound = 200;
/** Certificates that wait for their answer at most; the rest is signed when it is asked for. */
const longestQueue = 100_000;

/**
 * Signs ahead, at a bounded rate: answers that were asked for and are due for renewal, answers that
 * a change of status took away though they were asked for (first), and those asked for before a
 * restart. Drops what has ended.
 */
export class Renewals {
  readonly #parts: RenewalsParts;
  /** Taken from the end. */
  readonly #urgent: Waiting[] = [];
  readonly #due: Waiting[] = [];
  #running = 0;
  #place = 0;
  #timer: NodeJS.Timeout | undefined;
  #allowance: number;

  constructor(parts: RenewalsParts) {
    this.#parts = parts;
    this.#allowance = parts.perSecond;
  }

  get waiting(): number {
    return this.#urgent.length + this.#due.length;
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      this.turn();
    }, turn);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#urgent.length = 0;
    this.#due.length = 0;
  }

  /**
   * What a change of status took away is signed at once when it was asked for.
   *
   * @param signed called when the new answer is there
   */
  evicted(answers: readonly EvictedAnswer[], signed: () => void): void {
    for (const { certID, uses } of answers) {
      if (uses > 0 && this.#urgent.length < longestQueue) {
        this.#urgent.push({ certID, signed });
      }
    }
    if (this.#urgent.length > 0) {
      this.#sign();
    }
  }

  /** To be signed when there is time, the first of them first. */
  ahead(certIDs: readonly Uint8Array[]): void {
    const room = Math.max(0, longestQueue - this.#due.length);
    for (const certID of certIDs.slice(0, room).toReversed()) {
      this.#due.push({ certID });
    }
  }

  /** One turn: looks at a part of all answers, and signs what is due and allowed. */
  turn(): void {
    const { answers, perSecond, clock } = this.#parts;
    const now = clock.now().getTime();
    const end = this.#place + Math.ceil(answers.places / turnsOfRound);
    for (; this.#place < end && this.#place < answers.places; this.#place += 1) {
      this.#look(this.#place, now);
    }
    if (this.#place >= answers.places) {
      this.#place = 0;
    }
    this.#allowance = Math.min(perSecond, this.#allowance + (perSecond * turn) / 1000);
    this.#sign();
  }

  #look(place: number, now: number): void {
    const { answers } = this.#parts;
    const reference = answers.at(place);
    if (reference === 0) {
      return;
    }
    if (now >= answers.nextUpdate(reference) - leastRest) {
      answers.delete(answers.certID(reference));
    } else if (
      now >= answers.refreshAt(reference) &&
      answers.uses(reference) > 0 &&
      this.#due.length < longestQueue
    ) {
      this.#due.push({ certID: answers.certID(reference) });
      // Not again before half of what is left is over, should the signature fail.
      answers.postpone(reference, (now + answers.nextUpdate(reference)) / 2);
    }
  }

  #sign(): void {
    const { able, renew, perSecond, log } = this.#parts;
    // Enough of them at a time that one query looks up many.
    const concurrency = Math.max(1, Math.ceil(perSecond / 10));
    while (this.#running < concurrency && this.#allowance >= 1 && this.waiting > 0 && able()) {
      const next = this.#urgent.pop() ?? this.#due.pop();
      if (next === undefined) {
        return;
      }
      this.#allowance -= 1;
      this.#running += 1;
      renew(next.certID)
        .then(next.signed)
        .catch((error: unknown) => {
          const expected = isChanceryError(error);
          log(expected ? 'debug' : 'error', 'an answer could not be signed ahead', { error });
        })
        .finally(() => {
          this.#running -= 1;
        });
    }
  }
}
