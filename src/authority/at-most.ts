/** Runs work, so many at a time, in the order in which it came; what fails fails for its caller alone. */
export function atMost(count: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= count) {
      await new Promise<void>((start) => {
        waiting.push(start);
      });
    } else {
      running += 1;
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) {
        running -= 1;
      } else {
        // Its place passes on, so that nobody slips in between.
        next();
      }
    }
  };
}
