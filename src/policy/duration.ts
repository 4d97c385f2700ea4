const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** How a duration is written in a profile: a whole number and s, m, h or d. Years are not offered: they have no fixed length. */
export const durationPattern = /^[1-9][0-9]{0,8}[smhd]$/;

/** Seconds of a duration that `durationPattern` matches. */
export function durationSeconds(text: string): number {
  return Number(text.slice(0, -1)) * (secondsOf[text.slice(-1)] ?? 0);
}

/** A number of seconds in the largest unit that divides it: `90 days`, `36 hours`. */
export function describeSeconds(seconds: number): string {
  for (const [size, word] of [
    [86_400, 'day'],
    [3600, 'hour'],
    [60, 'minute'],
  ] as const) {
    if (seconds % size === 0 && seconds >= size) {
      const count = seconds / size;
      return `${count} ${word}${count === 1 ? '' : 's'}`;
    }
  }
  return `${seconds} second${seconds === 1 ? '' : 's'}`;
}
