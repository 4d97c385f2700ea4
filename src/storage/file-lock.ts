import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { ChanceryError } from '../domain/index.ts';
import { hasCode } from './file-errors.ts';
import { orEmpty, place } from './process-place.ts';
import { removeTemporary, temporaryBeside } from './temporary-files.ts';

/**
 * A lock that processes on one folder respect: a file made by link(2), which fails where one stands.
 * Node has no flock(2), and a lock of the kernel's would not hold between hosts on a shared folder.
 *
 * What a killed process leaves is taken over safely: the right to remove a lock is itself a lock,
 * named after the very lock to be removed (`x.lock.0badc0de`), so that of two who find it only one
 * removes it, and nobody removes the one that came after. A holder counts as gone when its process
 * is (same boot, same namespace of process ids, same start of the process), or, where that can't be
 * seen from here (another host or container), when its lock is older than `foreignSeconds`: it is
 * held for a rename and a sync of the folder, never for a transfer.
 */
const foreignSeconds = 60;
const waitSeconds = 30;

interface Holder {
  readonly token: string;
  readonly place: string;
  readonly pid: number;
  readonly started: string;
}

/** Locks that this process holds or is about to. */
const held = new Set<string>();

/**
 * Runs `work` while the lock is held.
 * @throws ChanceryError overloaded when others hold it for 30 s
 */
export async function withFileLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  const token = randomBytes(8).toString('hex');
  held.add(token);
  try {
    await acquire(file, token);
    try {
      return await work();
    } finally {
      // Who was stopped for longer than `foreignSeconds` may find another's lock there.
      if ((await readHolder(file))?.token === token) await unlink(file);
    }
  } finally {
    held.delete(token);
  }
}

async function acquire(file: string, token: string): Promise<void> {
  const own = temporaryBeside(file);
  const holder: Holder = { token, place, pid: process.pid, started: startOf(process.pid) };
  const giveUpAt = performance.now() + waitSeconds * 1000;
  try {
    // Whole before it is linked: whoever sees the lock can read whose it is.
    await writeFile(own, JSON.stringify(holder), { flag: 'wx', mode: 0o644 });
    for (let pause = 2; ; pause = Math.min(pause * 2, 50)) {
      try {
        await link(own, file);
        return;
      } catch (error) {
        if (!hasCode(error, 'EEXIST')) throw error;
      }
      const other = await readHolder(file);
      if (other !== undefined && (await isGone(file, other))) await removeLeft(file, other.token);
      else await delay(pause * (0.5 + Math.random()));
      if (performance.now() > giveUpAt) {
        throw new ChanceryError('overloaded', {
          message: `${file} is held by process ${other?.pid ?? '?'} for more than ${waitSeconds} s; nothing was published`,
          retryAfter: 30,
        });
      }
    }
  } finally {
    await removeTemporary(own);
  }
}

/** Removes that one lock, and no other: looked at again while the right to remove it is held. */
async function removeLeft(file: string, token: string): Promise<void> {
  await withFileLock(`${file}.${token}`, async () => {
    if ((await readHolder(file))?.token === token) await unlink(file);
  });
}

async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Holder;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    // Empty after a power cut: whoever wrote it is gone.
    if (error instanceof SyntaxError) return { token: 'unreadable', place, pid: 0, started: '' };
    throw error;
  }
}

async function isGone(file: string, holder: Holder): Promise<boolean> {
  if (holder.place === place) {
    if (holder.pid === process.pid && holder.started === startOf(process.pid)) {
      return !held.has(holder.token);
    }
    return holder.pid === 0 || startOf(holder.pid) !== holder.started;
  }
  const found = await stat(file).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > foreignSeconds * 1000;
}

/** The process's start in clock ticks since boot; empty when there is no such process. */
function startOf(pid: number): string {
  // The name, in parentheses, may hold anything: fields are counted after it (proc_pid_stat(5)).
  return orEmpty(
    () => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ')[19] ?? '',
  );
}
