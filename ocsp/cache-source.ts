import { ChanceryError, type Clock, isChanceryError } from '../src/domain/index.ts';
import { leastRest } from './answer-headers.ts';
import type { ChangeLedger } from './change-ledger.ts';
import type { Log } from './ports.ts';
import type { ResponseCache } from './response-cache.ts';
import type { AnswerSource, SignedAnswer, StatusQuestion } from './source.ts';

/** How often an answer is made anew because its status changed while it was made. */
const attempts = 3;

/** Part of an answer's life after which it is renewed at the earliest, and the latest. */
const earliestRenewal = 0.4;
const latestRenewal = 0.8;

/**
 * Keeps answers until their status changes or a part of their life is over; one signature at a time
 * for the same question. An answer whose status changed after its lookup began is neither kept nor
 * given: it is made again.
 */
export class CacheSource implements AnswerSource {
  readonly #next: AnswerSource;
  readonly #cache: ResponseCache;
  readonly #ledger: ChangeLedger;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #random: () => number;
  readonly #flights = new Map<string, Promise<SignedAnswer>>();

  constructor(
    next: AnswerSource,
    parts: {
      readonly cache: ResponseCache;
      readonly ledger: ChangeLedger;
      readonly clock: Clock;
      readonly log: Log;
      /** From 0 to 1: answers signed in one burst are not renewed in one. */
      readonly random: () => number;
    },
  ) {
    this.#next = next;
    this.#cache = parts.cache;
    this.#ledger = parts.ledger;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#random = parts.random;
  }

  async answer(question: StatusQuestion): Promise<SignedAnswer> {
    if (question.nonce !== undefined) {
      return this.#produce(question);
    }
    const kept = this.#cache.get(question);
    const now = this.#clock.now().getTime();
    // A clock that went back must not serve a thisUpdate of the future (RFC 9919 §3.2.4).
    if (kept === undefined || now < kept.thisUpdate || now >= kept.nextUpdate - leastRest) {
      return this.#single(question);
    }
    if (now >= kept.refreshAt) {
      // What was signed stays true until a change evicts it; its successor is made beside it, and
      // while none can be made (no database, no token) it is served to its nextUpdate.
      this.#single(question).catch((error: unknown) => {
        const expected = isChanceryError(error);
        this.#log(expected ? 'debug' : 'error', 'an answer could not be renewed', { error });
      });
    }
    return kept;
  }

  /** Makes the answer to a question anew, and keeps it instead of the present one. */
  async renew(question: StatusQuestion): Promise<void> {
    await this.#single(question);
  }

  #single(question: StatusQuestion): Promise<SignedAnswer> {
    const flight = this.#flights.get(question.key);
    if (flight !== undefined) {
      return flight;
    }
    const begun = this.#produce(question).finally(() => {
      this.#flights.delete(question.key);
    });
    this.#flights.set(question.key, begun);
    return begun;
  }

  async #produce(question: StatusQuestion): Promise<SignedAnswer> {
    const { issuer, serialNumbers } = question;
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const stamp = this.#ledger.stamp();
      const signed = await this.#next.answer(question);
      if (this.#ledger.unchangedSince(stamp, issuer.issuerId, serialNumbers)) {
        if (!signed.reusable || question.nonce !== undefined) {
          return signed;
        }
        // Not from thisUpdate on, which may be that of a foreign CRL of yesterday.
        const now = this.#clock.now().getTime();
        const part = earliestRenewal + (latestRenewal - earliestRenewal) * this.#random();
        this.#cache.set(question, signed, now + (signed.nextUpdate - now) * part);
        return signed;
      }
    }
    throw new ChanceryError('overloaded', {
      message: 'the status changed each time while its answer was made; try again',
      retryAfter: 1,
    });
  }
}
