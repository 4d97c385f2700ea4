import { z } from 'zod';
import type { KeptReport } from '../authority/index.ts';
import type { EvidenceRecord } from '../authority/ports.ts';
import { rfc3339 } from './representation.ts';

const timeText = z.string().meta({ format: 'date-time' });
const statusText = z.enum(['pass', 'fail', 'notApplicable', 'notYet']);

const answerShape = z
  .object({
    reference: z.string(),
    title: z.string(),
    status: statusText,
    evidence: z.array(
      z.object({
        what: z.string(),
        where: z.string(),
        at: timeText.optional(),
        value: z.string().optional(),
      }),
    ),
    reason: z.string(),
  })
  .meta({ id: 'ReportAnswer' });

const summary = {
  id: z.string(),
  publication: z.string(),
  at: timeText,
  by: z.string(),
  counts: z.object({
    pass: z.int(),
    fail: z.int(),
    notApplicable: z.int(),
    notYet: z.int(),
  }),
  previousAt: timeText.nullable(),
};

export const reportSummaryShape = z.object(summary).meta({ id: 'ReportSummary' });

export const reportShape = z
  .object({
    ...summary,
    answers: z.array(answerShape),
    changes: z.array(
      z.object({
        reference: z.string(),
        before: statusText.nullable(),
        after: statusText.nullable(),
        evidenceChanged: z.boolean(),
      }),
    ),
  })
  .meta({ id: 'Report' });

export function reportJson({ id, report }: KeptReport): z.infer<typeof reportShape> {
  const { publication, at, by, counts, previousAt, answers, changes } = report;
  return {
    id: String(id),
    publication,
    at,
    by,
    counts,
    previousAt,
    answers: answers.map((answer) => ({
      ...answer,
      evidence: answer.evidence.map((item) => ({ ...item })),
    })),
    changes: [...changes],
  };
}

export function reportSummaryJson(kept: KeptReport): z.infer<typeof reportSummaryShape> {
  const { id, publication, at, by, counts, previousAt } = reportJson(kept);
  return { id, publication, at, by, counts, previousAt };
}

export const practiceStatementShape = z
  .object({
    publication: z.string(),
    at: timeText,
    reviewedAt: timeText.nullable(),
    reviewedBy: z.string().nullable(),
    reviewDue: timeText,
    overdue: z.boolean(),
    sha256: z.string(),
    sections: z.array(
      z.object({
        title: z.string(),
        paragraphs: z.array(z.string()),
        tables: z.array(
          z.object({ headings: z.array(z.string()), rows: z.array(z.array(z.string())) }),
        ),
      }),
    ),
  })
  .meta({ id: 'PracticeStatement' });

export const evidenceShape = z
  .object({
    id: z.string(),
    kind: z.string(),
    subject: z.string(),
    at: timeText,
    by: z.string(),
    document: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'Evidence' });

export function evidenceJson({
  id,
  kind,
  subject,
  at,
  by,
  document,
}: EvidenceRecord): z.infer<typeof evidenceShape> {
  return { id: String(id), kind, subject, at: rfc3339(at), by, document: { ...document } };
}
