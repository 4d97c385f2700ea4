import { authorize } from '../access/index.ts';
import { ChanceryError, type KeyId, type Principal } from '../domain/index.ts';
import type { KeyRecord, TokenIdentity, TokenObject, TokenRole } from '../keys/index.ts';
import { recordDone } from './acts.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import { sameBytes } from './octets.ts';

/** What was seen of one key when two tokens were compared. */
export interface ComparedKey {
  readonly keyId: KeyId;
  readonly label: string;
  /** Undefined: the copy is there, has the same public half, is sensitive and not extractable. */
  readonly problem?: string | undefined;
}

/** A drill of the second token, as it is kept (SP 800-57 Part 1 §9.5: a plan is rehearsed). */
export interface FailoverDrill {
  readonly role: TokenRole;
  readonly reason: string;
  readonly outcome: 'passed' | 'failed';
  readonly startedAt: string;
  readonly durationMilliseconds: number;
  readonly tokens: { readonly first: TokenIdentity; readonly standby: TokenIdentity };
  /** Until the standby's first signature after the first token was gone; undefined: it made none. */
  readonly takeoverMilliseconds?: number | undefined;
  /** Until the first token signed again; undefined: it did not. */
  readonly failBackMilliseconds?: number | undefined;
  readonly keys: readonly ComparedKey[];
  readonly findings: readonly string[];
}

/** Keys that the standby must have: those of the token that may sign now or once more. */
export function keysToCompare(keys: readonly KeyRecord[], role: TokenRole): readonly KeyRecord[] {
  return keys.filter(
    ({ tokenRole, privateState, type }) =>
      tokenRole === role &&
      type !== 'selfTest' &&
      privateState !== 'destroyed' &&
      privateState !== 'compromised' &&
      privateState !== 'deactivated',
  );
}

/** Compares the inventory with the copies in the second token. CKA_LOCAL is not asked of a copy. */
export function compareCopies(
  keys: readonly KeyRecord[],
  objects: readonly TokenObject[],
): readonly ComparedKey[] {
  return keys.map(({ keyId, label, subjectPublicKeyInfo }) => {
    const own = objects.filter((object) => object.keyId === keyId);
    const privateHalf = own.find((object) => object.class === 'privateKey');
    const told = own.find((object) => object.subjectPublicKeyInfo !== undefined);
    const problem =
      privateHalf === undefined
        ? 'the standby has no private key by its CKA_ID; clone it again'
        : told?.subjectPublicKeyInfo === undefined
          ? 'the standby does not tell its public half'
          : !sameBytes(told.subjectPublicKeyInfo, subjectPublicKeyInfo)
            ? 'the standby has another public key by its CKA_ID'
            : privateHalf.attributes?.sensitive !== true
              ? 'CKA_SENSITIVE is not set in the standby'
              : privateHalf.attributes.extractable
                ? 'CKA_EXTRACTABLE is set in the standby'
                : undefined;
    return { keyId, label, ...(problem === undefined ? {} : { problem }) };
  });
}

/**
 * Keeps a drill as evidence with its audit record, and each key's backup in the second token where
 * its copy was found.
 *
 * @throws ChanceryError forbidden, invalidArgument without a reason
 */
export async function recordFailoverDrill(
  dependencies: Pick<AuthorityDependencies, 'unitOfWork' | 'clock'>,
  principal: Principal,
  drill: FailoverDrill,
): Promise<void> {
  authorize(principal, 'keys:manage');
  if (drill.reason.trim() === '') {
    throw new ChanceryError('invalidArgument', {
      message: 'a drill needs a reason; say why it is held (--reason)',
      field: 'reason',
    });
  }
  const { tenant, name } = principal;
  const at = dependencies.clock.now();
  const { label, serialNumber } = drill.tokens.standby;
  await dependencies.unitOfWork.run(async (transaction) => {
    for (const { keyId, problem } of drill.keys) {
      if (problem !== undefined) continue;
      await transaction.keys.setBackup(tenant, keyId, {
        kind: 'secondToken',
        token: drill.tokens.standby,
        at: at.toISOString(),
      });
    }
    await transaction.evidence.append(tenant, {
      kind: 'drill.failover',
      subject: drill.role,
      at,
      by: name,
      document: { ...drill },
    });
    await recordDone(dependencies, transaction, principal, {
      act: 'token.failoverDrill',
      object: drill.role,
      details: {
        reason: drill.reason,
        outcome: drill.outcome,
        standby: { label, serialNumber },
        keys: drill.keys.length,
        findings: drill.findings,
      },
    });
  });
}
