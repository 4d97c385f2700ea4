import { readdir, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { hasCode } from './file-errors.ts';

const temporaryName = /^\.(.+)\.(\d+)-(\d+)\.new$/;

/** Temporary files that this process is writing: all others of its number are left over. */
const underway = new Set<string>();
let counter = 0;

/** A name beside the target that begins with a dot, so it is neither listed nor served. */
export function temporaryBeside(target: string): string {
  counter += 1;
  const name = basename(target).replace(/^\./, '');
  const temporary = join(dirname(target), `.${name}.${process.pid}-${counter}.new`);
  underway.add(temporary);
  return temporary;
}

/** Removes it where it is still there. */
export async function removeTemporary(file: string): Promise<void> {
  await unlink(file).catch(() => undefined);
  underway.delete(file);
}

/** Removes temporary files of a process that was killed in the middle. */
export async function removeLeftovers(folder: string): Promise<void> {
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
