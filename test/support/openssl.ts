import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Certificate, encodePem } from '../../src/pkix/index.ts';

/** What a command answered. */
export interface CommandAnswer {
  readonly status: number | null;
  readonly output: string;
}

/** Runs a program with arguments (no shell); standard output and error together. */
export function runCommand(command: string, parameters: readonly string[]): CommandAnswer {
  const { status, stdout, stderr } = spawnSync(command, [...parameters], { encoding: 'utf8' });
  return { status, output: `${stdout}${stderr}` };
}

/** A folder for files that outside tools read; `remove` it after the tests. */
export interface ScratchFolder {
  /** Writes certificates as PEM and answers the file's path. */
  pem(name: string, certificates: readonly Certificate[]): string;
  file(name: string, content: string | Uint8Array): string;
  remove(): void;
}

export function scratchFolder(): ScratchFolder {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-test-'));
  const file = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  return {
    file,
    pem: (name, certificates) =>
      file(name, certificates.map(({ der }) => encodePem('CERTIFICATE', der)).join('')),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
