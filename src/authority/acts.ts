import { authorize } from '../access/index.ts';
import { auditRecord } from '../audit/index.ts';
import { isChanceryError, type Permission, type Principal } from '../domain/index.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import type { Transaction, UnitOfWork } from './ports.ts';

/** What recording needs of an authority, or of a protocol beside it. */
interface Recording extends Pick<AuthorityDependencies, 'clock' | 'log'> {
  readonly unitOfWork: Pick<UnitOfWork, 'run'>;
}

/** What an audit record says of an act, beside who and when. */
export interface Act {
  readonly act: string;
  readonly object: string;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/** Appends the record of a done act in the act's own transaction (invariant 10). */
export async function recordDone(
  dependencies: Pick<Recording, 'clock'>,
  transaction: Transaction,
  principal: Principal,
  act: Act,
): Promise<void> {
  await transaction.audit.append(
    auditRecord({
      tenant: principal.tenant,
      at: dependencies.clock.now(),
      principal,
      act: act.act,
      outcome: 'done',
      object: act.object,
      details: act.details ?? {},
    }),
  );
}

/**
 * Runs an act for a principal: permission first, and a refusal or failure leaves an audit
 * record of its own, since its transaction is gone.
 *
 * When the database can't take the record of a refusal, the refusal stands all the same and
 * the log has it.
 */
export async function act<T>(
  dependencies: Recording,
  principal: Principal,
  permission: Permission,
  described: Act,
  work: () => Promise<T>,
): Promise<T> {
  try {
    authorize(principal, permission);
    return await work();
  } catch (error) {
    await recordRefusal(dependencies, principal, described, error);
    throw error;
  }
}

async function recordRefusal(
  dependencies: Recording,
  principal: Principal,
  described: Act,
  error: unknown,
): Promise<void> {
  const code = isChanceryError(error) ? error.code : 'internal';
  // Idempotent replies and pressure are no decisions about the act; they would flood the record.
  if (code === 'databaseUnavailable' || code === 'overloaded' || code === 'idempotencyInProgress') {
    return;
  }
  const record = auditRecord({
    tenant: principal.tenant,
    at: dependencies.clock.now(),
    principal,
    act: described.act,
    outcome: failed.has(code) ? 'failed' : 'refused',
    object: described.object,
    details: {
      ...described.details,
      code,
      reason: isChanceryError(error) ? error.message : 'internal error',
      ...(isChanceryError(error) && error.violations.length > 0
        ? {
            violations: error.violations.map(({ rule, field, clause }) => ({
              rule,
              field,
              clause,
            })),
          }
        : {}),
    },
  });
  try {
    await dependencies.unitOfWork.run(async (transaction) => transaction.audit.append(record));
  } catch (cause) {
    dependencies.log('alarm', 'a refusal could not be written to the audit log', {
      act: described.act,
      object: described.object,
      code,
      cause: String(cause),
    });
  }
}

const failed: ReadonlySet<string> = new Set([
  'internal',
  'tokenUnavailable',
  'outcomeUnknown',
  'issuanceHalted',
  'keyBlocked',
]);
