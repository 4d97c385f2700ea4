/** How the gate counts: what did not run proved nothing, and a second run hides no failure. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  countReport,
  failedFiles,
  type Report,
  readReport,
  withSecondRun,
} from '../../scripts/gate/report.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'chancery-gate-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A report file with the given tests, by file. */
function reportOf(files: Readonly<Record<string, readonly string[]>>): Report {
  const testResults = Object.entries(files).map(([name, statuses]) => ({
    name,
    status: statuses.every((status) => status === 'passed') ? 'passed' : 'failed',
    assertionResults: statuses.map((status, n) => ({ fullName: `test ${n}`, status })),
  }));
  const file = join(folder, 'report.json');
  writeFileSync(file, JSON.stringify({ testResults }));
  return readReport(file);
}

describe('what counts as failed', () => {
  it.each(['failed', 'skipped', 'pending', 'todo', 'disabled'])('a test that is %s', (status) => {
    const { passed, failed } = countReport(reportOf({ 'a.test.ts': ['passed', status] }));
    expect({ passed, failed }).toEqual({ passed: 1, failed: 1 });
  });

  it('a file without tests, an empty report, and none at all', () => {
    expect(countReport(reportOf({ 'a.test.ts': [] })).failed).toBe(1);
    expect(countReport(reportOf({})).failed).toBe(1);
    const missing = readReport(join(folder, 'nothing.json'));
    expect(countReport(missing).failed).toBe(1);
    // Nothing that could be run once more.
    expect(failedFiles(missing)).toBeUndefined();
  });
});

describe('a second run of the files that failed', () => {
  const first = () => reportOf({ 'a.test.ts': ['passed'], 'b.test.ts': ['passed', 'failed'] });

  it('concerns exactly those', () => {
    expect(failedFiles(first())).toEqual(['b.test.ts']);
  });

  it('replaces their part and no other', () => {
    const good = withSecondRun(first(), reportOf({ 'b.test.ts': ['passed', 'passed'] }));
    expect(countReport(good)).toMatchObject({ passed: 3, failed: 0 });
    const bad = withSecondRun(first(), reportOf({ 'b.test.ts': ['failed', 'failed'] }));
    expect(countReport(bad)).toMatchObject({ passed: 1, failed: 2 });
  });

  it('without a report leaves the failure standing', () => {
    const none = withSecondRun(first(), readReport(join(folder, 'nothing.json')));
    expect(countReport(none).failed).toBe(2);
  });
});
