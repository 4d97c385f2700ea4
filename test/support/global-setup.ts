/**
 * Runs once around a vitest run: a folder that all test files share. PostgreSQL is started in it by
 * the first file that asks (test/support/postgres.ts), so a run of unit tests alone starts nothing.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stopLeftoverPostgres } from '../../scripts/supervisor/embedded-postgres.ts';

/** Databases of failed tests leave a file in this folder below the shared one. */
export const keptFolderName = 'kept';

/** Makes the folder and returns what removes it at the end. */
export default function setup(): () => Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-test-'));
  process.env['CHANCERY_TEST_FOLDER'] = folder;
  // Hundreds of processes of the product are started from source: each module is compiled once a run.
  process.env['NODE_COMPILE_CACHE'] = join(folder, 'compile-cache');
  return async () => {
    const cluster = join(folder, 'postgres');
    await stopLeftoverPostgres(cluster);
    const kept = listFiles(join(folder, keptFolderName));
    if (kept.length === 0) rmSync(folder, { recursive: true, force: true });
    else console.log(`Databases of failed tests are kept in ${cluster}: ${kept.join(', ')}`);
  };
}

function listFiles(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
