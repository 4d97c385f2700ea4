/** Reports and evidence by the command, against a running installation: by whom, in which form, with which exit code. */
import { existsSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { useInstallation } from '../../support/installation.ts';

const chancery = useInstallation();
let auditor: Readonly<Record<string, string>>;
let operator: Readonly<Record<string, string>>;

beforeAll(async () => {
  const tokenOf = async (name: string, role: string): Promise<Record<string, string>> => {
    await chancery.ok('principal', 'create', name, '--role', role);
    const token = await chancery.ok('credential', 'create', name);
    return { CHANCERY_TOKEN_FILE: chancery.write(`${name}.token`, token) };
  };
  auditor = await tokenOf('carla', 'auditor');
  operator = await tokenOf('otto', 'operator');
});

interface ReportJson {
  readonly id: string;
  readonly by: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly answers: readonly {
    readonly reference: string;
    readonly status: string;
    readonly reason: string;
    readonly evidence: readonly object[];
  }[];
}

describe('report sp800-57', () => {
  test('an auditor makes it, in each form; an operator may not', async () => {
    const text = await chancery.chanceryAs(auditor, 'report', 'sp800-57');
    expect([text.code, text.stderr]).toEqual([0, '']);
    expect(text.stdout).toMatch(
      /^NIST SP 800-57 Part 1 Rev\. 5, answered \S+Z by carla \(report \d+\)\n/,
    );
    const page = await chancery.chanceryAs(
      auditor,
      ...['report', 'sp800-57', '--latest', '--format', 'html', '--out', 'report.html'],
    );
    expect([page.code, page.stdout]).toEqual([0, '']);
    expect(chancery.read('report.html')).toContain('<!DOCTYPE html>');
    const refused = await chancery.chanceryAs(operator, 'report', 'sp800-57');
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('reports:read')]);
  });

  test('SoftHSM is never a pass; every answer has evidence and a reason', async () => {
    const report = await chancery.json<ReportJson>('report', 'sp800-57', '--latest');
    const of = (reference: string) => report.answers.find((one) => one.reference === reference);
    expect(of('6.2.2.3')).toMatchObject({
      status: 'fail',
      reason: expect.stringContaining('no validation certificate'),
    });
    const bare = report.answers.filter(
      ({ status, evidence, reason }) =>
        (status !== 'fail' && evidence.length === 0) || reason === '',
    );
    expect(bare).toEqual([]);
  });

  test('--check exits 1 while a clause fails; what was made is there all the same', async () => {
    const ran = await chancery.chanceryAs(
      auditor,
      ...['report', 'sp800-57', '--check', '--format', 'json', '--out', 'checked.json'],
    );
    expect([ran.code, ran.stderr]).toEqual([1, expect.stringMatching(/\d+ clauses .* fail/)]);
    const made = JSON.parse(chancery.read('checked.json')) as ReportJson;
    expect(made.by).toBe('carla');
    const runs = await chancery.json<{ items: readonly ReportJson[] }>(
      'report',
      'sp800-57',
      '--runs',
    );
    expect(runs.items[0]).toMatchObject({ id: made.id, counts: made.counts });
  });

  test('a file that can’t be written is said before a report is made', async () => {
    const before = await chancery.ok('report', 'sp800-57', '--runs');
    const ran = await chancery.chancery('report', 'sp800-57', '--out', 'nowhere/report.html');
    expect([ran.code, ran.stderr]).toEqual([1, expect.stringContaining('nothing was asked for')]);
    expect(existsSync(chancery.path('nowhere'))).toBe(false);
    expect(await chancery.ok('report', 'sp800-57', '--runs')).toBe(before);
  });
});

test('evidence is stated by who may, and turns the answer', async () => {
  const stated = [
    ...['evidence', 'record', 'drill.compromise', '--subject', 'issuing'],
    ...['--statement', 'rehearsed with the duty officer', '--document', 'protocol.txt'],
  ];
  chancery.write('protocol.txt', 'what we did\n');
  expect((await chancery.chanceryAs(operator, ...stated)).code).toBe(1);
  expect(await chancery.ok(...stated)).toMatch(/^recorded as evidence \d+\n$/);
  const report = await chancery.json<ReportJson>('report', 'sp800-57');
  expect(report.answers.find(({ reference }) => reference === '9.5.4')?.status).toBe('pass');
  const list = await chancery.json<{ items: readonly { document: object }[] }>(
    ...['evidence', 'list', '--kind', 'drill.compromise'],
  );
  expect(list.items).toMatchObject([
    { by: 'admin', subject: 'issuing', document: { stated: true, outcome: 'done' } },
  ]);
});

test('the practice statement says who holds what, and is due once it was reviewed', async () => {
  const before = await chancery.chanceryAs(auditor, 'report', 'practice-statement');
  expect(before.stdout).toMatch(/\nNever reviewed\. Review OVERDUE since /);
  expect(before.stdout).toMatch(/\| auditor \| carla \|/);
  const after = await chancery.chanceryAs(
    auditor,
    ...['report', 'practice-statement', '--reviewed-by', 'Grace', '--format', 'html'],
  );
  expect(after.code).toBe(0);
  expect(after.stdout).toMatch(/Reviewed \S+Z by Grace\. Review due /);
});
