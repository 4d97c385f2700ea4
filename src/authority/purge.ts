import { type Principal, systemPrincipal } from '../domain/index.ts';
import { act, recordDone } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import type { PurgeSelection } from './ports.ts';

export interface PurgeRequest {
  /** Only what expired before this moment, too; a class's own duration is never undercut. */
  readonly before?: Date | undefined;
  /** Counts and changes nothing. */
  readonly dryRun?: boolean | undefined;
  /** Certificates at most; default 10,000. */
  readonly limit?: number | undefined;
}

/** What one retention class gave, or would give. */
export interface PurgedClass {
  readonly retentionClass: string;
  /** Those whose notAfter lies before. */
  readonly notAfterBefore: Date;
  readonly certificates: number;
}

export interface PurgeReport {
  readonly dryRun: boolean;
  readonly classes: readonly PurgedClass[];
  readonly droppedPartitions: number;
  /** False when the limit was reached: ask again for the rest. */
  readonly complete: boolean;
}

const defaultLimit = 10_000;
/** Rows of one transaction: locks are held for a moment, a crash loses little work. */
const batchSize = 500;

/**
 * Takes contents and bytes of certificates away that expired longer ago than their retention class
 * says. Serial number, hashes, validity, type, issuer, status and history stay for good. A class that
 * the configuration does not name is never purged.
 */
export function purgeUseCases(context: AuthorityContext) {
  const { dependencies } = context;
  return {
    /** @throws ChanceryError forbidden; issuanceHalted while the clock or the database can't be believed */
    async purgeInventory(principal: Principal, request: PurgeRequest): Promise<PurgeReport> {
      const described = {
        act: 'inventory.purge',
        object: 'inventory',
        details: { ...request, before: request.before?.toISOString() },
      };
      return act(dependencies, principal, 'certificates:purge', described, async () =>
        purge(context, principal, request),
      );
    },
  };
}

/** One turn of the schedule. @returns whether something may be left */
export async function purgeBySchedule(context: AuthorityContext): Promise<boolean> {
  const { complete } = await purge(context, systemPrincipal, { limit: 4 * batchSize });
  return !complete;
}

async function purge(
  context: AuthorityContext,
  principal: Principal,
  { before, dryRun = false, limit = defaultLimit }: PurgeRequest,
): Promise<PurgeReport> {
  const { unitOfWork, clock, settings } = context.dependencies;
  const classes: PurgedClass[] = [];
  let left = limit;
  for (const [retentionClass, seconds] of Object.entries(settings.inventory.retention)) {
    const longEnough = new Date(clock.now().getTime() - seconds * 1000);
    const selection: PurgeSelection = {
      tenant: principal.tenant,
      retentionClass,
      notAfterBefore: before !== undefined && before < longEnough ? before : longEnough,
    };
    const certificates = dryRun
      ? await unitOfWork.read(async ({ maintenance }) =>
          maintenance.countPurgeable(selection, left),
        )
      : await purgeClass(context, principal, selection, left);
    left -= certificates;
    classes.push({ retentionClass, notAfterBefore: selection.notAfterBefore, certificates });
  }
  const taken = classes.some(({ certificates }) => certificates > 0);
  return {
    dryRun,
    classes,
    droppedPartitions:
      taken && !dryRun
        ? await unitOfWork.run(async ({ maintenance }) =>
            maintenance.dropEmptyPartitions(clock.now()),
          )
        : 0,
    complete: left > 0,
  };
}

async function purgeClass(
  context: AuthorityContext,
  principal: Principal,
  selection: PurgeSelection,
  limit: number,
): Promise<number> {
  const { dependencies } = context;
  const { unitOfWork, clock, failpoint } = dependencies;
  let purged = 0;
  while (purged < limit) {
    // Before each batch: a clock that jumps ahead would make everything look expired for long.
    await context.requireSound();
    const size = Math.min(batchSize, limit - purged);
    const taken = await unitOfWork.run(async (transaction) => {
      const certificates = await transaction.maintenance.purge(selection, clock.now(), size);
      const [first] = certificates;
      if (first !== undefined) {
        await recordDone(dependencies, transaction, principal, {
          act: 'inventory.purge',
          object: selection.retentionClass,
          details: {
            certificates: certificates.length,
            notAfterBefore: selection.notAfterBefore,
            first: `${first.issuerId}/${first.serialNumber}`,
          },
        });
      }
      failpoint('purge.1-before-commit');
      return certificates.length;
    });
    failpoint('purge.2-after-commit');
    purged += taken;
    if (taken < size) {
      break;
    }
  }
  return purged;
}
