/** Reports over a real database and tokens: made, kept, compared, on a schedule; by whom; and what they see. */
import { Client } from 'pg';
import { describe, expect, test } from 'vitest';
import type { KeptReport } from '../../../src/authority/index.ts';
import { defaultTenant } from '../../../src/domain/index.ts';
import { admin, principal, refusal, testAuthority } from '../../support/authority.ts';

const day = 86_400;
const auditor = principal('auditor', 'the-auditor');
const ca = await testAuthority('reports', {
  settings: { reports: { httpsUrl: 'https://pki.example.test:8443' } },
});

function statusOf({ report }: KeptReport, reference: string): string | undefined {
  return report.answers.find((answer) => answer.reference === reference)?.status;
}

function reasonOf({ report }: KeptReport, reference: string): string | undefined {
  return report.answers.find((answer) => answer.reference === reference)?.reason;
}

async function reports(): Promise<readonly KeptReport[]> {
  return ca.authority.listSp80057Reports(auditor, 100);
}

describe('a report of SP 800-57', () => {
  test('an auditor makes it; it is kept, and audited', async () => {
    await ca.issue();
    const made = await ca.authority.runSp80057Report(auditor);
    expect(made.report).toMatchObject({ by: 'the-auditor', previousAt: null, changes: [] });
    expect(made.report.answers).toHaveLength(89);
    expect(await ca.authority.latestSp80057Report(auditor)).toEqual(made);
    expect(await ca.audit('report.run')).toMatchObject([
      { principalName: 'the-auditor', outcome: 'done', object: 'sp800-57' },
    ]);
  });

  test('operators may not make or read it', async () => {
    const operator = principal('operator');
    expect(await refusal(ca.authority.runSp80057Report(operator))).toBe('forbidden');
    expect(await refusal(ca.authority.latestSp80057Report(operator))).toBe('forbidden');
    expect(await refusal(ca.authority.practiceStatement(operator))).toBe('forbidden');
  });

  test('what was kept is changed and removed by nobody, the owner of the tables included', async () => {
    const client = new Client({ connectionString: ca.database.superuserUrl });
    await client.connect();
    try {
      for (const statement of [
        "UPDATE chancery.evidence SET document = '{}'",
        'DELETE FROM chancery.evidence',
        'TRUNCATE chancery.evidence',
      ]) {
        await expect(client.query(statement)).rejects.toThrow(/evidence/);
      }
    } finally {
      await client.end();
    }
  });

  test('what is in order on a new installation passes; what nobody did yet fails', async () => {
    const made = await ca.authority.runSp80057Report(auditor);
    const passing = ['6.1.1', '6.2.1.3', '6.2.1.4', '6.2.1.5', '6.2.1.6', '6.2.2.4', '6.2.2.5'];
    passing.push('6.2.2.6', '7', '7.1', '7.2', '8.1.3', '8.1.4', '8.1.5.1.1.2', '8.1.5.3.1');
    passing.push('8.1.5.3.7', '8.1.6', '8.2.3.1');
    expect(passing.map((one) => [one, statusOf(made, one), reasonOf(made, one)])).toEqual(
      passing.map((one) => [one, 'pass', expect.any(String)]),
    );
    const failing = ['6.2.2.1', '6.2.2.3', '8.1.2', '8.2.2.2', '9.1', '9.3', '9.4', '9.5.4'];
    expect(failing.map((one) => [one, statusOf(made, one)])).toEqual(
      failing.map((one) => [one, 'fail']),
    );
    expect(reasonOf(made, '6.2.2.3')).toMatch(/issuing token \(SoftHSM.*no validation certificate/);
    expect(reasonOf(made, '9.3')).toMatch(/obody is on record as holding key issuing/);
  });

  test('a custodian and a drill turn answers, and the difference says which', async () => {
    for (const token of ['root', 'issuing'] as const) {
      await ca.storage.unitOfWork.run(async ({ keys }) =>
        keys.appointCustodian(defaultTenant, {
          tokenRole: token,
          person: 'Ada',
          duty: 'holdsPin',
          since: ca.clock.now(),
          recordedBy: 'admin',
        }),
      );
    }
    await ca.authority.recordEvidence(admin, {
      kind: 'drill.compromise',
      subject: 'issuing',
      statement: 'rehearsed on the stand-by installation',
      outcome: 'done',
    });
    const made = await ca.authority.runSp80057Report(auditor);
    expect(made.report.changes.filter(({ before, after }) => before !== after)).toMatchObject([
      { reference: '9.3', before: 'fail', after: 'pass' },
      { reference: '9.5.4', before: 'fail', after: 'pass' },
    ]);
  });

  test('a file that is missing where relying parties look is seen', async () => {
    const { publisher } = ca.dependencies;
    const path = `ca/${ca.issuing.issuerId}.cer`;
    await publisher.publish(path, Uint8Array.of(1, 2, 3));
    const made = await ca.authority.runSp80057Report(auditor);
    expect(reasonOf(made, '6.2.1.1')).toContain(path);
    await publisher.publish(path, ca.issuing.certificate ?? new Uint8Array());
    expect(statusOf(await ca.authority.runSp80057Report(auditor), '6.2.1.1')).toBe('pass');
  });

  test('the root token’s comparison is found behind thousands of the issuing token’s', async () => {
    await ca.sql(
      `INSERT INTO evidence (tenant, kind, subject, at, by_principal, document)
       SELECT 'default', 'key.reconciliation', CASE n WHEN 0 THEN 'root' ELSE 'issuing' END, $1, 'system',
         '{"findings": []}' FROM generate_series(0, 3000) n ORDER BY n`,
      [ca.clock.now()],
    );
    const made = await ca.authority.runSp80057Report(auditor);
    expect(statusOf(made, '9.2.1')).toBe('pass');
  });

  test('an audit record that somebody changed in the database is seen', async () => {
    const [record] = await ca.sql('SELECT max(id) AS id FROM audit');
    await ca.sql("UPDATE audit SET act = 'key.destroy' WHERE id = $1", [record?.['id']]);
    const made = await ca.authority.runSp80057Report(auditor);
    expect(reasonOf(made, '9.4')).toContain(`udit record ${String(record?.['id'])} differs`);
    await ca.sql("UPDATE audit SET act = 'report.run' WHERE id = $1", [record?.['id']]);
  });
});

describe('on a schedule', () => {
  test('one is made when it is due, by the system, and by one node', async () => {
    const before = (await reports()).length;
    await ca.authority.tick();
    expect(await reports()).toHaveLength(before);
    ca.clock.advance(8 * day);
    const other = await ca.node('node-2', {});
    await ca.authority.tick();
    await other.authority.tick();
    await ca.authority.tick();
    expect(await reports()).toHaveLength(before + 1);
    expect((await reports())[0]?.report.by).toBe('system');
  });

  test('an answer that goes from pass to fail is an alarm, once', async () => {
    const alarm = 'what SP 800-57 asks was in order and is no longer';
    const alarms = () => ca.log.filter(({ message }) => message === alarm);
    const before = alarms().length;
    ca.clock.advance(366 * day);
    await ca.authority.tick();
    const told = alarms().slice(before);
    expect(told).toHaveLength(1);
    expect(told[0]?.fields['references']).toContain('9.5.4');
    ca.clock.advance(8 * day);
    await ca.authority.tick();
    expect(alarms()).toHaveLength(before + 1);
  });
});

describe('evidence that people state', () => {
  const stated = { subject: 'installation', statement: 'seen', outcome: 'done' } as const;

  test('who manages keys states drills and backups; whoever audits, reviews', async () => {
    expect(
      await refusal(ca.authority.recordEvidence(auditor, { ...stated, kind: 'drill.restore' })),
    ).toBe('forbidden');
    const review = await ca.authority.recordEvidence(auditor, { ...stated, kind: 'audit.review' });
    expect(review).toMatchObject({ by: 'the-auditor', document: { stated: true } });
    expect(await ca.authority.listEvidence(auditor, { kind: 'audit.review', limit: 5 })).toEqual([
      review,
    ]);
    expect((await ca.audit('evidence.record')).at(-1)).toMatchObject({ object: 'audit.review' });
  });

  test('nothing is stated of the future', async () => {
    const at = new Date(ca.clock.now().getTime() + 1000);
    expect(
      await refusal(ca.authority.recordEvidence(admin, { ...stated, kind: 'backup', at })),
    ).toBe('invalidArgument');
  });
});

describe('the practice statement', () => {
  test('names functions and who holds them, and is overdue until it is reviewed', async () => {
    await ca.authority.createPrincipal(admin, { name: 'carla', role: 'auditor' });
    const before = await ca.authority.practiceStatement(auditor);
    expect(before).toMatchObject({ overdue: true, reviewedAt: null });
    const entities = before.sections.find(({ title }) => title === 'Responsible entities');
    expect(entities?.tables[0]?.rows).toContainEqual([
      expect.stringContaining('reviews the audit log'),
      'auditor',
      'carla',
    ]);
    expect(entities?.tables[1]?.rows[0]).toEqual(
      expect.arrayContaining(['Ada', 'holdsPin', 'token root']),
    );
    const after = await ca.authority.reviewPracticeStatement(auditor, { reviewedBy: 'Grace' });
    expect(after).toMatchObject({ overdue: false, reviewedBy: 'Grace' });
    expect(Date.parse(after.reviewDue) - Date.parse(after.at)).toBe(365 * day * 1000);
    const [kept] = await ca.authority.listEvidence(auditor, { kind: 'practice.review', limit: 1 });
    expect(kept?.document['statementSha256']).toBe(before.sha256);
  });

  test('a review that is overdue fails in the report', async () => {
    const inTime = await ca.authority.runSp80057Report(auditor);
    expect(reasonOf(inTime, '9.4') ?? '').not.toContain('practice statement is');
    ca.clock.advance(366 * day);
    const late = await ca.authority.runSp80057Report(auditor);
    expect([statusOf(late, '9.4'), reasonOf(late, '9.4')]).toEqual([
      'fail',
      expect.stringContaining('the last review of the practice statement is of'),
    ]);
  });
});
