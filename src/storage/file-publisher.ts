import { constants, type Dirent } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Publisher } from '../authority/ports.ts';
import { ChanceryError } from '../domain/index.ts';

/** One segment: no dot in front, so neither `..` nor a temporary file can be named. */
const segment = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}$/;

const temporaryName = /^\.(.+)\.(\d+)-(\d+)\.new$/;

/** Temporary files that this process is writing: all others of its number are left over. */
const underway = new Set<string>();
let counter = 0;

/**
 * Published files below a folder. A file is whole, old or new, at every moment: a temporary file
 * beside it is written and synced, renamed over it, and the folder is synced; then the file is read
 * again and compared.
 */
export function filePublisher(folder: string): Publisher {
  async function publish(path: string, content: Uint8Array): Promise<void> {
    const target = join(folder, ...segments(path));
    const parent = dirname(target);
    counter += 1;
    const name = `.${target.slice(parent.length + 1)}.${process.pid}-${counter}.new`;
    const temporary = join(parent, name);
    underway.add(temporary);
    try {
      await makeFolder(parent);
      await removeLeftovers(parent);
      await writeDurably(temporary, content);
      await rename(temporary, target);
      await syncFolder(parent);
      if (Buffer.compare(await readFile(target), content) !== 0) {
        throw new ChanceryError('internal', {
          message: `${path} reads differently from what was written; check the disk below ${folder}`,
        });
      }
    } catch (error) {
      // After the rename it is not there any more; what failed first is what counts.
      await unlink(temporary).catch(() => undefined);
      throw mapFileError(error, path);
    } finally {
      underway.delete(temporary);
    }
  }

  async function read(path: string): Promise<Uint8Array | undefined> {
    try {
      const content = await readFile(join(folder, ...segments(path)));
      return new Uint8Array(content.buffer, content.byteOffset, content.length);
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENOTDIR', 'EISDIR')) return undefined;
      throw mapFileError(error, path);
    }
  }

  async function list(prefix: string): Promise<readonly string[]> {
    const start = prefix.replace(/\/$/, '');
    const above = start === '' ? [] : segments(start);
    const found: string[] = [];
    const walk = async (below: readonly string[]): Promise<void> => {
      let entries: Dirent[];
      try {
        entries = await readdir(join(folder, ...below), { withFileTypes: true });
      } catch (error) {
        if (hasCode(error, 'ENOENT', 'ENOTDIR')) return;
        throw mapFileError(error, below.join('/'));
      }
      for (const entry of entries) {
        if (!segment.test(entry.name)) continue;
        const path = [...below, entry.name];
        if (entry.isDirectory()) await walk(path);
        else if (entry.isFile()) found.push(path.join('/'));
      }
    };
    await walk(above);
    return found.sort();
  }

  return { publish, read, list };
}

function segments(path: string): readonly string[] {
  const parts = path.split('/');
  if (!parts.every((part) => segment.test(part))) {
    throw new ChanceryError('invalidArgument', {
      message: `${JSON.stringify(path.slice(0, 200))} can't be published: a path is names of letters, digits, ., _ and -, with / between them`,
      field: 'path',
    });
  }
  return parts;
}

async function writeDurably(file: string, content: Uint8Array): Promise<void> {
  // O_EXCL with O_NOFOLLOW: nothing that somebody put there is written through.
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const handle = await open(file, flags, 0o644);
  try {
    await handle.writeFile(content);
    // A failed fsync is a failure for good: the kernel may report the same loss only once.
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes what is missing, and syncs each folder in which a new one stands. */
async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o755 });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) {
    await syncFolder(dirname(made));
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Temporary files of a process that was killed in the middle. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = temporaryName.exec(name)?.[2];
    const file = join(folder, name);
    if (pid === undefined || underway.has(file)) continue;
    if (Number(pid) === process.pid || !isAlive(Number(pid))) {
      await unlink(file).catch(() => undefined);
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

function mapFileError(error: unknown, path: string): unknown {
  if (hasCode(error, 'ENOSPC', 'EDQUOT')) {
    return new ChanceryError('overloaded', {
      message: `no space is left to publish ${path}; the one published before still stands`,
      retryAfter: 30,
      cause: error,
    });
  }
  return error;
}
