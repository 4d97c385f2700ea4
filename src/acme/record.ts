import { auditRecord } from '../audit/index.ts';
import type { Transaction } from '../authority/ports.ts';
import { isChanceryError, type Permission, type Principal } from '../domain/index.ts';
import type { AcmeDependencies } from './dependencies.ts';

/** What an audit record says of an act, beside who and when. */
export interface AcmeAct {
  /** Verb with its object kind: `acmeAccount.create`. */
  readonly act: string;
  readonly object: string;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Who an ACME account is in the audit log and in certificates. A principal's name has no colon, so
 * nobody can be made who looks like one.
 */
export function accountPrincipal(
  { tenant }: Pick<AcmeDependencies, 'tenant'>,
  account: { readonly directory: string; readonly accountId: string },
  permissions: readonly Permission[] = [],
): Principal {
  return {
    id: 'acme',
    name: `acme:${account.directory}/${account.accountId}`,
    role: 'system',
    tenant,
    permissions: new Set(permissions),
  };
}

/** Appends the record of a done act in the act's own transaction (invariant 10). */
export async function recordDone(
  { clock }: Pick<AcmeDependencies, 'clock'>,
  transaction: Transaction,
  principal: Principal,
  { act, object, details = {} }: AcmeAct,
): Promise<void> {
  await transaction.audit.append(
    auditRecord({
      tenant: principal.tenant,
      at: clock.now(),
      principal,
      act,
      outcome: 'done',
      object,
      details,
    }),
  );
}

/**
 * Runs an act of an operator: permission first, which the authority checks and whose refusal it
 * records. What the act itself refuses leaves a record of its own, since its transaction is gone.
 */
export async function act<T>(
  dependencies: AcmeDependencies,
  principal: Principal,
  permission: Permission,
  described: AcmeAct,
  work: () => Promise<T>,
): Promise<T> {
  const { authority, unitOfWork, clock, log } = dependencies;
  await authority.authorize(principal, permission, described);
  try {
    return await work();
  } catch (error) {
    if (!isChanceryError(error) || error.code === 'databaseUnavailable') throw error;
    const record = auditRecord({
      tenant: principal.tenant,
      at: clock.now(),
      principal,
      act: described.act,
      outcome: 'refused',
      object: described.object,
      details: { ...described.details, code: error.code, reason: error.message },
    });
    try {
      await unitOfWork.run(async (transaction) => transaction.audit.append(record));
    } catch (cause) {
      log('alarm', 'a refusal could not be written to the audit log', {
        act: described.act,
        object: described.object,
        code: error.code,
        cause: String(cause),
      });
    }
    throw error;
  }
}
