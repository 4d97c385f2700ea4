/** Runs quickstart (or a stand-in of it) as a process and reads what it says. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
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
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      ...environment,
    },
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
  const names = ['HTTPS', 'HTTP', 'OCSP'];
  const ports = await freePortNumbers(names.length);
  return Object.fromEntries(
    names.map((name, index) => [`CHANCERY_${name}_PORT`, String(ports[index])]),
  );
}

/** Where a test's DNS server and challenge responders may listen. */
export interface AcmePorts {
  /** Free for UDP and TCP. */
  readonly dns: number;
  readonly http01: number;
  readonly tlsAlpn01: number;
  /** Points validation at them, at this machine itself; no public name is ever looked up. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Free ports of 127.0.0.1 for ACME's validation. */
export async function acmePorts(): Promise<AcmePorts> {
  const [dns = 0, http01 = 0, tlsAlpn01 = 0] = await freePortNumbers(3);
  return {
    dns,
    http01,
    tlsAlpn01,
    environment: {
      CHANCERY_ACME_RESOLVER: `127.0.0.1:${dns}`,
      CHANCERY_ACME_HTTP01_PORT: String(http01),
      CHANCERY_ACME_TLSALPN01_PORT: String(tlsAlpn01),
      CHANCERY_ACME_ALLOW_LOOPBACK: 'true',
    },
  };
}

/** Ports of 127.0.0.1, all different, on which nobody listens by TCP or UDP. */
async function freePortNumbers(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listenAnywhere));
  for (const { close } of servers) await close();
  return servers.map(({ port }) => port);
}

/**
 * A port that nobody listens on, below those that the kernel gives to outgoing connections: one of
 * theirs could take it between this look and the start of the process that wants it.
 */
async function listenAnywhere(): Promise<{ readonly port: number; close(): Promise<void> }> {
  for (let attempt = 1; ; attempt++) {
    const port = randomInt(10_240, 32_768);
    const server = createServer();
    const socket = createSocket('udp4');
    const close = async (): Promise<void> => {
      await new Promise<void>((done) => socket.close(() => done()));
      await new Promise<void>((done) => server.close(() => done()));
    };
    try {
      await new Promise<void>((done, fail) => {
        server.once('error', fail);
        server.listen(port, '127.0.0.1', done);
      });
      await new Promise<void>((done, fail) => {
        socket.once('error', fail);
        socket.bind(port, '127.0.0.1', done);
      });
    } catch (error) {
      await close();
      if (attempt === 20) throw error;
      continue;
    }
    return { port, close };
  }
}

/** The process id in `$CHANCERY_DATA/run/<name>.pid`; undefined without the file. */
export function pidOf(dataFolder: string, name: string): number | undefined {
  try {
    return Number(readFileSync(join(dataFolder, 'run', `${name}.pid`), 'utf8'));
  } catch {
    // Not there, or removed between two starts.
    return undefined;
  }
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
