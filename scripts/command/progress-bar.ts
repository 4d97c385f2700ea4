import { SingleBar } from 'cli-progress';

/** A bar on standard error, where that is a terminal; nothing elsewhere. */
export interface ProgressBar {
  /** @param values for the names in the format that are the caller's own */
  update(done: number, values?: Readonly<Record<string, string>>): void;
  setTotal(total: number): void;
  stop(): void;
}

/**
 * Starts a bar that vanishes when it is stopped.
 *
 * @param format of cli-progress: `{bar} {value}/{total} {eta_formatted}`
 * @param total 0 when it is not known
 */
export function progressBar(
  format: string,
  total = 0,
  values: Readonly<Record<string, string>> = {},
): ProgressBar {
  const { stderr } = process;
  const bar = stderr.isTTY
    ? new SingleBar({ stream: stderr, format, clearOnComplete: true })
    : undefined;
  bar?.start(total, 0, values);
  return {
    update: (done, changed) => bar?.update(done, changed ?? {}),
    setTotal: (wanted) => bar?.setTotal(wanted),
    stop: () => bar?.stop(),
  };
}
