/** A Node program as a supervised process: its output in a log file, its session its own. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { endProcess, processRecordOf } from './process-record.ts';
import type { RunningProcess } from './supervised.ts';

/** How long a process may take to finish what it has begun after SIGTERM. */
export const stopWithin = 30_000;

export interface NodeProcessOptions {
  /** Parameters of the Node that runs this: a script and its own parameters. */
  readonly parameters: readonly string[];
  readonly folder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logFile: string;
}

/**
 * Starts it. Output goes to the file directly, not through a pipe of ours: a supervisor that is
 * killed must not take the CA with it. Detached for the same reason, and so that Ctrl-C in the
 * terminal reaches the supervisor alone, which stops all in order.
 */
export async function startNodeProcess(options: NodeProcessOptions): Promise<RunningProcess> {
  const log = openSync(options.logFile, 'a', 0o600);
  const from = statSync(options.logFile).size;
  const child = spawn(process.execPath, options.parameters, {
    cwd: options.folder,
    env: options.environment,
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  await new Promise<void>((done, refuse) => {
    child.once('spawn', () => done());
    child.once('error', refuse);
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${options.parameters.join(' ')} could not be started`);
  const record = processRecordOf(pid);
  const exited = new Promise<number | null>((done) => {
    if (child.exitCode !== null || child.signalCode !== null) done(child.exitCode);
    else child.once('exit', (code) => done(code));
  });
  return {
    pid,
    exited,
    stop: async () => {
      if (record !== undefined) await endProcess(record, 'SIGTERM', stopWithin);
      await exited;
    },
    lastWords: () => lastMessage(options.logFile, from),
  };
}

/** What Node prints around an uncaught error, which says less than the error's own line. */
const decoration = /^\s*(at .*|\^+|[{}\]]|Node\.js v[\d.]+)?\s*$/;

/** The last line of a log, from an offset on, that says something; of a JSON line its message. */
function lastMessage(file: string, from: number): string {
  const lines = readFileSync(file).subarray(from).toString('utf8').split('\n');
  const line = lines.findLast((candidate) => !decoration.test(candidate));
  return line === undefined ? `it said nothing (log: ${file})` : messageOf(line.trim());
}

function messageOf(line: string): string {
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed === 'object' && parsed !== null && 'msg' in parsed) {
      const { msg, err } = parsed as {
        readonly msg: unknown;
        readonly err?: { readonly message?: string };
      };
      // The message says what failed, the error why.
      return err?.message === undefined ? String(msg) : `${String(msg)}: ${err.message}`;
    }
  } catch {
    // Not JSON: the line itself.
  }
  return line;
}
