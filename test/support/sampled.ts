import { execFileSync } from 'node:child_process';
import { seededRandom } from './load-client.ts';

/** Each commit has a sample of its own, the same wherever it is tested; CHANCERY_TEST_SEED repeats one. */
function seedOfCommit(): number {
  const given = process.env['CHANCERY_TEST_SEED'];
  if (given !== undefined) return Number(given);
  try {
    const commit = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' });
    return Number.parseInt(commit.slice(0, 7), 16);
  } catch {
    return 1;
  }
}

/**
 * The gate's sample of a long table of like cases; with `--all` the whole of it. What is chosen is
 * printed.
 *
 * @param name of a case, for the print
 */
export function sampled<T>(
  what: string,
  all: readonly T[],
  count: number,
  name: (one: T) => string = String,
): readonly T[] {
  if (process.env['CHANCERY_TEST_ALL'] === '1' || all.length <= count) return all;
  const seed = seedOfCommit();
  const random = seededRandom(seed);
  const left = all.map((_, index) => index);
  const chosen = new Set<number>();
  while (chosen.size < count) {
    const [index] = left.splice(Math.floor(random() * left.length), 1);
    if (index !== undefined) chosen.add(index);
  }
  const sample = all.filter((_, index) => chosen.has(index));
  console.log(
    `SAMPLE of ${what}: ${count} of ${all.length} (seed ${seed}): ${sample.map(name).join('; ')}`,
  );
  return sample;
}
