import { z } from 'zod';
import type { BulkForecast } from '../authority/index.ts';
import type { BulkJobItem, BulkJobRecord } from '../authority/ports.ts';
import type { IssuerDirectory } from './issuer-directory.ts';
import { plain, rfc3339 } from './representation.ts';

const timeText = z.string().meta({ format: 'date-time' });
const optionalText = z.string().optional();
const freeObject = z.record(z.string(), z.unknown());

const countsShape = z.object({
  items: z.number().meta({ description: 'The sum of the others' }),
  pending: z.number(),
  done: z.number(),
  refused: z.number(),
  skipped: z.number().meta({ description: 'Nothing would have changed' }),
});

export const bulkJobShape = z
  .object({
    id: z.string(),
    act: z.enum(['revoke', 'hold', 'release', 'describe']),
    parameters: freeObject,
    selection: freeObject.meta({ description: 'How the list came about' }),
    state: z.enum(['planned', 'running', 'stopped', 'done']),
    counts: countsShape,
    requestedBy: z.string(),
    requestedAt: timeText,
    startedAt: timeText.optional(),
    endedAt: timeText.optional(),
  })
  .meta({ id: 'BulkJob' });

export function bulkJobJson(job: BulkJobRecord): z.infer<typeof bulkJobShape> {
  const { act, ...parameters } = job.parameters;
  return {
    id: job.id,
    act,
    parameters: plain(parameters),
    selection: plain(job.selection),
    state: job.state,
    counts: { ...job.counts },
    requestedBy: job.requestedBy.name,
    requestedAt: rfc3339(job.requestedAt),
    startedAt: rfc3339(job.startedAt),
    endedAt: rfc3339(job.endedAt),
  };
}

export const bulkItemShape = z
  .object({
    serialNumber: z.string(),
    issuerId: optionalText,
    state: z.enum(['pending', 'done', 'refused', 'skipped']),
    code: optionalText.meta({ description: 'Of a refused one: as the single act answers' }),
    reason: optionalText,
  })
  .meta({ id: 'BulkJobItem' });

export function bulkItemJson(item: BulkJobItem): z.infer<typeof bulkItemShape> {
  const { position: _, ...shown } = item;
  return shown;
}

const forecastShape = bulkItemShape
  .extend({
    issuer: optionalText,
    subject: optionalText,
    status: optionalText,
    notAfter: timeText.optional(),
  })
  .meta({ id: 'BulkForecast' });

/** What a dry run answers. */
export const bulkPreviewShape = z
  .object({
    dryRun: z.literal(true),
    counts: countsShape.optional().meta({ description: 'On the first page' }),
    items: z.array(forecastShape),
    next: z.string().nullable(),
  })
  .meta({ id: 'BulkPreview' });

export async function forecastJson(
  { serialNumber, target, state, code, reason }: BulkForecast,
  issuers: IssuerDirectory,
): Promise<z.infer<typeof forecastShape>> {
  return {
    serialNumber,
    issuerId: target?.issuerId,
    issuer: target === undefined ? undefined : (await issuers.find(target.issuerId))?.name,
    subject: target?.subject,
    status: target?.status.status,
    notAfter: rfc3339(target?.notAfter),
    state,
    code,
    reason,
  };
}
