import { auditRecord } from '../audit/index.ts';
import type { Act } from './acts.ts';
import type { AuthorityContext } from './context.ts';

/** A minute, and how many refusals of nobody it records one by one. */
const windowMilliseconds = 60_000;
const recordsPerWindow = 60;

/**
 * Refusals of callers who are nobody. Deliberately not all written out: without a credential anyone
 * could fill the audit log. What a minute has too much of is counted, and the next record tells.
 */
export function unauthenticatedUseCases({ dependencies }: AuthorityContext) {
  const { unitOfWork, clock, tenant, log } = dependencies;
  let windowStart = new Date(0);
  let recorded = 0;
  let unrecorded = 0;

  return {
    /** For the door, before it answers 401. Never throws: the refusal stands whether recorded or not. */
    async recordUnauthenticated(described: Act): Promise<void> {
      const now = clock.now();
      if (Math.abs(now.getTime() - windowStart.getTime()) >= windowMilliseconds) {
        windowStart = now;
        recorded = 0;
      }
      if (recorded >= recordsPerWindow) {
        unrecorded += 1;
        return;
      }
      recorded += 1;
      const before = unrecorded;
      unrecorded = 0;
      const record = auditRecord({
        tenant,
        at: now,
        principal: { id: 'anonymous', name: 'anonymous' },
        act: described.act,
        outcome: 'refused',
        object: described.object,
        details: {
          ...described.details,
          code: 'unauthenticated',
          ...(before === 0 ? {} : { unrecordedBefore: before }),
        },
      });
      try {
        await unitOfWork.run(async (transaction) => transaction.audit.append(record));
      } catch (cause) {
        unrecorded += before + 1;
        log('warn', 'the refusal of an unauthenticated caller could not be recorded', {
          act: described.act,
          cause: String(cause),
        });
      }
    },
  };
}
