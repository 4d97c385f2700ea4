import {
  ChanceryError,
  isChanceryError,
  type KeyId,
  nextKeyStates,
  type Principal,
  systemPrincipal,
} from '../domain/index.ts';
import type { KeyDestruction, KeyRecord } from '../keys/index.ts';
import { act, recordDone } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import { issuerOfKey, type KeyActRequest, type KeyActResult, requireReason } from './key-acts.ts';
import { findKey } from './key-lookup.ts';
import { lastReconciliation, responderTokenSubject } from './key-reconciliation.ts';
import { isOvertaken } from './key-standing.ts';
import { changeKeyState } from './key-states.ts';
import type { IssuerRecord, Transaction } from './ports.ts';

/** Intents of this many keys are looked at; more were never under way at once. */
const intentsLooked = 200;

/** A responder that told nothing for so long may be gone. */
const silenceMilliseconds = 86_400_000;

type InToken = KeyRecord & { readonly tokenRole: 'root' | 'issuing' };

export type KeyDestructions = ReturnType<typeof keyDestruction>;

/**
 * Destruction (SP 800-57 Part 1 §7.6, §8.3.4): intent on record, then the token, then the outcome. From
 * the intent on no signer process signs with the key, however long its token is away.
 */
export function keyDestruction(context: AuthorityContext) {
  const { dependencies } = context;
  const { unitOfWork, tokens, tenant, clock, failpoint, log } = dependencies;

  /** Objects that are gone already were destroyed before a crash: that they are absent is looked at again. */
  const destroyInToken = async ({ keyId, tokenRole }: InToken): Promise<KeyDestruction> => {
    const token = tokens[tokenRole];
    try {
      return await token.destroyKeyPair(keyId);
    } catch (error) {
      if (!isChanceryError(error) || error.code !== 'notFound') throw error;
      const left = (await token.objects()).filter((object) => object.keyId === keyId);
      if (left.length > 0) throw error;
      return { objects: 0, token: await token.identity(), absent: true };
    }
  };

  const finish = async (
    principal: Principal,
    key: InToken,
    intent: { readonly reason: string; readonly approvals: readonly string[]; readonly by: string },
  ): Promise<KeyRecord> => {
    const seen = await destroyInToken(key);
    failpoint('key.destroy.2-after-token');
    const { keyId } = key;
    const details = { ...seen, askedBy: intent.by };
    await unitOfWork.run(async (transaction) => {
      const now = await transaction.keys.findForUpdate(tenant, keyId);
      // Another node, or the schedule, was faster.
      if (now?.privateState === 'destroyed') return;
      await changeKeyState(dependencies, transaction, principal, keyId, 'destroy', {
        reason: intent.reason,
        approvals: intent.approvals,
        details,
      });
      await transaction.evidence.append(tenant, {
        kind: 'key.destruction',
        subject: keyId,
        at: clock.now(),
        by: principal.name,
        document: {
          ...details,
          ...{ reason: intent.reason, approvals: intent.approvals },
          ...{ label: key.label, type: key.type, record: key.record, version: key.version },
          backup: key.backup ?? null,
        },
      });
      failpoint('key.1-before-commit');
    });
    failpoint('key.2-after-commit');
    context.standing.forget();
    return (await unitOfWork.read(async ({ keys }) => keys.find(tenant, keyId))) ?? key;
  };

  /**
   * A responder destroys its keys itself. One that its token has no more, by the responder's own word,
   * was lost with a token, or by somebody; of one that says nothing any more, all are: their records
   * are ended by a person's word.
   */
  const recordGone = async (
    transaction: Transaction,
    principal: Principal,
    key: KeyRecord,
    { reason, approvals }: { readonly reason: string; readonly approvals: readonly string[] },
  ): Promise<KeyRecord> => {
    requireTransition(key);
    const { keyId, owner } = key;
    const seen = await lastReconciliation(transaction, tenant, responderTokenSubject(owner));
    const isMissing =
      seen?.findings.some((one) => one['kind'] === 'missing' && one['keyId'] === keyId) === true;
    const heard = seen?.at ?? key.createdAt;
    if (!isMissing && clock.now().getTime() - heard.getTime() < silenceMilliseconds) {
      throw refused(
        `key ${keyId} is of responder ${owner}, which destroys it by itself once the next one is in use; of one that is gone it can be ended a day after its last word (${heard.toISOString()})`,
      );
    }
    // Of a responder that is gone nobody has looked into the token: it is a person's word.
    const details = {
      ...{ objects: 0, token: key.token, absent: isMissing },
      comparedAt: seen?.at.toISOString(),
    };
    await changeKeyState(dependencies, transaction, principal, keyId, 'destroy', {
      ...{ reason, approvals, details },
    });
    await transaction.evidence.append(tenant, {
      ...{ kind: 'key.destruction', subject: keyId, at: clock.now(), by: principal.name },
      document: {
        ...{ ...details, reason, approvals, label: key.label },
        ...{ type: key.type, record: key.record, version: key.version },
      },
    });
    return (await transaction.keys.find(tenant, keyId)) ?? key;
  };

  /** Keys whose destruction was begun and is not on record as done. */
  const unfinished = async (): Promise<
    readonly { readonly key: InToken; readonly intent: Parameters<typeof finish>[2] }[]
  > =>
    unitOfWork.read(async (transaction) => {
      const intents = await transaction.evidence.list(tenant, {
        kind: 'key.destructionIntent',
        limit: intentsLooked,
      });
      const found = new Map<KeyId, { key: InToken; intent: Parameters<typeof finish>[2] }>();
      for (const { subject, by, at, document } of intents) {
        const key = await transaction.keys.find(tenant, subject);
        if (key === undefined || key.privateState === 'destroyed' || !isInToken(key)) continue;
        if (isOvertaken(await transaction.keys.transitions(tenant, subject), at)) continue;
        const { reason, approvals } = document;
        found.set(subject, {
          key,
          intent: {
            by,
            reason: typeof reason === 'string' ? reason : 'begun before',
            approvals: Array.isArray(approvals) ? approvals.map(String) : [],
          },
        });
      }
      return [...found.values()];
    });

  return {
    useCases: {
      /** Transitions 2, 5, 9, 13, 15 of the private half, 2 and 8 of the public one. Can't be undone. */
      async destroyKey(principal: Principal, request: KeyActRequest): Promise<KeyActResult> {
        const { reason, approvals = [] } = request;
        const described = {
          act: 'key.destroy',
          object: request.key,
          details: { reason, approvals },
        };
        return act(dependencies, principal, 'keys:destroy', described, async () => {
          requireReason(reason);
          const key = await unitOfWork.run(async (transaction) => {
            const found = await findKey(transaction, tenant, request.key);
            if (found.tokenRole === 'responder') {
              return recordGone(transaction, principal, found, { reason, approvals });
            }
            const own = await requireDestructible(transaction, found);
            await transaction.evidence.append(tenant, {
              kind: 'key.destructionIntent',
              subject: own.keyId,
              at: clock.now(),
              by: principal.name,
              document: { reason, approvals, label: own.label, type: own.type },
            });
            await recordDone(dependencies, transaction, principal, {
              act: 'key.destroyIntent',
              object: own.keyId,
              details: { reason, approvals },
            });
            // Written anew, unchanged: each node's signer is told of the intent (see `boundKeys`).
            await transaction.keys.setScope(tenant, own.keyId, own.scope);
            return own;
          });
          if (!isInToken(key)) return { key, notes: notesOf(key) };
          await context.keys.rebind(key.keyId);
          failpoint('key.destroy.1-after-intent');
          const destroyed = await finish(principal, key, { reason, approvals, by: principal.name });
          return { key: destroyed, notes: notesOf(destroyed) };
        });
      },
    },

    /** What a crash or a token that was away left undone, in the tokens that may be opened. */
    async finishBegun(roles: readonly ('root' | 'issuing')[]): Promise<void> {
      for (const { key, intent } of await unfinished()) {
        if (!roles.includes(key.tokenRole)) continue;
        try {
          await finish(systemPrincipal, key, intent);
          log('info', 'a destruction that had been begun was finished', { keyId: key.keyId });
        } catch (error) {
          log('warn', 'a destruction that had been begun could not be finished; tried again', {
            keyId: key.keyId,
            cause: isChanceryError(error) ? error.message : String(error),
          });
        }
      }
    },
  };
}

function isInToken(key: KeyRecord): key is InToken {
  return key.tokenRole === 'root' || key.tokenRole === 'issuing';
}

function requireTransition({ privateState, publicState, type }: KeyRecord): void {
  nextKeyStates(
    { private: privateState, public: publicState },
    'destroy',
    type === 'wrapping' ? 'protection' : 'signature',
  );
}

/** @throws ChanceryError illegalTransition, naming what must come first */
async function requireDestructible(transaction: Transaction, key: KeyRecord): Promise<InToken> {
  requireTransition(key);
  if (!isInToken(key)) {
    throw refused(
      `key ${key.keyId} is a file of the HTTPS server, which destroys it by itself when the next one is in use`,
    );
  }
  const issuer = await issuerOfKey(transaction, key);
  if (issuer !== undefined) requireIssuerAtEnd(issuer, key);
  else await requireNotInUse(transaction, key);
  return key;
}

/** Its certificates are relied upon until they expire, and nobody else can sign their CRL (§7.4). */
function requireIssuerAtEnd(
  { name, state, standing }: IssuerRecord,
  { privateState }: KeyRecord,
): void {
  const over =
    state === 'pending' ||
    standing === 'retired' ||
    privateState === 'pre-activation' ||
    privateState === 'compromised';
  if (!over) {
    throw refused(
      `issuer ${name} is ${standing}: while certificates of it are unexpired, or its last CRL is not out, its key is needed; \`chancery issuer rollover retire ${name}\` ends its issuance and tells when it has retired`,
    );
  }
}

async function requireNotInUse(transaction: Transaction, key: KeyRecord): Promise<void> {
  if (key.privateState !== 'active') return;
  if (key.type === 'selfTest') {
    throw refused(
      `key ${key.keyId} proves that its token signs; it goes with its token, or when it is compromised: the next start makes another`,
    );
  }
  const others = (await transaction.keys.list(key.tenant)).filter(
    ({ record, keyId, privateState }) =>
      record === key.record && keyId !== key.keyId && privateState === 'active',
  );
  if (others.length === 0) {
    throw refused(
      `key ${key.keyId} is the only active one of ${key.record}: activate its next version first (\`chancery key rotate\`), or suspend it before you destroy it`,
    );
  }
}

function refused(message: string): ChanceryError {
  return new ChanceryError('illegalTransition', {
    message,
    field: 'key',
    clause: 'SP 800-57 Part 1 §7.4',
  });
}

function notesOf({ backup, label }: KeyRecord): readonly string[] {
  switch (backup?.kind) {
    case 'secondToken':
      return [
        `${label} is in a second token as well (${backup.token.label}, ${backup.token.serialNumber}): destroy it there too`,
      ];
    case 'tokenBackup':
      return [`there is a backup of ${label} at ${backup.location}: destroy it too`];
    case 'none':
      return [];
    case undefined:
      return [`no backup of ${label} is on record; if there is one, destroy it too`];
    default:
      return backup satisfies never;
  }
}
