import { auditRecord } from '../audit/index.ts';
import {
  type BulkAct,
  type IssuerId,
  isChanceryError,
  nextBulkJobState,
  nextStatus,
  type StatusChange,
  systemPrincipal,
} from '../domain/index.ts';
import { recordDone } from './acts.ts';
import { type BulkDecision, decide, statusChangeOf } from './bulk-decision.ts';
import type { ClockCheck } from './clock-check.ts';
import type { AuthorityContext } from './context.ts';
import type { InstallationGuard } from './installation.ts';
import { certificateReference } from './issuance-core.ts';
import type {
  BulkCounts,
  BulkJobRecord,
  BulkOutcome,
  BulkTarget,
  DescriptionWrite,
  StatusWrite,
  Transaction,
} from './ports.ts';
import { auditDetails, isCompromise } from './status-acts.ts';

/** Another node takes a job over this long after its node died, at the latest. */
const leaseSeconds = 8;
const defaultBatchSize = 500;
/** The items of a job that is done are kept this long; the job itself and the audit log for good. */
const keepItemsMilliseconds = 30 * 86_400_000;
const pruneEveryMilliseconds = 3_600_000;
const prunePiece = 10_000;

type Item = BulkTarget & { readonly position: number };

/** What one transaction did. */
interface Turn {
  readonly job: BulkJobRecord;
  readonly touched: ReadonlySet<IssuerId>;
  readonly issuersTouched: boolean;
}

/**
 * Works on jobs, a batch a call and each batch one transaction: status, history, change feed,
 * counters, audit and the items' outcome stand or fall together, so a process that dies at any
 * moment leaves a job that whoever comes next goes on with.
 */
export function bulkRun(
  context: AuthorityContext,
  guard: InstallationGuard,
  clockWitness: ClockCheck,
) {
  const { dependencies } = context;
  const { unitOfWork, leases, settings, tenant, log, failpoint } = dependencies;
  const largest = settings.bulkBatchSize ?? defaultBatchSize;
  /** Smaller after a batch that failed: what fails is narrowed down to one certificate. */
  let size = largest;
  /** Issuers whose CRLs the jobs of this process changed; asked for once a job is over. */
  const touched = new Map<string, Set<IssuerId>>();

  const batch = async (fence: bigint): Promise<Turn | undefined> =>
    unitOfWork.run(async (transaction) => {
      const job = await transaction.bulk.takeTurn(tenant, fence);
      if (job === undefined) return undefined;
      const turn = await workOn(context, transaction, job, size, fence);
      failpoint('bulk.1-before-commit');
      return turn;
    });

  const finished = async ({ job, touched: issuers, issuersTouched }: Turn): Promise<void> => {
    if (issuersTouched) context.standing.forget();
    const all = touched.get(job.id) ?? new Set();
    for (const issuerId of issuers) all.add(issuerId);
    touched.set(job.id, all);
    if (job.state !== 'done') return;
    touched.delete(job.id);
    // A CA elsewhere publishes its own.
    for (const { record } of await context.issuers.all()) {
      if (all.has(record.issuerId)) context.crls.request(record.issuerId);
    }
    log('info', 'a job on many certificates is done', { job: job.id, ...job.counts });
  };

  /**
   * The one certificate that fails is refused, so that it holds up no other. When none is left to be
   * blamed, the job itself fails: it is stopped, so that it holds up no other job.
   */
  const refuseFirst = async (fence: bigint, cause: unknown): Promise<void> => {
    const blamed = await unitOfWork.run(async (transaction) => {
      const { bulk, audit } = transaction;
      const job = await bulk.takeTurn(tenant, fence);
      if (job === undefined) return undefined;
      const now = dependencies.clock.now();
      const [item] = await bulk.takePending(job, 1);
      if (item === undefined) {
        await bulk.update({ ...job, state: nextBulkJobState(job.state, 'stop'), endedAt: now });
        await recordDone(dependencies, transaction, systemPrincipal, {
          act: 'bulkJob.stop',
          object: job.id,
          details: { ...job.counts },
        });
        return { job: job.id };
      }
      const outcome: BulkOutcome = {
        position: item.position,
        state: 'refused',
        code: 'internal',
        reason: 'it could not be changed; the log of the CA says why',
      };
      await audit.append(recordOf(now, job, item, outcome));
      await bulk.settle(job, [outcome]);
      await bulk.update({ ...job, counts: counted(job.counts, [outcome], 0) }, fence);
      return { job: job.id, certificate: certificateReference(item) };
    });
    if (blamed !== undefined) {
      log('alarm', 'a job on many certificates met what it could not change', {
        ...blamed,
        cause: String(cause),
      });
    }
  };

  let prunedAt: number | undefined;
  /** A piece at a time while nothing else is to be done; two nodes at once do no harm. */
  const prune = async (): Promise<void> => {
    const now = dependencies.clock.now().getTime();
    if (prunedAt !== undefined && Math.abs(now - prunedAt) < pruneEveryMilliseconds) return;
    const pruned = await unitOfWork.run(async ({ bulk }) =>
      bulk.prune(tenant, new Date(now - keepItemsMilliseconds), prunePiece),
    );
    if (pruned < prunePiece) prunedAt = now;
  };

  return {
    /**
     * One batch of the job whose turn it is. Answers whether there is more to do now.
     *
     * @throws ChanceryError databaseUnavailable and its like: tried again at the next call
     */
    async continueBulkJobs(): Promise<boolean> {
      if (guard.halted() !== undefined) return false;
      const open = await unitOfWork.readOne(async ({ bulk }) => bulk.countOpen(tenant));
      if (open === 0) {
        await prune();
        return false;
      }
      // A wrong clock would date what it revokes.
      await clockWitness.require();
      const fence = await leases.acquire('bulk', settings.node, leaseSeconds);
      if (fence === undefined) return false;
      try {
        const turn = await batch(fence);
        if (turn === undefined) return false;
        failpoint('bulk.2-after-commit');
        size = Math.min(largest, size * 2);
        await finished(turn);
        return true;
      } catch (error) {
        if (isPassing(error)) {
          // Among these is a batch that takes longer than a statement may.
          size = Math.max(1, Math.trunc(size / 2));
          throw error;
        }
        if (size === 1) {
          await refuseFirst(fence, error);
          size = Math.min(largest, 2);
        } else {
          log('warn', 'a batch of a job failed; tried again in smaller ones', {
            size,
            cause: String(error),
          });
          size = Math.max(1, Math.trunc(size / 8));
        }
        return true;
      }
    },
  };
}

/** Errors that say nothing of a certificate: the same batch may pass later. */
function isPassing(error: unknown): boolean {
  return (
    isChanceryError(error) &&
    (error.code === 'databaseUnavailable' ||
      error.code === 'outcomeUnknown' ||
      error.code === 'overloaded')
  );
}

async function workOn(
  { dependencies }: AuthorityContext,
  transaction: Transaction,
  job: BulkJobRecord,
  size: number,
  fence: bigint,
): Promise<Turn> {
  const { bulk, audit } = transaction;
  const items = await bulk.takePending(job, size);
  // Read after the locks: no change before it is dated later.
  const now = dependencies.clock.now();
  const change = statusChangeOf(job.parameters, job.requestedBy.name, now);
  const decided = items.map((item) => ({
    item,
    decision: decide(item, job.parameters, change, job.includesIssuers),
  }));
  const statuses: (StatusWrite & { readonly item: BulkTarget })[] = decided.flatMap(
    ({ item, decision }) =>
      decision.kind === 'status' ? [{ item, row: item.row, state: decision.state }] : [],
  );
  const swept = change === undefined ? [] : await sweep(transaction, job, change, statuses);
  statuses.push(...swept);
  if (change !== undefined && statuses.length > 0) await bulk.changeStatuses(statuses, change);
  const descriptions: DescriptionWrite[] = decided.flatMap(({ item, decision }) =>
    decision.kind === 'description' ? [{ row: item.row, after: decision.after }] : [],
  );
  if (descriptions.length > 0) await bulk.describe(descriptions);

  const sweptRows = new Set(swept.map(({ row }) => row));
  const outcomes = decided
    .filter(({ item }) => !sweptRows.has(item.row))
    .map(({ item, decision }) => ({ item, decision, outcome: outcomeOf(item, decision) }));
  await bulk.settle(
    job,
    outcomes.map(({ outcome }) => outcome),
  );
  const sweptItems = sweptRows.size === 0 ? 0 : await bulk.settleSwept(job, [...sweptRows]);
  await audit.appendAll([
    ...outcomes
      .filter(({ outcome }) => outcome.state !== 'skipped')
      .map(({ item, outcome, decision }) => recordOf(now, job, item, outcome, change, decision)),
    ...swept.map(({ item, state }) =>
      recordOf(now, job, item, { state: 'done' }, change, { kind: 'status', state }),
    ),
  ]);

  const begun = job.state === 'planned' ? nextBulkJobState('planned', 'begin') : job.state;
  const worked: BulkJobRecord = {
    ...job,
    state: begun,
    startedAt: job.startedAt ?? now,
    counts: counted(
      job.counts,
      outcomes.map(({ outcome }) => outcome),
      sweptItems,
    ),
  };
  const over = worked.counts.pending === 0;
  const after: BulkJobRecord = over
    ? { ...worked, state: nextBulkJobState(begun, 'finish'), endedAt: now }
    : worked;
  await bulk.update(after, fence);
  if (over) {
    await recordDone(dependencies, transaction, systemPrincipal, {
      act: 'bulkJob.end',
      object: job.id,
      details: { act: job.parameters.act, requestedBy: job.requestedBy.name, ...after.counts },
    });
  }
  return {
    job: after,
    touched: new Set(statuses.map(({ item }) => item.issuerId)),
    issuersTouched: statuses.some(({ item }) => item.type === 'ca'),
  };
}

/** The other certificates of compromised keys, as a single revocation finds them. */
async function sweep(
  { bulk }: Transaction,
  job: BulkJobRecord,
  change: StatusChange,
  statuses: readonly (StatusWrite & { readonly item: BulkTarget })[],
): Promise<readonly (StatusWrite & { readonly item: BulkTarget })[]> {
  const { parameters } = job;
  const sound = parameters.act === 'revoke' && parameters.keysAreSound === true;
  if (sound || !isCompromise(change) || statuses.length === 0) return [];
  const siblings = await bulk.blockKeys(
    job.tenant,
    [...new Set(statuses.map(({ item }) => item.spkiHash).filter((hash) => hash !== ''))],
    change.reasonCode,
    change.effectiveAt,
    job.requestedBy.name,
    statuses.map(({ row }) => row),
  );
  return siblings.map((item) => ({ item, row: item.row, state: nextStatus(item.status, change) }));
}

/** The job's row is locked: nobody else counts meanwhile. */
function counted(
  before: BulkCounts,
  outcomes: readonly Pick<BulkOutcome, 'state'>[],
  swept: number,
): BulkCounts {
  const of = (state: BulkOutcome['state']): number =>
    outcomes.filter((outcome) => outcome.state === state).length;
  return {
    items: before.items,
    pending: before.pending - outcomes.length - swept,
    done: before.done + of('done') + swept,
    refused: before.refused + of('refused'),
    skipped: before.skipped + of('skipped'),
  };
}

function outcomeOf(item: Item, decision: BulkDecision): BulkOutcome {
  const { position } = item;
  if (decision.kind !== 'settled') return { position, state: 'done' };
  const { kind: _, ...settled } = decision;
  return { position, ...settled };
}

const actNames: Readonly<Record<BulkAct, string>> = {
  hold: 'certificate.hold',
  release: 'certificate.release',
  revoke: 'certificate.revoke',
  describe: 'certificate.describe',
};

/** The record of one certificate, as the single act leaves it, with the job's id. */
function recordOf(
  at: Date,
  job: BulkJobRecord,
  item: BulkTarget,
  outcome: Pick<BulkOutcome, 'state' | 'code' | 'reason'>,
  change?: StatusChange,
  decision?: BulkDecision,
) {
  const { act } = job.parameters;
  return auditRecord({
    tenant: job.tenant,
    at,
    principal: job.requestedBy,
    act: actNames[act],
    outcome: outcome.state === 'done' ? 'done' : outcome.code === 'internal' ? 'failed' : 'refused',
    object: certificateReference(item),
    details: {
      job: job.id,
      ...(change === undefined ? {} : auditDetails(change)),
      ...(outcome.code === undefined ? {} : { code: outcome.code, reason: outcome.reason }),
      ...(decision?.kind === 'status'
        ? { statusBefore: item.status.status, statusAfter: decision.state.status }
        : {}),
      ...(decision?.kind === 'description'
        ? { before: item.description, after: decision.after }
        : {}),
    },
  });
}
