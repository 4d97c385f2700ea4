import { systemPrincipal } from '../domain/index.ts';
import { cryptoperiodAt, type KeyRecord } from '../keys/index.ts';
import { parseCertificate } from '../pkix/index.ts';
import { recordDone } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import { keySettings } from './dependencies.ts';
import { inTurn } from './in-turn.ts';
import type { KeyDestructions } from './key-destruction.ts';
import { type keyReconciliation, lastReconciliation } from './key-reconciliation.ts';
import type { KeyWarnings } from './key-warnings.ts';
import type { Transaction } from './ports.ts';
import { isAbsent } from './presence.ts';

/** Durable counts of the signers are on record this often (milliseconds), while they change. */
const countEvery = 5000;
/** Warnings are looked for, unfinished destructions finished, ends of periods met this often. */
const lookEvery = 60_000;

/** What keys need by themselves. */
export function keyUpkeep(
  context: AuthorityContext,
  warnings: KeyWarnings,
  destructions: KeyDestructions,
  reconciliation: Pick<ReturnType<typeof keyReconciliation>, 'turn'>,
) {
  const { unitOfWork, clock, tenant } = context.dependencies;
  const since = { counted: 0, looked: 0, turned: 0 };
  /** A clock that was set back must not put it off for long. */
  const isDue = (what: keyof typeof since, every: number): boolean => {
    const now = clock.now().getTime();
    if (Math.abs(now - since[what]) < every) return false;
    since[what] = now;
    return true;
  };

  return {
    /** On every node, every second: its signers are told of what changed, and tell what they counted. */
    async keep(): Promise<void> {
      const steps = [async () => context.keys.refresh()];
      if (isDue('counted', countEvery)) steps.push(async () => context.keys.count());
      if (isDue('looked', lookEvery)) steps.push(async () => warnings.look());
      // A token that is away keeps neither counts nor warnings of the other from being seen to.
      await inTurn(steps);
    },

    /** Once in the cluster: the caller holds the schedule's lease. */
    async turn(): Promise<void> {
      if (!isDue('turned', lookEvery)) return;
      const { reconcileEverySeconds, reconcileRoot } = keySettings(context.dependencies);
      const isRootThere = !isAbsent(context.dependencies.settings, { tokenRole: 'root' });
      const roles =
        reconcileRoot && isRootThere ? (['issuing', 'root'] as const) : (['issuing'] as const);
      await unitOfWork.run(async (transaction) => {
        for (const key of await transaction.keys.list(tenant)) {
          await beginMissingPeriod(transaction, key);
          await narrowAtEnd(transaction, key);
        }
      });
      await destructions.finishBegun(roles);
      const last = await unitOfWork.read(async (transaction) =>
        lastReconciliation(transaction, tenant, 'issuing'),
      );
      const age = clock.now().getTime() - (last?.at.getTime() ?? 0);
      if (Math.abs(age) >= reconcileEverySeconds * 1000) await reconciliation.turn(roles);
    },
  };

  /** Keys of a version that knew no periods: theirs begins with their use, by the same policy. */
  async function beginMissingPeriod(transaction: Transaction, key: KeyRecord): Promise<void> {
    const { activatedAt, originatorUsageEnd, recipientUsageEnd } = key.cryptoperiod;
    const without = originatorUsageEnd === undefined && recipientUsageEnd === undefined;
    if (key.type !== 'ca' || key.issuerId === undefined || activatedAt === undefined || !without) {
      return;
    }
    const issuer = await transaction.issuers.find(tenant, key.issuerId);
    if (issuer?.certificate === undefined || key.privateState === 'destroyed') return;
    const policy = keySettings(context.dependencies).cryptoperiods.ca;
    const { notAfter } = parseCertificate(issuer.certificate).validity;
    const period = cryptoperiodAt(policy, activatedAt, notAfter);
    await transaction.keys.setCryptoperiod(tenant, key.keyId, period, key.signatureLimit);
    await recordDone(context.dependencies, transaction, systemPrincipal, {
      act: 'key.period',
      object: key.keyId,
      details: { ...period, reason: 'the key was made before periods were kept' },
    });
  }

  /** Its originator-usage period is over: from now on CRLs and delegates alone (§5.3.6, §7.4). */
  async function narrowAtEnd(transaction: Transaction, key: KeyRecord): Promise<void> {
    const { originatorUsageEnd } = key.cryptoperiod;
    const over = originatorUsageEnd !== undefined && clock.now() >= originatorUsageEnd;
    if (key.type !== 'ca' || key.privateState !== 'active' || key.scope !== 'full' || !over) return;
    await transaction.keys.setScope(tenant, key.keyId, 'status');
    await recordDone(context.dependencies, transaction, systemPrincipal, {
      act: 'key.narrow',
      object: key.keyId,
      details: { scope: 'status', originatorUsageEnd },
    });
  }
}
