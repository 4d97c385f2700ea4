import { SingleBar } from 'cli-progress';

/** A bar on standard error while something is made; lines instead where that is no terminal. */
export interface Progress {
  step(count?: number): void;
}

/** Runs some work of so many steps under a bar. */
export async function withProgress<T>(
  what: string,
  steps: number,
  work: (progress: Progress) => T | Promise<T>,
): Promise<T> {
  const bar = new SingleBar({
    format: `  ${what} [{bar}] {value}/{total}`,
    stream: process.stderr,
    noTTYOutput: true,
    notTTYSchedule: 60_000,
    hideCursor: true,
    fps: 4,
  });
  bar.start(steps, 0);
  try {
    return await work({ step: (count = 1) => bar.increment(count) });
  } finally {
    bar.stop();
  }
}

/** Says what is measured now. */
export function say(text: string): void {
  process.stderr.write(`  ${text}\n`);
}
