import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const program = new URL('../support/publish-file.ts', import.meta.url).pathname;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'disk-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A file system of 64 KiB, seen by this command only. */
function onTinyDisk(commands: string): string {
  const script = `mount -t tmpfs -o size=64k none "${folder}" && ${commands}`;
  const { stdout, stderr } = spawnSync('unshare', ['-rm', 'sh', '-c', script], {
    encoding: 'utf8',
  });
  return `${stdout}${stderr}`.trim();
}

describe('T-DISK-1: a full disk', () => {
  test('leaves the file that was published before, whole, and nothing half written', () => {
    const publish = (size: number): string =>
      `"${process.execPath}" "${program}" "${folder}" ${size}`;
    const said = onTinyDisk(
      `${publish(20_000)}; ${publish(60_000)}; wc -c < "${folder}/crl/0.crl"; ls -A "${folder}/crl"; ${publish(30_000)}`,
    );
    expect(said.split(/\s+/)).toEqual(['done', 'overloaded', '20000', '0.crl', 'done']);
  });
});

describe('T-DISK-2: a failed fsync', () => {
  const publishUnder = (...inject: readonly string[]): string =>
    execFileSync(
      'strace',
      ['-f', '-qqq', '-o', '/dev/null', ...inject, process.execPath, program, folder, '1000'],
      // strace counts by thread: with one of them the second call is the folder's.
      { encoding: 'utf8', env: { ...process.env, UV_THREADPOOL_SIZE: '1' } },
    ).trim();

  test('of the file is a failure, not tried again, and the old file stands', () => {
    expect(
      execFileSync(process.execPath, [program, folder, '10'], { encoding: 'utf8' }).trim(),
    ).toBe('done');
    expect(publishUnder('-e', 'trace=fsync', '-e', 'inject=fsync:error=EIO:when=1')).toBe('EIO');
    expect(readdirSync(join(folder, 'crl'))).toEqual(['0.crl']);
    expect(readFileSync(join(folder, 'crl/0.crl'))).toHaveLength(10);
  });

  test('of the folder is a failure: what was published is not known to be durable', () => {
    execFileSync(process.execPath, [program, folder, '10']);
    expect(publishUnder('-e', 'trace=fsync', '-e', 'inject=fsync:error=EIO:when=2')).toBe('EIO');
    // Old or new, but whole.
    expect([10, 1000]).toContain(readFileSync(join(folder, 'crl/0.crl')).length);
  });
});
