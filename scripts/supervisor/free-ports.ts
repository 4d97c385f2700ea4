/** Whether the ports are free before anything is started, and who has one that is not. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { ChanceryError } from '../../src/domain/index.ts';

/** A TCP port that must be free, and the variable that moves it. */
export interface PortSetting {
  readonly variable: string;
  readonly port: number;
}

/**
 * Binds each port once and lets it go.
 *
 * @throws ChanceryError `configuration`, one line: the port, its variable, and the process that has it when it can be
 *   told (only root sees other users' processes)
 */
export async function requireFreePorts(
  ports: readonly PortSetting[],
  addresses: readonly string[],
): Promise<void> {
  const seen = new Map<number, string>();
  for (const { port, variable } of ports) {
    const other = seen.get(port);
    if (other !== undefined) {
      throw refusal(`${other} and ${variable} are both ${port}: give one another port`);
    }
    seen.set(port, variable);
    for (const address of addresses) {
      const code = await tryToListen(port, address);
      if (code === 'EADDRINUSE') {
        throw refusal(
          `Port ${port} (${variable}) is in use by ${ownerOf(port)}: stop that, or set ${variable} to another port`,
        );
      }
      if (code === 'EACCES') {
        throw refusal(
          `Port ${port} (${variable}) is not allowed for this user: set ${variable} to a port above 1023`,
        );
      }
    }
  }
}

function refusal(message: string): ChanceryError {
  return new ChanceryError('configuration', { message });
}

/** The error's code, or undefined when it worked or the machine lacks the address (no IPv6). */
async function tryToListen(port: number, address: string): Promise<string | undefined> {
  return await new Promise((done) => {
    const server = createServer();
    server.once('error', (error) => done('code' in error ? String(error.code) : error.message));
    server.listen({ port, host: address, exclusive: true }, () => {
      server.close(() => done(undefined));
    });
  });
}

/** Reads /proc: the listening socket's inode, then the process that has it open. */
function ownerOf(port: number): string {
  const wanted = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readText(table).split('\n').slice(1)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      const listening = state === '0A';
      if (listening && inode !== undefined && parseInt(local?.split(':')[1] ?? '', 16) === port) {
        wanted.add(`socket:[${inode}]`);
      }
    }
  }
  for (const pid of list('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const descriptor of list(`/proc/${pid}/fd`)) {
      if (wanted.has(readLink(`/proc/${pid}/fd/${descriptor}`))) {
        return `process ${pid} (${commandOf(pid)})`;
      }
    }
  }
  return 'another process';
}

/** The start of its command line: a thread's name (`MainThread` of Node) says nothing. */
function commandOf(pid: string): string {
  const words = readText(`/proc/${pid}/cmdline`).split('\0').filter(Boolean);
  return words.slice(0, 2).join(' ').slice(0, 80) || readText(`/proc/${pid}/comm`).trim();
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function readLink(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}
