import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { longestCanonical } from './canonical-request.ts';
import type { CompactAnswers } from './compact-answers.ts';
import { readIfThere, writeAtomically } from './files.ts';

/** Places of the table that are looked at without a pause. */
const slice = 10_000;

/**
 * The certIDs that were asked for most, in a file, so that a responder that starts anew signs their
 * answers before somebody waits for them. It holds nothing that is trusted: each is looked up and
 * signed as if it had been asked for.
 */
export class AskedBefore {
  readonly #path: string;
  readonly #limit: number;

  /** @param limit certIDs that are written and read at most; 0: none */
  constructor(folder: string, limit: number) {
    this.#path = join(folder, 'asked-before');
    this.#limit = limit;
  }

  async read(): Promise<readonly Uint8Array[]> {
    if (this.#limit === 0) {
      return [];
    }
    const text = (await readIfThere(this.#path)) ?? '';
    return text
      .split('\n')
      .slice(0, this.#limit)
      .map((line) => Buffer.from(line, 'base64'))
      .filter(({ length }) => length > 0 && length <= longestCanonical);
  }

  /** Writes those that were given since they were signed, the most often given first. */
  async write(answers: CompactAnswers): Promise<void> {
    if (this.#limit === 0) {
      return;
    }
    // By how many binary digits their number of uses has: sorting a million exactly is not needed.
    const byUses: string[][] = [];
    for (let place = 0; place < answers.places; place += 1) {
      if (place % slice === slice - 1) {
        await nextTurn();
      }
      const reference = answers.at(place);
      const uses = reference === 0 ? 0 : answers.uses(reference);
      const digits = 32 - Math.clz32(uses);
      const same = (byUses[digits] ??= []);
      if (uses > 0 && same.length < this.#limit) {
        same.push(answers.certID(reference).toString('base64'));
      }
    }
    const most = byUses
      .toReversed()
      .flatMap((same) => same ?? [])
      .slice(0, this.#limit);
    await writeAtomically(this.#path, most.length === 0 ? '' : `${most.join('\n')}\n`);
  }
}
