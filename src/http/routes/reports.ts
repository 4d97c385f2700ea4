import { z } from 'zod';
import { statedEvidence } from '../../authority/index.ts';
import {
  evidenceJson,
  evidenceShape,
  practiceStatementShape,
  reportJson,
  reportShape,
  reportSummaryJson,
  reportSummaryShape,
} from '../report-representation.ts';
import { listOf } from '../representation.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { paging, text, time } from '../shapes.ts';

const statedKinds = Object.keys(statedEvidence) as (keyof typeof statedEvidence)[];

/** Reports for auditors, and the records that they look at. */
export const reportRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/reports/sp800-57',
    access: 'reports:read',
    summary:
      'Answer every clause of SP 800-57 Part 1 from what is so now; the report is kept, with what differs from the last',
    answer: { status: 201, schema: reportShape },
    handle: async ({ authority, principal }) => ({
      status: 201,
      json: reportJson(await authority.runSp80057Report(principal)),
    }),
  }),
  route({
    method: 'GET',
    path: '/reports/sp800-57',
    access: 'reports:read',
    summary: 'The newest report of SP 800-57 Part 1',
    answer: { status: 200, schema: reportShape },
    handle: async ({ authority, principal }) => ({
      json: reportJson(await authority.latestSp80057Report(principal)),
    }),
  }),
  route({
    method: 'GET',
    path: '/reports/sp800-57/runs',
    access: 'reports:read',
    summary: 'When reports of SP 800-57 Part 1 were made and how they counted, newest first',
    query: z.strictObject({ limit: paging.limit }),
    answer: { status: 200, schema: listOf(reportSummaryShape) },
    handle: async ({ authority, principal, query }) => {
      const reports = await authority.listSp80057Reports(principal, query.limit);
      return { json: { items: reports.map(reportSummaryJson), next: null } };
    },
  }),
  route({
    method: 'GET',
    path: '/reports/practice-statement',
    access: 'reports:read',
    summary:
      'The key-management practice statement (SP 800-57 Part 2), from configuration and records',
    answer: { status: 200, schema: practiceStatementShape },
    handle: async ({ authority, principal }) => ({
      json: await authority.practiceStatement(principal),
    }),
  }),
  route({
    method: 'POST',
    path: '/reports/practice-statement/reviews',
    access: 'reports:read',
    summary:
      'Record that the practice statement was reviewed, by whom; answers it with the next date',
    body: z.strictObject({ reviewedBy: text(200), comment: text(2000).optional() }),
    answer: { status: 201, schema: practiceStatementShape },
    handle: async ({ authority, principal, body }) => ({
      status: 201,
      json: await authority.reviewPracticeStatement(principal, body),
    }),
  }),
  route({
    method: 'GET',
    path: '/evidence',
    access: 'reports:read',
    summary:
      'Records of what was done and seen: destructions, reconciliations, drills, backups; newest first',
    query: z.strictObject({
      kind: text(60).optional(),
      subject: text(200).optional(),
      limit: paging.limit,
    }),
    answer: { status: 200, schema: listOf(evidenceShape) },
    handle: async ({ authority, principal, query }) => ({
      json: {
        items: (await authority.listEvidence(principal, query)).map(evidenceJson),
        next: null,
      },
    }),
  }),
  route({
    method: 'POST',
    path: '/evidence',
    access: 'reports:read',
    summary:
      'State that a duty was done which the system can’t see: a backup, a drill (who manages keys), a review of the audit log',
    body: z.strictObject({
      kind: z.enum(statedKinds),
      subject: text(200),
      statement: text(4000),
      outcome: z.enum(['done', 'failed']).default('done'),
      at: time.optional(),
      documentSha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/, { message: 'must be a SHA-256 in lower-case hex' })
        .optional(),
    }),
    answer: { status: 201, schema: evidenceShape },
    handle: async ({ authority, principal, body }) => ({
      status: 201,
      json: evidenceJson(await authority.recordEvidence(principal, body)),
    }),
  }),
];
