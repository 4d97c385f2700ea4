import type {
  BulkItemState,
  BulkParameters,
  ErrorCode,
  IssuerId,
  TenantId,
} from '../domain/index.ts';
import { ChanceryError } from '../domain/index.ts';
import { decide, statusChangeOf } from './bulk-decision.ts';
import type { BulkCounts, BulkJobs, BulkQuery, BulkTarget } from './ports.ts';

/** A list as the job would have it. */
export interface BulkSelection {
  readonly serialNumbers?: readonly string[] | undefined;
  readonly issuerId?: IssuerId | undefined;
  readonly query?: BulkQuery | undefined;
}

/** What a job would do with one certificate. */
export interface BulkForecast {
  readonly serialNumber: string;
  readonly target?: BulkTarget | undefined;
  /** `pending` is what would be changed. */
  readonly state: Exclude<BulkItemState, 'done'>;
  readonly code?: ErrorCode | undefined;
  readonly reason?: string | undefined;
}

export interface BulkPreview {
  /** Only on the first page. For `describe` by query, what would not change counts as pending. */
  readonly counts?: BulkCounts | undefined;
  readonly items: readonly BulkForecast[];
  readonly next: string | null;
}

interface Terms {
  readonly parameters: BulkParameters;
  readonly includesIssuers: boolean;
  readonly now: Date;
}

/** More than any job should need; filters split what is larger. */
export const largestList = 1_000_000;

export const emptyCounts: BulkCounts = { items: 0, pending: 0, done: 0, refused: 0, skipped: 0 };

/** The same list and the same decisions as the job's, read in one snapshot. */
export async function preview(
  bulk: BulkJobs,
  tenant: TenantId,
  { serialNumbers, issuerId, query }: BulkSelection,
  terms: Terms,
  { cursor, limit }: { readonly cursor?: string | undefined; readonly limit: number },
): Promise<BulkPreview> {
  if (query !== undefined) {
    const page = await bulk.findTargets({ ...query, cursor, limit });
    return {
      ...(cursor === undefined ? { counts: await countQuery(bulk, query, terms) } : {}),
      items: page.items.map((target) => forecast(target.serialNumber, target, terms)),
      next: page.next,
    };
  }
  const all = serialNumbers ?? [];
  const from = placeOf(cursor);
  const to = Math.min(all.length, from + limit);
  // The first page looks at all of them, for its counts.
  const wanted = cursor === undefined ? all : all.slice(from, to);
  const forecasts = await forecastSerialNumbers(bulk, tenant, wanted, issuerId, terms);
  return {
    ...(cursor === undefined ? { counts: count(forecasts) } : {}),
    items: cursor === undefined ? forecasts.slice(0, limit) : forecasts,
    next: to < all.length ? String(to) : null,
  };
}

async function forecastSerialNumbers(
  bulk: BulkJobs,
  tenant: TenantId,
  serialNumbers: readonly string[],
  issuerId: string | undefined,
  terms: Terms,
): Promise<readonly BulkForecast[]> {
  const found = new Map<string, BulkTarget>();
  const ambiguous = new Set<string>();
  for (const target of await bulk.resolve(tenant, serialNumbers, issuerId)) {
    if (found.has(target.serialNumber)) ambiguous.add(target.serialNumber);
    found.set(target.serialNumber, target);
  }
  if (ambiguous.size > 0) refuseAmbiguous([...ambiguous]);
  return serialNumbers.map((serialNumber) =>
    forecast(serialNumber, found.get(serialNumber), terms),
  );
}

function forecast(
  serialNumber: string,
  target: BulkTarget | undefined,
  { parameters, includesIssuers, now }: Terms,
): BulkForecast {
  if (target === undefined) {
    return {
      serialNumber,
      state: 'refused',
      code: 'notFound',
      reason: 'no certificate has this serial number',
    };
  }
  const change = statusChangeOf(parameters, '', now);
  const decision = decide(target, parameters, change, includesIssuers);
  if (decision.kind !== 'settled') return { serialNumber, target, state: 'pending' };
  const { code, reason } = decision;
  return {
    serialNumber,
    target,
    state: decision.state === 'skipped' ? 'skipped' : 'refused',
    code,
    reason,
  };
}

/** @throws ChanceryError ambiguous */
export function refuseAmbiguous(serialNumbers: readonly string[]): never {
  throw new ChanceryError('ambiguous', {
    message: `${serialNumbers.length} of the serial numbers belong to several issuers (${serialNumbers.slice(0, 5).join(', ')}${serialNumbers.length > 5 ? ' …' : ''}); name one with --issuer`,
    field: 'issuer',
  });
}

/** What is met is what was counted before. @throws ChanceryError countDiffers */
export function refuseOtherCount(items: number, expected: number | undefined): void {
  if (expected === undefined || expected === items) return;
  throw new ChanceryError('countDiffers', {
    message: `${items} certificates would be met, not ${expected}: the inventory has changed since it was counted; nothing was done, look again with --dry-run`,
    field: 'expectedCount',
  });
}

/** @throws ChanceryError payloadTooLarge */
export function refuseTooMany(): never {
  throw new ChanceryError('payloadTooLarge', {
    message: `a job takes at most ${largestList} certificates; split it by narrower filters, --requested-before for example`,
    field: 'query',
  });
}

function count(forecasts: readonly BulkForecast[]): BulkCounts {
  const of = (state: BulkForecast['state']): number =>
    forecasts.filter((one) => one.state === state).length;
  return {
    items: forecasts.length,
    pending: of('pending'),
    done: 0,
    refused: of('refused'),
    skipped: of('skipped'),
  };
}

/** Ten million rows are counted by what decides about them, of which there are a few dozen kinds. */
async function countQuery(
  bulk: BulkJobs,
  query: NonNullable<BulkSelection['query']>,
  { parameters, includesIssuers, now }: Terms,
): Promise<BulkCounts> {
  const change = statusChangeOf(parameters, '', now);
  let counts = emptyCounts;
  for (const kind of await bulk.classes(query, largestList + 1)) {
    const { issuanceState, status, reasonCode, type, purged } = kind;
    // A change that describes depends on each one's own tags: what would not change counts as pending.
    const refused =
      change === undefined
        ? purged
        : decide(
            {
              type,
              subject: '',
              serialNumber: '',
              issuanceState,
              status: { status, reasonCode },
              description: undefined,
            },
            parameters,
            change,
            includesIssuers,
          ).kind === 'settled';
    counts = {
      ...counts,
      items: counts.items + kind.count,
      pending: counts.pending + (refused ? 0 : kind.count),
      refused: counts.refused + (refused ? kind.count : 0),
    };
  }
  if (counts.items > largestList) refuseTooMany();
  return counts;
}

function placeOf(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  if (!/^\d{1,7}$/.test(cursor)) {
    throw new ChanceryError('invalidArgument', {
      message: 'the cursor is not one that a page before gave; start without one',
      field: 'cursor',
    });
  }
  return Number(cursor);
}
