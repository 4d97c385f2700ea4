import { test } from 'vitest';
import { sampled } from './sampled.ts';

/** Tests of which the gate runs a sample, in their order; with `--all` every one. */
export function sampledTests(
  what: string,
  count: number,
): {
  readonly add: (name: string, work: () => Promise<void>, timeout?: number) => void;
  /** After the last one was added. */
  readonly define: () => void;
} {
  const all: {
    readonly name: string;
    readonly work: () => Promise<void>;
    readonly timeout?: number;
  }[] = [];
  return {
    add: (name, work, timeout) => {
      all.push({ name, work, ...(timeout === undefined ? {} : { timeout }) });
    },
    define: () => {
      for (const { name, work, timeout } of sampled(what, all, count, (one) => one.name)) {
        test(name, work, timeout);
      }
    },
  };
}
