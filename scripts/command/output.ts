import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  openSync,
  renameSync,
  statSync,
  writeSync,
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

/** Replaces the file atomically: whole or as it was. */
export function writeFileWhole(file: string, content: string | Uint8Array, mode = 0o644): void {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    const descriptor = openSync(temporary, 'w', mode);
    try {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      writeSync(descriptor, bytes);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, file);
  } catch (error) {
    throw new CommandError(
      `${file} can't be written: ${(error as Error).message}`,
      undefined,
      error,
    );
  }
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
