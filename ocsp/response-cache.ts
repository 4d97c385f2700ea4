import type { IssuerId, SerialNumber } from '../src/domain/index.ts';
import type { SignedAnswer } from './source.ts';

/** An answer in memory. `evicted` is for those who found it by a shorter way than its key. */
export interface CachedAnswer extends SignedAnswer {
  readonly key: string;
  /** Milliseconds since 1970 from which a new one is asked for. */
  readonly refreshAt: number;
  evicted: boolean;
  /** Set at each use; an answer that was used since the last look stays when room is needed. */
  used: boolean;
}

/** Requests longer than this are found by their certIDs only. */
export const longestAlias = 512;

/**
 * Encoded answers by the bytes of their certIDs, and by the raw requests that led to them (the
 * target of a GET, the body of a POST): the second finds an answer without decoding anything.
 * Bounded; what was not used since it was last looked at goes first.
 */
export class ResponseCache {
  readonly #limit: number;
  readonly #byKey = new Map<string, CachedAnswer>();
  readonly #bySerialNumber = new Map<string, Set<CachedAnswer>>();
  #aliases = new Map<string, CachedAnswer>();

  /** @param limit answers kept at most; about 2 kB each with their aliases */
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

  /** By a raw request seen before. */
  getByAlias(alias: string): CachedAnswer | undefined {
    const answer = this.#aliases.get(alias);
    if (answer === undefined) {
      return undefined;
    }
    if (answer.evicted) {
      this.#aliases.delete(alias);
      return undefined;
    }
    answer.used = true;
    return answer;
  }

  /** Remembers that this raw request asks for this answer. */
  addAlias(alias: string, answer: CachedAnswer): void {
    if (alias === '' || alias.length > longestAlias || answer.evicted) {
      return;
    }
    this.#aliases.set(alias, answer);
    // First in, first out: one in use is added again by its next request.
    const surplus = this.#aliases.size - 4 * this.#limit;
    if (surplus > 0) {
      const oldest = this.#aliases.keys();
      for (let n = 0; n < surplus; n += 1) {
        this.#aliases.delete(oldest.next().value ?? '');
      }
    }
  }

  set(key: string, signed: SignedAnswer, refreshAt: number): CachedAnswer {
    this.#drop(this.#byKey.get(key));
    const answer: CachedAnswer = { ...signed, key, refreshAt, evicted: false, used: false };
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
    return answer;
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
    for (const answer of this.#byKey.values()) {
      answer.evicted = true;
    }
    this.#byKey.clear();
    this.#bySerialNumber.clear();
    this.#aliases = new Map();
  }

  #drop(answer: CachedAnswer | undefined): void {
    if (answer === undefined) {
      return;
    }
    answer.evicted = true;
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
