/** The time that one attempt may take, DNS and redirects included. */
export interface Deadline {
  readonly milliseconds: number;
  readonly expired: boolean;
  /** Milliseconds left, at least 1. */
  remaining(): number;
  /** Calls `stop` when the time is over, never before this returns. Returns what takes that back. */
  onExpiry(stop: () => void): () => void;
  /** Ends the timer. */
  end(): void;
}

/** Starts the clock of one attempt. */
export function startDeadline(milliseconds: number): Deadline {
  const end = performance.now() + milliseconds;
  const stops = new Set<() => void>();
  let expired = false;
  const timer = setTimeout(() => {
    expired = true;
    for (const stop of [...stops]) stop();
  }, milliseconds);
  return {
    milliseconds,
    get expired() {
      return expired;
    },
    remaining: () => Math.max(1, Math.ceil(end - performance.now())),
    onExpiry: (stop) => {
      if (expired) {
        queueMicrotask(stop);
        return () => undefined;
      }
      stops.add(stop);
      return () => stops.delete(stop);
    },
    end: () => clearTimeout(timer),
  };
}

/** Milliseconds in words. */
export function inSeconds(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds} ms` : `${Math.round(milliseconds / 100) / 10} s`;
}
