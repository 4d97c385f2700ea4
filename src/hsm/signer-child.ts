import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import type { FromSigner, LogLevel, ToSigner } from './messages.ts';

export type Log = (
  level: LogLevel,
  message: string,
  fields: Readonly<Record<string, unknown>>,
) => void;

export interface ChildHooks {
  readonly message: (message: FromSigner) => void;
  /** Called once, whatever ended it. */
  readonly ended: (how: string) => void;
  readonly log: Log;
}

export interface ChildSettings {
  /** All of the child's environment beside what it needs to run: for example SOFTHSM2_CONF. */
  readonly environment: Readonly<Record<string, string>>;
  readonly sessions: number;
}

/** Threads beyond one a session: key generation and the runtime's own file reads. */
const spareThreads = 4;

/** How long the messages of a process that has ended may take to be read. */
const drainMilliseconds = 1000;

/** One signer process. It never outlives its parent, and what it does not need it does not see. */
export class SignerChild {
  readonly #process: ChildProcess;
  /** Resolves when the process is gone. */
  readonly ended: Promise<void>;
  #over = false;

  constructor(settings: ChildSettings, hooks: ChildHooks) {
    const script = new URL('./signer-process.ts', import.meta.url);
    this.#process = fork(script, [], {
      execArgv: [],
      serialization: 'advanced',
      // Standard output stays closed: a module that prints must not write into ours.
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: {
        ...settings.environment,
        UV_THREADPOOL_SIZE: String(settings.sessions + spareThreads),
        NODE_NO_WARNINGS: '1',
      },
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    const end = (how: string): void => {
      resolve();
      if (this.#over) return;
      this.#over = true;
      hooks.ended(how);
    };
    this.#process.on('message', (message) => {
      if (!this.#over) hooks.message(message as FromSigner);
    });
    this.#process.on('error', (error) => {
      this.kill();
      end(error.message);
    });
    this.#process.on('exit', (code, signal) => {
      const how = signal ?? `exit status ${code ?? 'unknown'}`;
      if (!this.#process.connected) {
        end(how);
        return;
      }
      // What it said last may still stand in the channel, which closes after the last message. A
      // channel that something else holds open is not waited for.
      const timer = setTimeout(() => end(how), drainMilliseconds);
      this.#process.once('disconnect', () => {
        clearTimeout(timer);
        end(how);
      });
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      hooks.log('warn', 'the signer process wrote to standard error', {
        text: text.slice(0, 2000).trimEnd(),
      });
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  send(message: ToSigner): void {
    if (this.#over || !this.#process.connected) return;
    // A channel that closes meanwhile ends the process, which `ended` reports.
    this.#process.send(message, () => undefined);
  }

  /** SIGKILL: nothing gentler reaches a process that hangs in a module. */
  kill(): void {
    this.#process.kill('SIGKILL');
  }
}
