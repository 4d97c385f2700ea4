import { type KeyId, type Principal, systemPrincipal } from '../domain/index.ts';
import {
  compareToken,
  type ReconciliationFinding,
  type TokenIdentity,
  type TokenObject,
  type TokenRole,
} from '../keys/index.ts';
import { act, recordDone } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import { type AuthorityDependencies, keySettings } from './dependencies.ts';
import type { KeyDestructions } from './key-destruction.ts';
import { sha256 } from './octets.ts';
import type { Transaction } from './ports.ts';

/** What was compared, and what was found. */
export interface Reconciliation {
  readonly token: TokenRole;
  readonly identity: TokenIdentity;
  readonly at: Date;
  readonly objects: number;
  readonly keys: number;
  readonly findings: readonly ReconciliationFinding[];
}

type Role = Exclude<TokenRole, 'responder'>;

const kind = 'key.reconciliation';

/** Of what is found so many are kept; more are many strangers, or none of ours. */
const mostFindings = 50;
/** A key may be made and certified between a responder's look and its report. */
const settleMilliseconds = 120_000;
/** What differs from the last result is kept at most this often. */
const newsMilliseconds = 50_000;

/** What a responder sees in its own token, where the CA has no session. */
export interface ResponderToken {
  readonly identity: TokenIdentity;
  readonly objects: readonly TokenObject[];
  /** Keys that it has files of; those that have no certificate of ours are in no record. */
  readonly expected: readonly KeyId[];
}

/** Under what the comparison of a responder's token is kept. */
export function responderTokenSubject(owner: string): string {
  return `responder/${owner}`;
}

/** The newest comparison of a token that is on record. @param subject its role, or `responderTokenSubject` */
export async function lastReconciliation(
  { evidence }: Pick<Transaction, 'evidence'>,
  tenant: Principal['tenant'],
  subject: string,
): Promise<
  | {
      readonly at: Date;
      readonly findings: readonly Readonly<Record<string, unknown>>[];
      /** Of all findings, also of those that were too many to be kept. */
      readonly problems: unknown;
    }
  | undefined
> {
  const [last] = await evidence.list(tenant, { kind, subject, limit: 1 });
  if (last === undefined) return undefined;
  const { findings, problems } = last.document;
  return { at: last.at, findings: Array.isArray(findings) ? findings : [], problems };
}

/** Compares the objects in the tokens with the inventory (SP 800-57 Part 1 §8.2.1, §9.2.1). */
export function keyReconciliation(context: AuthorityContext, destructions: KeyDestructions) {
  const { dependencies } = context;
  const { unitOfWork, tokens, tenant, clock } = dependencies;

  const reconcile = async (principal: Principal, role: Role): Promise<Reconciliation> => {
    // The token comes first: a key that is recorded meanwhile is then in the list that is read after it.
    const identity = await tokens[role].identity();
    const objects = await tokens[role].objects();
    const records = (await unitOfWork.read(async ({ keys }) => keys.list(tenant))).filter(
      ({ tokenRole }) => tokenRole === role,
    );
    const again = new Set((await tokens[role].objects()).map(({ keyId }) => keyId));
    const known = new Set(
      (await unitOfWork.read(async ({ keys }) => keys.list(tenant)))
        .filter(({ privateState }) => privateState !== 'destroyed')
        .map(({ keyId }) => keyId),
    );
    const findings = compareToken(records, objects, identity).filter(
      // It was being made, or destroyed, while we looked.
      ({ kind, keyId }) =>
        kind === 'missing'
          ? !again.has(keyId)
          : kind === 'changed' ||
            (again.has(keyId === '' ? undefined : keyId) && !known.has(keyId)),
    );
    const result: Reconciliation = {
      ...{ token: role, identity, at: clock.now(), findings },
      objects: objects.length,
      keys: records.filter(({ privateState }) => privateState !== 'destroyed').length,
    };
    await unitOfWork.run(async (transaction) =>
      keepResult(dependencies, transaction, principal, role, result),
    );
    return result;
  };

  const finishAndReconcile = async (
    principal: Principal,
    roles: readonly Role[],
  ): Promise<readonly Reconciliation[]> => {
    await destructions.finishBegun(roles);
    const done: Reconciliation[] = [];
    for (const role of roles) done.push(await reconcile(principal, role));
    return done;
  };

  return {
    useCases: {
      /** Now, by hand; the root's token is opened only when it is named. */
      async reconcileKeys(
        principal: Principal,
        roles: readonly Role[],
      ): Promise<readonly Reconciliation[]> {
        const described = { act: 'key.reconcile', object: roles.join(' ') };
        return act(dependencies, principal, 'keys:manage', described, async () =>
          finishAndReconcile(principal, roles),
        );
      },
    },

    /** By the schedule. */
    turn: async (roles: readonly Role[]): Promise<void> => {
      await finishAndReconcile(systemPrincipal, roles);
    },
  };
}

async function keepResult(
  dependencies: Pick<AuthorityDependencies, 'clock'>,
  transaction: Transaction,
  principal: Principal,
  subject: string,
  result: Reconciliation,
): Promise<void> {
  const { objects, keys, findings, at } = result;
  await transaction.evidence.append(principal.tenant, {
    ...{ kind, subject, at, by: principal.name },
    document: {
      ...result,
      at: at.toISOString(),
      findings: findings.slice(0, mostFindings),
      found: findings.length,
      problems: problemsOf(findings),
    },
  });
  await recordDone(dependencies, transaction, principal, {
    act: 'key.reconcile',
    object: subject,
    details: { objects, keys, found: findings.length, findings: findings.slice(0, 5) },
  });
}

/**
 * Compares what a responder sees in its token with the records of its keys. It tells so every minute;
 * kept is what is found otherwise than before, and the rest as often as the other tokens are compared.
 */
export async function reconcileResponderToken(
  dependencies: Pick<AuthorityDependencies, 'clock' | 'settings'>,
  transaction: Transaction,
  principal: Principal,
  { identity, objects, expected }: ResponderToken,
): Promise<void> {
  const { tenant, name } = principal;
  const all = (await transaction.keys.list(tenant)).filter(
    ({ tokenRole }) => tokenRole === 'responder',
  );
  const records = all.filter(({ owner }) => owner === name);
  // Of a key that is destroyed nothing is expected; of another responder in the same token, its keys.
  const accounted = new Set(expected);
  for (const { keyId, owner, token, privateState } of all) {
    if (privateState === 'destroyed') accounted.delete(keyId);
    else if (owner !== name && token.serialNumber === identity.serialNumber) accounted.add(keyId);
  }
  const now = dependencies.clock.now();
  const young = new Set(
    records
      .filter(({ createdAt }) => now.getTime() - createdAt.getTime() < settleMilliseconds)
      .map(({ keyId }) => keyId),
  );
  const findings = compareToken(records, objects, identity).filter(({ kind: found, keyId }) => {
    // Certified since the responder looked.
    if (found === 'missing') return !young.has(keyId);
    return found !== 'unknown' || !accounted.has(keyId);
  });
  const last = await lastReconciliation(transaction, tenant, responderTokenSubject(name));
  const age = now.getTime() - (last?.at.getTime() ?? 0);
  const due = Math.abs(age) >= keySettings(dependencies).reconcileEverySeconds * 1000;
  const news = Math.abs(age) >= newsMilliseconds && problemsOf(findings) !== last?.problems;
  if (!due && !news) return;
  await keepResult(dependencies, transaction, principal, responderTokenSubject(name), {
    ...{ token: 'responder', identity, at: now, findings },
    objects: objects.length,
    keys: records.filter(({ privateState }) => privateState !== 'destroyed').length,
  });
}

/** SHA-256 of what is wrong: the same problems have the same. */
function problemsOf(findings: readonly ReconciliationFinding[]): string {
  const lines = findings.map(({ keyId, problem }) => `${keyId} ${problem}`);
  return sha256(lines.sort().join('\n'));
}
