import { randomBytes } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { CommandError } from './exit.ts';

/** Prints one line on standard output. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** The REST representation, as it came. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** Rows under headings, aligned; values that are missing are blank. */
export function printTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  for (const row of [headings.map((heading) => heading.toUpperCase()), ...rows]) {
    print(
      row
        .map((cell, column) =>
          column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    );
  }
}

/** `label: value` lines; undefined and empty values are left out. */
export function printFields(fields: readonly (readonly [string, unknown])[]): void {
  const shown = fields.filter(
    ([, value]) =>
      value !== undefined &&
      value !== null &&
      value !== '' &&
      !(Array.isArray(value) && value.length === 0),
  );
  const width = Math.max(...shown.map(([label]) => label.length), 0);
  for (const [label, value] of shown) {
    print(
      `${`${label}:`.padEnd(width + 2)}${Array.isArray(value) ? value.join(', ') : String(value)}`,
    );
  }
}

/**
 * Replaces the file whole or not at all: temporary file, fsync, rename, fsync of the folder.
 *
 * @throws CommandError that names the file
 */
export function writeFileWhole(file: string, content: string | Uint8Array, mode = 0o644): void {
  let pending: PendingFile | undefined;
  try {
    pending = beginFile(file, mode);
    writeFileSync(pending.descriptor, content);
    pending.commit();
  } catch (error) {
    pending?.discard();
    throw new CommandError(
      `${file} can't be written: ${(error as Error).message}`,
      undefined,
      error,
    );
  }
}

/** Content on its way into a file, beside the one that it will replace. */
export interface PendingFile {
  readonly descriptor: number;
  /** Puts it in place, durably. */
  commit(): void;
  /** Takes it away, unless it was put in place. */
  discard(): void;
}

/** Begins a file that replaces another one only when it is whole. */
export function beginFile(file: string, mode = 0o644): PendingFile {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  // Not through a link that somebody put there.
  const descriptor = openSync(temporary, 'wx', mode);
  let open = true;
  const close = (): void => {
    if (open) closeSync(descriptor);
    open = false;
  };
  return {
    descriptor,
    commit() {
      fsyncSync(descriptor);
      close();
      renameSync(temporary, file);
      const folder = openSync(dirname(file), 'r');
      try {
        fsyncSync(folder);
      } finally {
        closeSync(folder);
      }
    },
    discard() {
      close();
      rmSync(temporary, { force: true });
    },
  };
}

/** Before an act whose result goes to a file: what could not be written would be lost. */
export function requireWritableFolder(file: string): void {
  const folder = dirname(file);
  try {
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new CommandError(
      `${file} can't be written: ${(error as Error).message}; nothing was asked for yet`,
      undefined,
      error,
    );
  }
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new CommandError(`${file} can't be written: it is a folder; nothing was asked for yet`);
  }
}
