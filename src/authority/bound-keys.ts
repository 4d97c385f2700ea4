import { isChanceryError, type KeyId, type TenantId } from '../domain/index.ts';
import { type KeyBinding, type KeyRecord, lifeOf } from '../keys/index.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import { inTurn } from './in-turn.ts';
import type { Transaction } from './ports.ts';

/** Keeps the signer processes of this node at what the key inventory says. */
export interface BoundKeys {
  /** Tells the signer of one key, after a change of it was committed. A token that is away is told when it is back. */
  rebind(keyId: KeyId): Promise<void>;
  /**
   * Tells the signers of all that changed since, by whichever node; asked for every second. The first
   * time that is everything.
   *
   * @throws ChanceryError tokenUnavailable, or keyBlocked when a token lacks a key or has another
   */
  refresh(): Promise<void>;
  /**
   * Records how often this node's signers have counted each key, and takes the node's next share of a
   * limit before the present one is used up. A limit is never passed: shares are given under its row's lock.
   */
  count(): Promise<void>;
}

/** A sixteenth of the limit at a time: what a node holds and does not use is lost to the others. */
function shareOf(limit: number): number {
  return Math.min(100_000, Math.max(16, Math.ceil(limit / 16)));
}

const roles = ['root', 'issuing'] as const;

interface ToBind {
  readonly record: KeyRecord;
  readonly binding: KeyBinding;
}

export function boundKeys(
  dependencies: Pick<
    AuthorityDependencies,
    'unitOfWork' | 'tenant' | 'tokens' | 'log' | 'settings' | 'clock'
  >,
): BoundKeys {
  const { unitOfWork, tenant, tokens, settings, log, clock } = dependencies;
  /** By key: the version of its row that the signer was told of. */
  const told = new Map<KeyId, string>();
  /** By key: the count that is on record. */
  const counted = new Map<KeyId, number>();

  /** By key: how many acts on it have told its signer; what was read before the last one is not told after it. */
  const acts = new Map<KeyId, number>();
  /** By key: the end of the telling before; two acts on a key are told in the order of their commits. */
  const telling = new Map<KeyId, Promise<void>>();

  const bind = async (role: (typeof roles)[number], keys: readonly ToBind[]): Promise<void> => {
    if (keys.length === 0) return;
    await tokens[role].bind(keys.map(({ binding }) => binding));
  };

  /** A pair that is gone can't be found in its token; that its signer refuses it is all that matters. */
  const refuse = async (role: (typeof roles)[number], gone: readonly ToBind[]): Promise<void> => {
    try {
      await bind(role, gone);
    } catch (error) {
      if (!isChanceryError(error) || error.code !== 'keyBlocked') throw error;
    }
  };

  /**
   * A token's own self-test key is found by its process itself, which refuses any other: one that was
   * destroyed, or that another process made since. No other key waits for that.
   */
  const bindProbes = async (
    role: (typeof roles)[number],
    probes: readonly ToBind[],
  ): Promise<void> => {
    try {
      await bind(role, probes);
    } catch (error) {
      if (!isChanceryError(error) || error.code !== 'purposeRefused') throw error;
    }
  };

  /** Before a key with a limit can sign here, this node needs a share of it; the next is taken ahead. */
  const takeShare = async (keyId: KeyId): Promise<boolean> => {
    const { key, count } = await unitOfWork.read(async ({ keys }) => ({
      key: await keys.find(tenant, keyId),
      count: (await keys.usage(tenant)).find(
        (one) => one.keyId === keyId && one.node === settings.node,
      ),
    }));
    if (key?.signatureLimit === undefined || key.privateState !== 'active') return false;
    const share = shareOf(key.signatureLimit);
    const left = (count?.allotted ?? 0) - (count?.signatures ?? 0);
    if (left >= share) return false;
    const before = count?.allotted ?? 0;
    const after = await unitOfWork.run(async ({ keys }) =>
      keys.allot(tenant, keyId, settings.node, share, clock.now()),
    );
    return after !== undefined && after > before;
  };

  const rebind = async (keyId: KeyId): Promise<void> => {
    acts.set(keyId, (acts.get(keyId) ?? 0) + 1);
    const before = telling.get(keyId);
    const now = (before ?? Promise.resolve()).then(async () => tell(keyId));
    const settled = now.catch(() => undefined);
    telling.set(keyId, settled);
    try {
      await now;
    } finally {
      if (telling.get(keyId) === settled) telling.delete(keyId);
    }
  };

  const tell = async (keyId: KeyId): Promise<void> => {
    await takeShare(keyId);
    const found = await unitOfWork.read(async (transaction) => {
      const record = await transaction.keys.find(tenant, keyId);
      return record && bindingOf(transaction, tenant, settings.node, record);
    });
    if (found === undefined || !isInToken(found.record)) return;
    try {
      await tokens[found.record.tokenRole].bind([found.binding]);
    } catch (error) {
      if (!isChanceryError(error)) throw error;
      log('warn', 'a signer process could not be told of a key now; it is told within a second', {
        keyId,
        cause: error.message,
      });
      told.delete(keyId);
    }
  };

  return {
    async count() {
      const known = new Map(
        (await unitOfWork.readOne(async ({ keys }) => keys.standings(tenant))).map((one) => [
          one.keyId,
          one,
        ]),
      );
      const countOf = async (role: (typeof roles)[number]): Promise<void> => {
        const used = (await tokens[role].usage()).filter(
          ({ keyId, signatures }) =>
            known.has(keyId) && signatures > 0 && counted.get(keyId) !== signatures,
        );
        if (used.length === 0) return;
        await unitOfWork.run(async ({ keys }) => {
          for (const { keyId, signatures } of used) {
            await keys.countSignatures(tenant, keyId, settings.node, signatures, clock.now());
          }
        });
        for (const { keyId, signatures } of used) {
          counted.set(keyId, signatures);
          if (await takeShare(keyId)) await rebind(keyId);
        }
      };
      await inTurn(roles.map((role) => async () => countOf(role)));
    },

    rebind,

    async refresh() {
      const marks = await unitOfWork.readOne(async ({ keys }) => keys.standings(tenant));
      const changed = marks.filter(({ keyId, mark }) => told.get(keyId) !== mark);
      if (changed.length === 0) return;
      for (const { keyId } of changed) await takeShare(keyId);
      const actsBefore = new Map(acts);
      const isCurrent = ({ record: { keyId } }: ToBind): boolean =>
        acts.get(keyId) === actsBefore.get(keyId);
      const wanted = new Map(changed.map(({ keyId, mark }) => [keyId, mark]));
      const found = await unitOfWork.read(async (transaction) => {
        const records = (await transaction.keys.list(tenant)).filter(({ keyId }) =>
          wanted.has(keyId),
        );
        return Promise.all(
          records.map(async (record) => bindingOf(transaction, tenant, settings.node, record)),
        );
      });
      const problems: unknown[] = [];
      for (const role of roles) {
        const own = found.filter(({ record }) => record.tokenRole === role);
        const gone = own.filter(({ record }) => record.privateState === 'destroyed');
        const there = own.filter(
          ({ record }) => record.privateState !== 'destroyed' && record.blockedReason === undefined,
        );
        try {
          await refuse(
            role,
            gone.filter(({ record }) => told.has(record.keyId) && record.type !== 'selfTest'),
          );
          await bind(
            role,
            there.filter((one) => one.record.type !== 'selfTest' && isCurrent(one)),
          );
          await bindProbes(
            role,
            there.filter((one) => one.record.type === 'selfTest' && isCurrent(one)),
          );
        } catch (error) {
          problems.push(error);
          // The signer knows of every key, and which of them it can't use: said once, not each second.
          if (!isChanceryError(error) || error.code !== 'keyBlocked') continue;
        }
        for (const { record } of own.filter(isCurrent))
          told.set(record.keyId, wanted.get(record.keyId) ?? '');
      }
      if (problems.length > 0) throw problems[0];
    },
  };
}

function isInToken(
  record: KeyRecord,
): record is KeyRecord & { readonly tokenRole: (typeof roles)[number] } {
  return (
    roles.some((role) => role === record.tokenRole) &&
    record.privateState !== 'destroyed' &&
    record.blockedReason === undefined
  );
}

/** Its destruction was begun; until the token has done it, nothing is signed with it. */
async function isBeingDestroyed(
  { evidence }: Transaction,
  { tenant, keyId, privateState }: KeyRecord,
): Promise<boolean> {
  if (privateState !== 'active' && privateState !== 'pre-activation') return false;
  const kind = 'key.destructionIntent';
  return (await evidence.list(tenant, { kind, subject: keyId, limit: 1 })).length > 0;
}

/** The key with its life as this node's signer must know it. */
async function bindingOf(
  transaction: Transaction,
  tenant: TenantId,
  node: string,
  record: KeyRecord,
): Promise<ToBind> {
  const issuer =
    record.type === 'ca' && record.issuerId !== undefined
      ? await transaction.issuers.find(tenant, record.issuerId)
      : undefined;
  const count = (await transaction.keys.usage(tenant)).find(
    (one) => one.keyId === record.keyId && one.node === node,
  );
  const { keyId, purposes, algorithm, subjectPublicKeyInfo } = record;
  const life = lifeOf(record, issuer?.subject, count);
  return {
    record,
    binding: {
      ...{ keyId, purposes, algorithm, subjectPublicKeyInfo },
      life: (await isBeingDestroyed(transaction, record)) ? { ...life, state: 'suspended' } : life,
    },
  };
}
