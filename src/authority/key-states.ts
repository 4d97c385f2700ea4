import {
  ChanceryError,
  type KeyAct,
  type KeyId,
  nextKeyStates,
  type Principal,
} from '../domain/index.ts';
import type { KeyChange, KeyRecord } from '../keys/index.ts';
import { recordDone } from './acts.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import type { Transaction } from './ports.ts';

/**
 * One step in a key's life, within the caller's transaction: the record locked, the machine asked, the
 * steps of both halves written with who, when and why, and the audit record (SP 800-57 Part 1 §7).
 * Telling the signer process comes after the commit.
 *
 * @returns the record as it was before
 * @throws ChanceryError notFound, illegalTransition
 */
export async function changeKeyState(
  dependencies: Pick<AuthorityDependencies, 'clock'>,
  transaction: Transaction,
  principal: Principal,
  keyId: KeyId,
  act: KeyAct,
  change: Pick<KeyChange, 'reason' | 'approvals' | 'details'>,
): Promise<KeyRecord> {
  const { tenant } = principal;
  const key = await transaction.keys.findForUpdate(tenant, keyId);
  if (key === undefined) {
    throw new ChanceryError('notFound', {
      message: `there is no key ${keyId} in the inventory; \`chancery key list\` shows them`,
      field: 'key',
    });
  }
  const { halves, steps } = nextKeyStates(
    { private: key.privateState, public: key.publicState },
    act,
    key.type === 'wrapping' ? 'protection' : 'signature',
  );
  await transaction.keys.changeState(tenant, keyId, halves, steps, {
    ...change,
    act,
    at: dependencies.clock.now(),
    by: principal.name,
  });
  await recordDone(dependencies, transaction, principal, {
    act: `key.${act}`,
    object: keyId,
    details: {
      reason: change.reason,
      approvals: change.approvals ?? [],
      transitions: steps.map(({ half, number, from, to }) => ({ half, number, from, to })),
      ...change.details,
    },
  });
  return key;
}
