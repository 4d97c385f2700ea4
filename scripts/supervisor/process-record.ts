/**
 * Which process a pid file means. A pid alone may have been given to somebody else since, so its
 * start time and the machine's boot id are kept beside it, and only the three together count.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

const processRecord = z.object({ pid: z.int().positive(), start: z.string(), boot: z.string() });

/** One run of one process: its id, its start in clock ticks since boot, and the boot's id. */
export type ProcessRecord = z.infer<typeof processRecord>;

/** The record of a process that runs now; undefined when there is none, or it is a zombie. */
export function processRecordOf(pid: number): ProcessRecord | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name stands in parentheses and may contain anything; count from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, start] = [fields[0], fields[19]];
    if (state === undefined || start === undefined || 'ZX'.includes(state)) return undefined;
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return { pid, start, boot };
  } catch {
    return undefined;
  }
}

/** Whether exactly this process (not a later one with the same id) still runs. */
export function isRunning(record: ProcessRecord): boolean {
  const now = processRecordOf(record.pid);
  return now !== undefined && now.start === record.start && now.boot === record.boot;
}

/** Waits until the process is gone; false when it still runs after `milliseconds`. */
export async function waitForExit(record: ProcessRecord, milliseconds: number): Promise<boolean> {
  const deadline = Date.now() + milliseconds;
  while (isRunning(record)) {
    if (Date.now() > deadline) return false;
    await delay(20);
  }
  return true;
}

/**
 * Ends a process: asks with `signal`, and kills it when it has not gone after `milliseconds`.
 * Does nothing when exactly this process no longer runs.
 */
export async function endProcess(
  record: ProcessRecord,
  signal: NodeJS.Signals,
  milliseconds: number,
): Promise<void> {
  if (!isRunning(record)) return;
  signalProcess(record.pid, signal);
  if (await waitForExit(record, milliseconds)) return;
  signalProcess(record.pid, 'SIGKILL');
  await waitForExit(record, 5_000);
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It went between the check and the signal.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** The pid files of one data folder: `<name>.pid` for people, `<name>.process` for this program. */
export class RunFolder {
  readonly #folder: string;

  constructor(dataFolder: string) {
    this.#folder = join(dataFolder, 'run');
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
  }

  /** The process that a name's files mean, running or not; undefined without files. */
  read(name: string): ProcessRecord | undefined {
    return readRecord(this.#file(name));
  }

  write(name: string, pid: number): void {
    const record = processRecordOf(pid);
    if (record === undefined) return;
    replaceFile(this.#file(name), JSON.stringify(record));
    replaceFile(this.#pidFile(name), `${pid}\n`);
  }

  remove(name: string): void {
    rmSync(this.#file(name), { force: true });
    rmSync(this.#pidFile(name), { force: true });
  }

  /**
   * Makes this process the only one of that name on the data folder.
   *
   * @returns the process that has it, when one runs; undefined when this one has it now.
   */
  claim(name: string): ProcessRecord | undefined {
    const own = processRecordOf(process.pid);
    if (own === undefined) throw new Error('this system has no /proc to tell processes apart by');
    const file = this.#file(name);
    const draft = `${file}.${process.pid}`;
    writeFileSync(draft, JSON.stringify(own), { mode: 0o600 });
    try {
      for (;;) {
        try {
          // link() is the atomic step: it fails when the file exists.
          linkSync(draft, file);
          replaceFile(this.#pidFile(name), `${process.pid}\n`);
          return undefined;
        } catch (error) {
          if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
        }
        const holder = readRecord(file);
        if (holder !== undefined && isRunning(holder)) return holder;
        this.#discardStale(file);
      }
    } finally {
      rmSync(draft, { force: true });
    }
  }

  /** Moves a dead process's file away, and gives it back if another start took it meanwhile. */
  #discardStale(file: string): void {
    const aside = `${file}.stale.${process.pid}`;
    try {
      renameSync(file, aside);
      const moved = readRecord(aside);
      if (moved !== undefined && isRunning(moved)) linkSync(aside, file);
    } catch {
      // Another start was quicker; the next round sees what it left.
    }
    rmSync(aside, { force: true });
  }

  #file(name: string): string {
    return join(this.#folder, `${name}.process`);
  }

  #pidFile(name: string): string {
    return join(this.#folder, `${name}.pid`);
  }
}

function readRecord(file: string): ProcessRecord | undefined {
  try {
    return processRecord.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

function replaceFile(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
