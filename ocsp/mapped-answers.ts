import type { IssuerId, SerialNumber } from '../src/domain/index.ts';
import type { CachedAnswer } from './response-cache.ts';
import type { SignedAnswer } from './source.ts';

interface Kept extends CachedAnswer {
  readonly key: string;
  /** Set at each use; an answer that was used since the last look stays when room is needed. */
  used: boolean;
}

/** Answers by the key of their question, and by each serial number that they speak about. Bounded. */
export class MappedAnswers {
  readonly #limit: number;
  readonly #byKey = new Map<string, Kept>();
  readonly #bySerialNumber = new Map<string, Set<Kept>>();

  /** @param limit answers kept at most */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#byKey.size;
  }

  get(key: string): CachedAnswer | undefined {
    const answer = this.#byKey.get(key);
    if (answer !== undefined) {
      answer.used = true;
    }
    return answer;
  }

  set(key: string, signed: SignedAnswer, refreshAt: number): void {
    this.#drop(this.#byKey.get(key));
    const answer: Kept = { ...signed, key, refreshAt, used: false };
    this.#byKey.set(key, answer);
    for (const serial of answer.serialNumbers) {
      const id = `${answer.issuerId}/${serial}`;
      const answers = this.#bySerialNumber.get(id);
      if (answers === undefined) {
        this.#bySerialNumber.set(id, new Set([answer]));
      } else {
        answers.add(answer);
      }
    }
    this.#makeRoom();
  }

  evict(issuerId: IssuerId, serialNumber: SerialNumber): void {
    for (const answer of this.#bySerialNumber.get(`${issuerId}/${serialNumber}`) ?? []) {
      this.#drop(answer);
    }
  }

  evictIssuer(issuerId: IssuerId): void {
    for (const answer of this.#byKey.values()) {
      if (answer.issuerId === issuerId) {
        this.#drop(answer);
      }
    }
  }

  clear(): void {
    this.#byKey.clear();
    this.#bySerialNumber.clear();
  }

  #drop(answer: Kept | undefined): void {
    if (answer === undefined) {
      return;
    }
    this.#byKey.delete(answer.key);
    for (const serial of answer.serialNumbers) {
      const id = `${answer.issuerId}/${serial}`;
      const answers = this.#bySerialNumber.get(id);
      answers?.delete(answer);
      if (answers?.size === 0) {
        this.#bySerialNumber.delete(id);
      }
    }
  }

  /** Second chance: the oldest goes, unless it was used since it was last at the front. */
  #makeRoom(): void {
    for (const answer of this.#byKey.values()) {
      if (this.#byKey.size <= this.#limit) {
        return;
      }
      if (answer.used) {
        answer.used = false;
        this.#byKey.delete(answer.key);
        this.#byKey.set(answer.key, answer);
      } else {
        this.#drop(answer);
      }
    }
  }
}
