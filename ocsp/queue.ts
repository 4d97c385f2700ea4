import { ChanceryError } from '../src/domain/index.ts';
import type { AnswerSource, SignedAnswer, StatusQuestion } from './source.ts';

/** Bounds what waits for the database and the token: past the limit the answer is tryLater at once. */
export class BoundedQueue implements AnswerSource {
  readonly #next: AnswerSource;
  readonly #limit: number;
  #waiting = 0;

  constructor(next: AnswerSource, limit: number) {
    this.#next = next;
    this.#limit = limit;
  }

  get length(): number {
    return this.#waiting;
  }

  async answer(question: StatusQuestion): Promise<SignedAnswer> {
    if (this.#waiting >= this.#limit) {
      throw new ChanceryError('overloaded', {
        message: `${this.#limit} answers wait for their signature already; try again`,
        retryAfter: 1,
      });
    }
    this.#waiting += 1;
    try {
      return await this.#next.answer(question);
    } finally {
      this.#waiting -= 1;
    }
  }
}
