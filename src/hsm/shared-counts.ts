import type { KeyId } from '../domain/index.ts';
import type { KeyBinding, KeyToken, KeyUse } from '../keys/ports.ts';

type Counting = Pick<KeyToken, 'usage'>;

/**
 * The counts of two tokens with the same keys: together they are the node's, and together they keep
 * its allotment. What is left is split in two, because a token that is lost takes its part with it.
 */
export class SharedCounts {
  readonly #used: readonly [Map<KeyId, number>, Map<KeyId, number>] = [new Map(), new Map()];
  readonly #told = new Map<KeyId, readonly [number, number]>();
  readonly #tokens: readonly [Counting, Counting];

  constructor(first: Counting, second: Counting) {
    this.#tokens = [first, second];
  }

  /** Of both; of one that is away what it left on disk, or as it was last known. */
  async sum(): Promise<readonly KeyUse[]> {
    const answers = await Promise.allSettled(this.#tokens.map(async (token) => token.usage()));
    if (answers.every(({ status }) => status === 'rejected')) throw rejected(answers);
    answers.forEach((answer, at) => {
      if (answer.status === 'rejected') return;
      for (const { keyId, signatures } of answer.value) this.#used[at]?.set(keyId, signatures);
    });
    const [first, second] = this.#used;
    return [...new Set([...first.keys(), ...second.keys()])].map((keyId) => ({
      keyId,
      signatures: this.#of(0, keyId) + this.#of(1, keyId),
    }));
  }

  /**
   * What each token is told of the keys: its own count, and half of what is left of the allotment. A
   * part never shrinks, so that both together stay within it even while one has not heard the news.
   */
  split(keys: readonly KeyBinding[]): readonly [readonly KeyBinding[], readonly KeyBinding[]] {
    const parts = keys.map((key) => this.#parts(key));
    return [parts.map(([first]) => first), parts.map(([, second]) => second)];
  }

  #parts(key: KeyBinding): readonly [KeyBinding, KeyBinding] {
    const { keyId, purposes, algorithm, subjectPublicKeyInfo, life } = key;
    const [first, second] = [this.#of(0, keyId), this.#of(1, keyId)];
    const told = this.#told.get(keyId) ?? [0, 0];
    const part = (allotted: number | undefined, other: number): KeyBinding => ({
      ...{ keyId, purposes, algorithm, subjectPublicKeyInfo },
      life: {
        ...life,
        allotted,
        counted: life.counted === undefined ? undefined : Math.max(0, life.counted - other),
      },
    });
    const { allotted } = life;
    if (allotted === undefined) return [part(undefined, second), part(undefined, first)];
    const half = second + Math.floor(Math.max(0, allotted - first - second) / 2);
    const ofSecond = Math.max(0, Math.min(Math.max(told[1], half), allotted - told[0]));
    const ofFirst = Math.max(told[0], allotted - ofSecond);
    this.#told.set(keyId, [ofFirst, ofSecond]);
    return [part(ofFirst, second), part(ofSecond, first)];
  }

  #of(at: 0 | 1, keyId: KeyId): number {
    return this.#used[at].get(keyId) ?? 0;
  }
}

function rejected(answers: readonly PromiseSettledResult<unknown>[]): unknown {
  return answers.find((answer) => answer.status === 'rejected')?.reason;
}
