import { defineConfig } from 'vitest/config';
import { sampled } from './test/support/sampled.ts';

/** Each runs an installation of its own for half a minute to two; of these the gate runs five. */
const longest = ['acme-crash', 'clock', 'crash', 'database-away', 'database-crash', 'disk']
  .concat('process-stop', 'restore', 'token-away', 'two-nodes')
  .map((name) => `test/faults/${name}.test.ts`);
/** Who names files means those. */
const isWholeGate = !process.argv
  .slice(2)
  .some((argument) => !argument.startsWith('-') && argument.includes('test/'));
const chosen = isWholeGate ? sampled('the longest files', longest, 5) : longest;

/**
 * Files run in processes of their own (`forks`): a PKCS#11 module is initialised once a process,
 * and C code reads the process's real environment, which a worker thread only copies.
 *
 * Three workers for the 2 cores that the gate is sized for: tests of whole installations wait for
 * processes to start and for schedules a third of their time.
 * Benchmarks (test/bench) are not tests: they report figures and are run by `npm run bench`.
 */
export default defineConfig({
  test: {
    include: [
      'test/{architecture,unit,property,vectors,conformance,integration,interop,faults}/**/*.test.ts',
    ],
    exclude: longest.filter((file) => !chosen.includes(file)),
    pool: 'forks',
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 120_000,
    teardownTimeout: 60_000,
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default'],
    allowOnly: false,
    passWithNoTests: false,
    restoreMocks: true,
    sequence: { hooks: 'list' },
  },
});
