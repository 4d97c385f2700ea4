/** Runs quickstart (or a stand-in of it) as a process and reads what it says. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A quickstart process and its output so far. */
export interface QuickstartRun {
  readonly process: ChildProcess;
  readonly standardOutput: () => string;
  readonly standardError: () => string;
  /** Resolves when a line beginning with `ready` is there; fails when the process ends before. */
  ready(): Promise<void>;
  /** The exit code; null after a signal. */
  readonly exited: Promise<number | null>;
}

/** Starts a script under this Node with these variables added to a small environment. */
export function startQuickstart(
  script: string,
  environment: Readonly<Record<string, string>>,
): QuickstartRun {
  const child = spawn(process.execPath, [resolve(script)], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const exited = new Promise<number | null>((done) => {
    child.once('close', (code) => done(code));
  });
  return {
    process: child,
    standardOutput: () => output,
    standardError: () => errors,
    exited,
    ready: async () => {
      await until('the line "ready"', () => {
        if (child.exitCode !== null) throw new Error(`quickstart ended: ${output}${errors}`);
        return /^ready/m.test(output);
      });
    },
  };
}

/** Waits for a condition; fails with its name after `milliseconds`. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  milliseconds = 30_000,
): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await delay(25);
  }
}

/** Three free ports as the variables that quickstart reads. */
export async function freePorts(): Promise<Record<string, string>> {
  const servers = await Promise.all(['HTTPS', 'HTTP', 'OCSP'].map(listenAnywhere));
  const ports = servers.map(({ name, port }) => [`CHANCERY_${name}_PORT`, String(port)] as const);
  for (const { close } of servers) await close();
  return Object.fromEntries(ports);
}

/**
 * A port that nobody listens on, below those that the kernel gives to outgoing connections: one of
 * theirs could take it between this look and the start of the process that wants it.
 */
async function listenAnywhere(
  name: string,
): Promise<{ readonly name: string; readonly port: number; close(): Promise<void> }> {
  for (let attempt = 1; ; attempt++) {
    const port = randomInt(10_240, 32_768);
    const server = createServer();
    try {
      await new Promise<void>((done, fail) => {
        server.once('error', fail);
        server.listen(port, '127.0.0.1', done);
      });
    } catch (error) {
      if (attempt === 20) throw error;
      continue;
    }
    const close = async (): Promise<void> =>
      await new Promise<void>((done) => server.close(() => done()));
    return { name, port, close };
  }
}

/** The process id in `$CHANCERY_DATA/run/<name>.pid`; undefined without the file. */
export function pidOf(dataFolder: string, name: string): number | undefined {
  const file = join(dataFolder, 'run', `${name}.pid`);
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined;
}

/** Whether a process with that id runs (zombies do not). */
export function runs(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
