/** One supervised process: started, started again with back-off when it dies, stopped in order. */
import { setTimeout as delay } from 'node:timers/promises';

/** A process that runs now. */
export interface RunningProcess {
  readonly pid: number;
  /** Resolves with its exit code when it has gone; null after a signal. */
  readonly exited: Promise<number | null>;
  /** Asks it to end and kills it when it has not after 30 s. */
  stop(): Promise<void>;
  /** The last thing that it said, for the one line that explains why it will not start. */
  lastWords(): string;
}

/** Exit code of a process whose configuration is wrong (EX_CONFIG of sysexits): no use to repeat. */
export const configurationErrorExitCode = 78;

/** How often a process may die before it was ever ready; then the start as a whole has failed. */
const attemptsBeforeReady = 3;
const firstDelay = 500;
/** Service must be back within 30 s of whatever kept the process from starting. */
const longestDelay = 10_000;
/** How often a process that was started again is asked whether it is well. */
const wellPoll = 250;

export interface SupervisedOptions {
  readonly name: string;
  readonly start: () => Promise<RunningProcess>;
  /**
   * Whether the process does its work now. Once it did, it was well: its next death is the first of
   * a new row, so that a single crash never waits for what an earlier trouble added to the back-off.
   */
  readonly isWell: () => Promise<boolean>;
  readonly say: (line: string) => void;
  /** Called with each new process id, and with undefined when none runs. */
  readonly onPid: (pid: number | undefined) => void;
  /** Called once when it cannot be kept running; everything is stopped then. */
  readonly onGivenUp: (why: string) => void;
}

/** Keeps one process running until it is stopped. */
export class Supervised {
  readonly #options: SupervisedOptions;
  readonly #stopping = new AbortController();
  #running: RunningProcess | undefined;
  #loop: Promise<void> = Promise.resolve();
  #wasReady = false;
  /** Deaths in a row without having been well in between. */
  #deaths = 0;

  constructor(options: SupervisedOptions) {
    this.#options = options;
  }

  /** Starts it and returns once the first process is there; keeps watch from then on. */
  async start(): Promise<void> {
    await this.#launch();
    this.#loop = this.#watch();
  }

  /** From here on it is started again however often it dies. */
  markReady(): void {
    this.#wasReady = true;
  }

  /** Stops it for good. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running?.stop();
    await this.#loop;
  }

  async #launch(): Promise<void> {
    this.#running = await this.#options.start();
    this.#options.onPid(this.#running.pid);
    // Stopped while it was being started: stop() saw no process yet.
    if (this.#stopping.signal.aborted) await this.#running.stop();
  }

  async #watch(): Promise<void> {
    const { name, say } = this.#options;
    for (;;) {
      const running = this.#running;
      const code = running === undefined ? null : await this.#exitOf(running);
      this.#running = undefined;
      this.#options.onPid(undefined);
      if (this.#stopping.signal.aborted) return;
      const words = running?.lastWords() ?? '';
      this.#deaths += 1;
      const deaths = this.#deaths;
      if (code === configurationErrorExitCode) {
        this.#options.onGivenUp(`${name}: ${words}`);
        return;
      }
      if (!this.#wasReady && deaths >= attemptsBeforeReady) {
        this.#options.onGivenUp(`${name} ended ${deaths} times before it was ready: ${words}`);
        return;
      }
      const wait = Math.min(firstDelay * 2 ** (deaths - 1), longestDelay);
      say(
        `${name} ended (${code === null ? 'by a signal' : `exit code ${code}`}); starting it again in ${wait / 1000} s`,
      );
      await this.#startAgain(wait);
      if (this.#stopping.signal.aborted) return;
    }
  }

  /** Waits for the end of a process, and notes meanwhile when it is well. */
  async #exitOf(running: RunningProcess): Promise<number | null> {
    const gone = new AbortController();
    const observed = this.#observe(gone.signal);
    try {
      return await running.exited;
    } finally {
      gone.abort();
      await observed;
    }
  }

  async #observe(gone: AbortSignal): Promise<void> {
    while (!gone.aborted && !this.#stopping.signal.aborted) {
      if (await this.#options.isWell().catch(() => false)) {
        if (!gone.aborted) this.#deaths = 0;
        return;
      }
      await delay(wellPoll, undefined, { signal: gone }).catch(() => undefined);
    }
  }

  async #startAgain(wait: number): Promise<void> {
    const signal = this.#stopping.signal;
    await delay(wait, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    try {
      await this.#launch();
    } catch (error) {
      // Counts as a death of its own in the loop: no process, no exit code.
      this.#options.say(
        `${this.#options.name}: ${error instanceof Error ? error.message : 'could not be started'}`,
      );
    }
  }
}
