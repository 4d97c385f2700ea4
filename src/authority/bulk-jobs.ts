import { actsOnlyOnOwn, isAuthorized } from '../access/index.ts';
import {
  type BulkItemState,
  type BulkJobState,
  type BulkParameters,
  bulkPermissions,
  ChanceryError,
  nextBulkJobState,
  type Permission,
  type Principal,
  parseSerialNumber,
} from '../domain/index.ts';
import { act, recordDone } from './acts.ts';
import {
  type BulkSelection,
  emptyCounts,
  largestList,
  preview,
  refuseAmbiguous,
  refuseOtherCount,
  refuseTooMany,
} from './bulk-preview.ts';
import type { AuthorityContext } from './context.ts';
import { anyIssuerId } from './import-issuers.ts';
import type { CertificateSearch } from './inventory.ts';
import type { BulkJobItem, BulkJobRecord, Page, Transaction } from './ports.ts';
import { refuseFuture, refuseHalfAnEnd } from './status-acts.ts';

/** Filters of a job's query, with the issuer by name or id. */
export type BulkSearch = Omit<CertificateSearch, 'cursor' | 'limit' | 'serialNumber'>;

/** An act on many certificates: exactly one of `serialNumbers` and `query`. */
export interface BulkRequest {
  readonly parameters: BulkParameters;
  readonly serialNumbers?: readonly string[] | undefined;
  /** With `serialNumbers`: needed when two issuers share one. */
  readonly issuer?: string | undefined;
  readonly query?: BulkSearch | undefined;
  /** What the caller counted before; another number is refused, and nothing is done. */
  readonly expectedCount?: number | undefined;
}

/** Jobs that wait or run, of all who ask. */
const mostOpen = 100;

/** Planning, watching, stopping and resuming acts on many certificates. */
export function bulkJobUseCases(context: AuthorityContext) {
  const { dependencies } = context;
  const { unitOfWork, clock, random, tenant } = dependencies;

  const selectionOf = async (
    principal: Principal,
    { serialNumbers, issuer, query }: BulkRequest,
  ): Promise<BulkSelection> => {
    if ((serialNumbers === undefined) === (query === undefined)) {
      throw new ChanceryError('invalidArgument', {
        message: 'name the certificates either by serialNumbers or by a query',
        field: 'serialNumbers',
      });
    }
    const named = issuer ?? query?.issuer;
    const issuerId =
      named &&
      (await unitOfWork.read(async (transaction) =>
        anyIssuerId(context, transaction, principal, named),
      ));
    if (serialNumbers !== undefined) {
      return { serialNumbers: [...new Set(serialNumbers.map(parseSerialNumber))], issuerId };
    }
    const { issuer: _, ...filters } = query ?? {};
    if (Object.values({ ...filters, issuerId }).every((filter) => filter === undefined)) {
      throw new ChanceryError('invalidArgument', {
        message: 'the query has no filter: it would meet every certificate; give at least one',
        field: 'query',
      });
    }
    return { query: { ...filters, issuerId, tenant: principal.tenant, now: clock.now() } };
  };

  /** Acts on many are for those who look after the certificates of all. */
  const onBehalfOfAll = async <T>(
    principal: Principal,
    permission: Permission,
    described: Parameters<typeof act>[3],
    work: () => Promise<T>,
  ): Promise<T> =>
    act(dependencies, principal, permission, described, async () => {
      if (actsOnlyOnOwn(principal)) {
        throw new ChanceryError('forbidden', {
          message: `${principal.name} acts on its own certificates only, one by one`,
          field: permission,
        });
      }
      return work();
    });

  const found = async (transaction: Transaction, id: string): Promise<BulkJobRecord> =>
    known(await transaction.bulk.find(tenant, id), id);

  return {
    /**
     * Fixes the list and commits the job; a CA process works on it from then on.
     *
     * @throws ChanceryError ambiguous, countDiffers, invalidArgument, notFound, overloaded, payloadTooLarge
     */
    async planBulkJob(principal: Principal, request: BulkRequest): Promise<BulkJobRecord> {
      const { parameters } = request;
      const described = {
        act: 'bulkJob.begin',
        object: `bulk ${parameters.act}`,
        details: { ...parameters, ...selectionText(request) },
      };
      return onBehalfOfAll(principal, bulkPermissions[parameters.act], described, async () => {
        refuseUnfit(parameters, clock.now());
        const selection = await selectionOf(principal, request);
        const planned: BulkJobRecord = {
          tenant,
          id: Buffer.from(await random.bytes(8)).toString('hex'),
          parameters,
          selection: selectionText(request),
          includesIssuers: isAuthorized(principal, 'issuers:create'),
          requestedBy: { id: principal.id, name: principal.name },
          requestedAt: clock.now(),
          state: 'planned',
          counts: emptyCounts,
        };
        return unitOfWork.run(async (transaction) => {
          const { bulk } = transaction;
          if ((await bulk.countOpen(tenant)) >= mostOpen) {
            throw new ChanceryError('overloaded', {
              message: `${mostOpen} jobs wait or run; ask again when one is done`,
              retryAfter: 10,
            });
          }
          await bulk.insert(planned);
          await fill(transaction, planned, selection);
          const counts = await bulk.countItems(planned);
          refuseOtherCount(counts.items, request.expectedCount);
          const job = { ...planned, counts };
          await bulk.update(job);
          await recordDone(dependencies, transaction, principal, {
            ...described,
            object: job.id,
            details: { ...described.details, items: counts.items },
          });
          return job;
        });
      });
    },

    /** What a job would do now, certificate by certificate; changes nothing. */
    async previewBulkJob(
      principal: Principal,
      request: BulkRequest,
      page: { readonly cursor?: string | undefined; readonly limit: number },
    ) {
      const { parameters } = request;
      const described = { act: 'bulkJob.preview', object: `bulk ${parameters.act}` };
      return onBehalfOfAll(principal, bulkPermissions[parameters.act], described, async () => {
        refuseUnfit(parameters, clock.now());
        const selection = await selectionOf(principal, request);
        const includesIssuers = isAuthorized(principal, 'issuers:create');
        return unitOfWork.read(async ({ bulk }) =>
          preview(bulk, tenant, selection, { parameters, includesIssuers, now: clock.now() }, page),
        );
      });
    },

    async listBulkJobs(
      principal: Principal,
      query: {
        readonly state?: BulkJobState | undefined;
        readonly cursor?: string | undefined;
        readonly limit: number;
      },
    ): Promise<Page<BulkJobRecord>> {
      const described = { act: 'bulkJob.read', object: 'bulk jobs' };
      return onBehalfOfAll(principal, 'certificates:read', described, async () =>
        unitOfWork.read(async ({ bulk }) =>
          bulk.list(tenant, { state: query.state }, query.cursor, query.limit),
        ),
      );
    },

    async findBulkJob(principal: Principal, id: string): Promise<BulkJobRecord> {
      const described = { act: 'bulkJob.read', object: id };
      return onBehalfOfAll(principal, 'certificates:read', described, async () =>
        unitOfWork.readOne(async (transaction) => found(transaction, id)),
      );
    },

    async listBulkJobItems(
      principal: Principal,
      id: string,
      query: {
        readonly state?: BulkItemState | undefined;
        readonly cursor?: string | undefined;
        readonly limit: number;
      },
    ): Promise<Page<BulkJobItem>> {
      const described = { act: 'bulkJob.read', object: id };
      return onBehalfOfAll(principal, 'certificates:read', described, async () =>
        unitOfWork.read(async (transaction) => {
          const job = await found(transaction, id);
          return transaction.bulk.items(job, { state: query.state }, query.cursor, query.limit);
        }),
      );
    },

    /** Ends it after the batch under way; what is done stays done. */
    stopBulkJob: async (principal: Principal, id: string): Promise<BulkJobRecord> =>
      turn(principal, id, 'stop'),

    /** A stopped job goes on with the same list; one that waits or runs is answered as it is. */
    resumeBulkJob: async (principal: Principal, id: string): Promise<BulkJobRecord> =>
      turn(principal, id, 'resume'),
  };

  async function turn(
    principal: Principal,
    id: string,
    event: 'stop' | 'resume',
  ): Promise<BulkJobRecord> {
    const described = { act: `bulkJob.${event}`, object: id };
    // Which act's permission it takes is known once the job is read.
    const { parameters } = await onBehalfOfAll(
      principal,
      'certificates:read',
      described,
      async () => unitOfWork.readOne(async (transaction) => found(transaction, id)),
    );
    return onBehalfOfAll(principal, bulkPermissions[parameters.act], described, async () =>
      unitOfWork.run(async (transaction) => {
        const { bulk } = transaction;
        const job = known(await bulk.findForUpdate(tenant, id), id);
        const open = job.state === 'planned' || job.state === 'running';
        if ((event === 'resume' && open) || (event === 'stop' && job.state === 'stopped')) {
          return job;
        }
        const now = clock.now();
        const after: BulkJobRecord = {
          ...job,
          state: nextBulkJobState(job.state, event),
          startedAt: event === 'resume' ? (job.startedAt ?? now) : job.startedAt,
          endedAt: event === 'stop' ? now : undefined,
        };
        await bulk.update(after);
        await recordDone(dependencies, transaction, principal, {
          ...described,
          details: { act: job.parameters.act, ...job.counts },
        });
        return after;
      }),
    );
  }
}

async function fill(
  { bulk }: Transaction,
  job: BulkJobRecord,
  { serialNumbers, issuerId, query }: BulkSelection,
): Promise<void> {
  if (query !== undefined) {
    const count = await bulk.addFound(job, query, largestList + 1);
    if (count > largestList) refuseTooMany();
    if (count === 0) {
      throw new ChanceryError('notFound', {
        message: 'no certificate answers to these filters; `chancery list` takes the same ones',
        field: 'query',
      });
    }
    return;
  }
  if ((serialNumbers?.length ?? 0) > largestList) refuseTooMany();
  const ambiguous = await bulk.addSerialNumbers(job, serialNumbers ?? [], issuerId);
  if (ambiguous.length > 0) refuseAmbiguous(ambiguous);
}

function refuseUnfit(parameters: BulkParameters, now: Date): void {
  switch (parameters.act) {
    case 'revoke':
      refuseFuture('invalidityDate', parameters.invalidityDate, now);
      return;
    case 'hold':
      refuseHalfAnEnd(parameters, now);
      return;
    case 'release':
      return;
    case 'describe': {
      const { owner, addTags = [], removeTags = [], notes } = parameters;
      if (owner === undefined && notes === undefined && addTags.length + removeTags.length === 0) {
        throw new ChanceryError('invalidArgument', {
          message: 'nothing to change was given; set an owner, tags or notes',
          field: 'owner',
        });
      }
      const both = addTags.find((tag) => removeTags.includes(tag));
      if (both !== undefined) {
        throw new ChanceryError('invalidArgument', {
          message: `the tag ${both} would be added and removed; decide for one`,
          field: 'removeTags',
        });
      }
      return;
    }
    default:
      parameters satisfies never;
  }
}

/** How the list came about, as the record of the job and the audit log keep it. */
function selectionText({ serialNumbers, issuer, query }: BulkRequest) {
  return {
    ...(serialNumbers === undefined ? {} : { serialNumbers: serialNumbers.length }),
    ...(issuer === undefined ? {} : { issuer }),
    ...(query === undefined ? {} : { query }),
  };
}

function known(job: BulkJobRecord | undefined, id: string): BulkJobRecord {
  if (job === undefined) {
    throw new ChanceryError('notFound', {
      message: `there is no job ${JSON.stringify(id.slice(0, 40))}; \`chancery job list\` shows what there is`,
      field: 'job',
    });
  }
  return job;
}
