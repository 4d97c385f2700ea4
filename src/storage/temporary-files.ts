import { readdir, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { hasCode } from './file-errors.ts';
import { placeMark } from './process-place.ts';

/** Process, number, and where process ids are those of the process (`placeMark`). */
const temporaryName = /^\.(.+)\.(\d+)-(\d+)(?:-([0-9a-f]{8}))?\.new$/;
/** Of another host or container it can't be seen from here whether its writer lives. */
const foreignMilliseconds = 3_600_000;

/** Temporary files that this process is writing: all others of its number are left over. */
const underway = new Set<string>();
let counter = 0;

/** A name beside the target that begins with a dot, so it is neither listed nor served. */
export function temporaryBeside(target: string): string {
  counter += 1;
  const name = basename(target).replace(/^\./, '');
  const temporary = join(dirname(target), `.${name}.${process.pid}-${counter}-${placeMark}.new`);
  underway.add(temporary);
  return temporary;
}

/** Removes it where it is still there. */
export async function removeTemporary(file: string): Promise<void> {
  await unlink(file).catch(() => undefined);
  underway.delete(file);
}

/** Removes temporary files of a process that was killed in the middle; those of another place an hour later. */
export async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const [, , pid, , writtenAt = placeMark] = temporaryName.exec(name) ?? [];
    const file = join(folder, name);
    if (pid === undefined || underway.has(file)) continue;
    const over =
      writtenAt === placeMark
        ? Number(pid) === process.pid || !isAlive(Number(pid))
        : await isOld(file);
    if (over) await unlink(file).catch(() => undefined);
  }
}

async function isOld(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > foreignMilliseconds;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}
