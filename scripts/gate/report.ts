/** Reads vitest's JSON report as the gate counts it. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** How many checks or tests passed and failed. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
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
 * Counts a report file. Skipped, pending and to-do tests count as failed, as does a file that could
 * not be loaded. A missing or unreadable report is one failure, never zero.
 */
export function readReport(file: string): Counts & { readonly complaints: readonly string[] } {
  let passed = 0;
  const complaints: string[] = [];
  try {
    const { testResults } = report.parse(JSON.parse(readFileSync(file, 'utf8')));
    for (const { name, status, assertionResults } of testResults) {
      for (const test of assertionResults) {
        if (test.status === 'passed') passed += 1;
        else complaints.push(`${test.fullName} (${test.status}, ${name})`);
      }
      const seen = assertionResults.some((test) => test.status !== 'passed');
      if (status !== 'passed' && !seen) complaints.push(`${name} (${status})`);
      else if (assertionResults.length === 0) complaints.push(`${name} (no test in it)`);
    }
    if (testResults.length === 0) complaints.push('no test was run');
  } catch (error) {
    complaints.push(
      `no report of the tests: ${error instanceof Error ? error.message : 'unknown'}`,
    );
  }
  return { passed, failed: complaints.length, complaints };
}
