import { z } from 'zod';
import type { BulkAct, BulkParameters, ReasonCode } from '../../domain/index.ts';
import { ChanceryError, mostTags, revocationReasons } from '../../domain/index.ts';
import {
  bulkItemJson,
  bulkItemShape,
  bulkJobJson,
  bulkJobShape,
  bulkPreviewShape,
  forecastJson,
} from '../bulk-representation.ts';
import { listOf } from '../representation.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { searchFilters, searchOf } from '../search-query.ts';
import { lines, paging, text, time } from '../shapes.ts';

const tags = z.array(text(100)).max(mostTags).optional();

const parameters = {
  reasonCode: z.enum(revocationReasons as readonly [ReasonCode, ...ReasonCode[]]).optional(),
  invalidityDate: time.optional(),
  cause: z.enum(['keyStatusUnknown', 'ownerUnavailable', 'investigation', 'other']).optional(),
  until: time.optional(),
  then: z.enum(['release', 'revoke', 'alarm']).optional(),
  comment: lines(2000).optional(),
  owner: text(200).optional(),
  addTags: tags,
  removeTags: tags,
  notes: lines(2000).optional(),
} as const;
type Parameters = z.output<z.ZodObject<typeof parameters>>;

/** The members that each act takes; any other would be silently without effect. */
const membersOf: Readonly<Record<BulkAct, readonly (keyof Parameters)[]>> = {
  revoke: ['reasonCode', 'invalidityDate', 'comment'],
  hold: ['cause', 'until', 'then', 'comment'],
  release: ['comment'],
  describe: ['owner', 'addTags', 'removeTags', 'notes'],
};

const body = z.strictObject({
  act: z.enum(['revoke', 'hold', 'release', 'describe']),
  ...parameters,
  serialNumbers: z.array(text(80)).min(1).max(100_000).optional(),
  issuer: text(100).optional(),
  query: z.strictObject(searchFilters).optional(),
  dryRun: z.boolean().default(false),
  expectedCount: z.int().min(0).optional(),
  ...paging,
});

const job = z.strictObject({ job: text(40) });

/** Acts on many certificates. */
export const bulkJobRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/bulk-jobs',
    access: 'certificates:read',
    summary:
      'Revoke, hold, release or describe many certificates; takes the permission of the act as well. With dryRun it changes nothing',
    body,
    maximumBodyBytes: 8 * 1024 * 1024,
    answer: { status: 202, schema: z.union([bulkJobShape, bulkPreviewShape]) },
    handle: async ({ authority, principal, body: asked, issuers, now }) => {
      const { act, serialNumbers, issuer, query, dryRun, expectedCount, cursor, limit } = asked;
      const request = {
        parameters: parametersOf(act, asked),
        serialNumbers,
        issuer,
        query: query === undefined ? undefined : searchOf(query, now()),
        expectedCount,
      };
      if (!dryRun) {
        const planned = await authority.planBulkJob(principal, request);
        return {
          status: 202,
          headers: { location: `/api/v1/bulk-jobs/${planned.id}` },
          json: bulkJobJson(planned),
        };
      }
      const preview = await authority.previewBulkJob(principal, request, { cursor, limit });
      return {
        json: {
          dryRun: true,
          counts: preview.counts,
          items: await Promise.all(preview.items.map((item) => forecastJson(item, issuers))),
          next: preview.next,
        },
      };
    },
  }),
  route({
    method: 'GET',
    path: '/bulk-jobs',
    access: 'certificates:read',
    summary: 'Acts on many certificates, newest first',
    query: z.strictObject({
      state: z.enum(['planned', 'running', 'stopped', 'done']).optional(),
      ...paging,
    }),
    answer: { status: 200, schema: listOf(bulkJobShape) },
    handle: async ({ authority, principal, query }) => {
      const page = await authority.listBulkJobs(principal, query);
      return { json: { items: page.items.map(bulkJobJson), next: page.next } };
    },
  }),
  route({
    method: 'GET',
    path: '/bulk-jobs/{job}',
    access: 'certificates:read',
    summary: 'Show an act on many certificates: its state and how many are done',
    parameters: job,
    answer: { status: 200, schema: bulkJobShape },
    handle: async ({ authority, principal, parameters: { job: id } }) => ({
      json: bulkJobJson(await authority.findBulkJob(principal, id)),
    }),
  }),
  route({
    method: 'GET',
    path: '/bulk-jobs/{job}/items',
    access: 'certificates:read',
    summary: 'What became of each certificate of the list; kept for 30 days after the end',
    parameters: job,
    query: z.strictObject({
      state: z.enum(['pending', 'done', 'refused', 'skipped']).optional(),
      ...paging,
    }),
    answer: { status: 200, schema: listOf(bulkItemShape) },
    handle: async ({ authority, principal, parameters: { job: id }, query }) => {
      const page = await authority.listBulkJobItems(principal, id, query);
      return { json: { items: page.items.map(bulkItemJson), next: page.next } };
    },
  }),
  route({
    method: 'POST',
    path: '/bulk-jobs/{job}/stop',
    access: 'certificates:read',
    summary: 'Stop after the batch under way; takes the permission of the act as well',
    parameters: job,
    answer: { status: 200, schema: bulkJobShape },
    handle: async ({ authority, principal, parameters: { job: id } }) => ({
      json: bulkJobJson(await authority.stopBulkJob(principal, id)),
    }),
  }),
  route({
    method: 'POST',
    path: '/bulk-jobs/{job}/resume',
    access: 'certificates:read',
    summary: 'Go on with the same list; takes the permission of the act as well',
    parameters: job,
    answer: { status: 200, schema: bulkJobShape },
    handle: async ({ authority, principal, parameters: { job: id } }) => ({
      json: bulkJobJson(await authority.resumeBulkJob(principal, id)),
    }),
  }),
];

/** @throws ChanceryError `invalidArgument` for a member that the act does not take, or lacks */
function parametersOf(act: BulkAct, given: Parameters): BulkParameters {
  const names = Object.keys(parameters) as (keyof Parameters)[];
  const other = names.find((name) => given[name] !== undefined && !membersOf[act].includes(name));
  if (other !== undefined) {
    throw new ChanceryError('invalidArgument', {
      message: `${act} takes no ${other}; it takes ${membersOf[act].join(', ')}`,
      field: other,
    });
  }
  const { reasonCode, invalidityDate, cause, until, then, comment } = given;
  const { owner, addTags, removeTags, notes } = given;
  switch (act) {
    case 'revoke':
      if (reasonCode === undefined) {
        throw new ChanceryError('invalidArgument', {
          message: 'a revocation names its reasonCode',
          field: 'reasonCode',
          clause: 'RFC 5280 §5.3.1',
        });
      }
      return { act, reasonCode, invalidityDate, comment };
    case 'hold':
      return { act, cause, until, then, comment };
    case 'release':
      return { act, comment };
    case 'describe':
      return { act, owner, addTags, removeTags, notes };
    default:
      return act satisfies never;
  }
}
