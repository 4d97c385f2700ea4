/** Reads vitest's JSON report as the gate counts it. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** How many checks or tests passed and failed. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

/** A report as the gate counts it: by file, so that a second run of some files can replace their part. */
export interface Report {
  /** Passed tests and complaints, by file; a complaint that belongs to no file stands under ''. */
  readonly files: ReadonlyMap<
    string,
    { readonly passed: number; readonly complaints: readonly string[] }
  >;
}

const report = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});

/**
 * Reads a report file. Skipped, pending and to-do tests count as failed, as does a file that could
 * not be loaded. A missing or unreadable report is one failure, never zero.
 */
export function readReport(file: string): Report {
  const files = new Map<string, { passed: number; complaints: string[] }>();
  const of = (name: string) => {
    const found = files.get(name) ?? { passed: 0, complaints: [] };
    files.set(name, found);
    return found;
  };
  try {
    const { testResults } = report.parse(JSON.parse(readFileSync(file, 'utf8')));
    for (const { name, status, assertionResults } of testResults) {
      const entry = of(name);
      for (const test of assertionResults) {
        if (test.status === 'passed') entry.passed += 1;
        else entry.complaints.push(`${test.fullName} (${test.status}, ${name})`);
      }
      const seen = assertionResults.some((test) => test.status !== 'passed');
      if (status !== 'passed' && !seen) entry.complaints.push(`${name} (${status})`);
      else if (assertionResults.length === 0) entry.complaints.push(`${name} (no test in it)`);
    }
    if (testResults.length === 0) of('').complaints.push('no test was run');
  } catch (error) {
    of('').complaints.push(
      `no report of the tests: ${error instanceof Error ? error.message : 'unknown'}`,
    );
  }
  return { files };
}

/** Passed tests and complaints of all files. */
export function countReport({
  files,
}: Report): Counts & { readonly complaints: readonly string[] } {
  const complaints = [...files.values()].flatMap((file) => file.complaints);
  const passed = [...files.values()].reduce((sum, file) => sum + file.passed, 0);
  return { passed, failed: complaints.length, complaints };
}

/** Files with a failure; undefined when something failed that belongs to no file. */
export function failedFiles({ files }: Report): readonly string[] | undefined {
  const failed = [...files].filter(([, { complaints }]) => complaints.length > 0);
  return failed.some(([name]) => name === '') ? undefined : failed.map(([name]) => name);
}

/** The first report with the files of the second in place of its own. */
export function withSecondRun(first: Report, second: Report): Report {
  return { files: new Map([...first.files, ...second.files]) };
}
