/**
 * What scripts/test runs once the machine is prepared: the static checks, then the tests, then one
 * line that counts both. A skipped test counts as failed: a check that did not run proved nothing.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  type Counts,
  countReport,
  failedFiles,
  type Report,
  readReport,
  withSecondRun,
} from './report.ts';
import { writeSbom } from './sbom.ts';

const root = resolve(import.meta.dirname, '../..');
const folder = join(root, 'build/gate');
const summaryFile = join(folder, 'summary.txt');
const reportFile = join(folder, 'vitest.json');

interface StaticCheck {
  readonly name: string;
  readonly run: () => Promise<boolean>;
}

/** Runs a program of node_modules/.bin in the clone; true when it exits 0. */
function program(command: string, ...parameters: readonly string[]): () => Promise<boolean> {
  return async () =>
    await new Promise((done) => {
      const child = spawn(join(root, 'node_modules/.bin', command), parameters, {
        cwd: root,
        stdio: 'inherit',
      });
      child.on('error', (error) => {
        console.error(`${command} could not be started: ${error.message}`);
        done(false);
      });
      child.on('exit', (code) => done(code === 0));
    });
}

const staticChecks: readonly StaticCheck[] = [
  { name: 'types (tsc)', run: program('tsc', '-p', 'tsconfig.json') },
  { name: 'lint (oxlint, type-aware)', run: program('oxlint', '--type-aware', '--deny-warnings') },
  { name: 'format (biome)', run: program('biome', 'check', '--error-on-warnings', '.') },
  { name: 'unused code and packages (knip)', run: program('knip', '--no-config-hints') },
  {
    name: 'bill of materials (build/sbom.cdx.json)',
    run: async () => {
      await writeSbom(root, join(root, 'build/sbom.cdx.json'));
      return true;
    },
  },
];

async function runStaticChecks(): Promise<Counts> {
  let passed = 0;
  let failed = 0;
  for (const check of staticChecks) {
    console.log(`\n== ${check.name}`);
    // A check that throws has failed; the others still run.
    const good = await check.run().catch((error: unknown) => {
      console.error(error);
      return false;
    });
    console.log(good ? 'passed' : `FAILED: ${check.name}`);
    if (good) passed += 1;
    else failed += 1;
  }
  return { passed, failed };
}

/** Runs vitest over the paths; its report, and whether it was content. */
async function vitest(
  paths: readonly string[],
  ...more: readonly string[]
): Promise<{ readonly report: Report; readonly content: boolean }> {
  rmSync(reportFile, { force: true });
  const content = await program(
    'vitest',
    'run',
    ...paths,
    ...more,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${reportFile}`,
  )();
  return { report: readReport(reportFile), content };
}

/** More failed files than this are no accident of a busy machine. */
const mostSecondRuns = 4;

/**
 * All tests, then once more the few files that failed, alone on the machine: these tests kill
 * processes and wait with deadlines, and a machine that others use as well may miss one. A file
 * counts by its second run, and the gate says which needed one: it is a defect to be found, of the
 * test or of the product, but no reason to refuse everything else.
 */
async function runTests(paths: readonly string[]): Promise<Counts> {
  console.log('\n== tests (vitest)');
  const first = await vitest(paths);
  let { report, content } = first;
  const again = failedFiles(report);
  if (again !== undefined && again.length > 0 && again.length <= mostSecondRuns) {
    const { complaints } = countReport(report);
    for (const complaint of complaints) console.log(`FAILED AT FIRST: ${complaint}`);
    console.log('\n== tests that failed, once more and alone');
    const second = await vitest(again, '--maxWorkers=1');
    report = withSecondRun(report, second.report);
    content = second.content;
    if (content) console.log(`PASSED ONLY ON A SECOND RUN: ${again.join(', ')}`);
  }
  const { passed, failed, complaints } = countReport(report);
  for (const complaint of complaints) console.log(`FAILED: ${complaint}`);
  // vitest also fails for what belongs to no test: an unhandled rejection, a worker that died.
  return { passed, failed: content || failed > 0 ? failed : 1 };
}

const parameters = process.argv.slice(2);
const paths = parameters.filter((parameter) => parameter !== '--all');
if (parameters.includes('--all')) process.env['CHANCERY_TEST_ALL'] = '1';

mkdirSync(folder, { recursive: true });
rmSync(summaryFile, { force: true });
if (paths.length > 0) console.log('Only the named tests; the static checks are left out.');
const checks = paths.length > 0 ? { passed: 0, failed: 0 } : await runStaticChecks();
const tests = await runTests(paths);
const failed = checks.failed + tests.failed;
const summary = `${checks.passed + tests.passed} passed, ${failed} failed`;
writeFileSync(summaryFile, `${summary}\n`);
console.log(`\n${summary}`);
process.exitCode = failed === 0 ? 0 : 1;
