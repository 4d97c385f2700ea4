import { isChanceryError } from '../domain/index.ts';
import type { ClockCheck } from './clock-check.ts';
import type { AuthorityContext } from './context.ts';
import { type CrlFreshness, freshnessOf } from './crl-freshness.ts';
import { advanceIncidents } from './incident-acts.ts';
import type { InstallationGuard } from './installation.ts';
import { publishesCrls } from './loaded-issuers.ts';
import type { CrlShardState } from './ports.ts';
import { isAbsent } from './presence.ts';
import { settlePrepared } from './settlement.ts';
import { inventoryUpkeep } from './upkeep.ts';

export interface Readiness {
  readonly ready: boolean;
  /** Why not; empty when ready. */
  readonly reasons: readonly string[];
}

/** A node that died is followed by another within ten seconds, its last turn included. */
const scheduleLeaseSeconds = 6;
/** It is computed every 5 s. */
const readinessLastsMilliseconds = 12_000;

/** What the process does by itself; a timer of the composition root calls `tick` and `checkReadiness`. */
export function schedule(
  context: AuthorityContext,
  guard: InstallationGuard,
  clockWitness: ClockCheck,
  endDueHolds: () => Promise<number>,
  keepKeys: () => Promise<void>,
  /** What is due of issuers that are prepared, and of those that retire. */
  rollovers: readonly (() => Promise<void>)[],
  reportTurn: () => Promise<void>,
) {
  const { dependencies, crls } = context;
  const { log, leases, settings, tokens, unitOfWork, tenant, clock } = dependencies;
  const upkeep = inventoryUpkeep(context);
  let readiness: Readiness = { ready: false, reasons: ['starting'] };
  let computedAt = new Date(0);

  const attempt = async (
    what: string,
    work: () => Promise<unknown>,
  ): Promise<string | undefined> => {
    try {
      await work();
      return undefined;
    } catch (error) {
      const cause = isChanceryError(error) ? error.message : String(error);
      log('warn', `${what} failed; tried again at the next turn`, { cause });
      return `${what}: ${isChanceryError(error) ? error.message : 'internal error'}`;
    }
  };

  return {
    /** Compares database, data folder and published artefacts before the first issuance. */
    start: async (): Promise<void> => guard.check(),

    /** One turn: CRLs that are due, holds that end, unfinished issuances. Once in the cluster, by a lease. */
    async tick(): Promise<void> {
      if (guard.halted() !== undefined) {
        // Of a database that went back nothing is published: what relying parties know would go back.
        return;
      }
      await attempt('CRL schedule', async () => crls.publishDue());
      await attempt('schedule', async () => {
        // A wrong clock would end holds early and forget what is still under way.
        await clockWitness.require();
        if ((await leases.acquire('schedule', settings.node, scheduleLeaseSeconds)) === undefined) {
          return;
        }
        await attempt('settling unfinished issuances', async () => settlePrepared(context));
        await attempt('ending holds', endDueHolds);
        for (const turn of rollovers) {
          await attempt('rollover of an issuer', turn);
        }
        await attempt('incidents', async () => advanceIncidents(context));
        await attempt('upkeep of the inventory', upkeep.turn);
        await attempt('upkeep of keys', keepKeys);
        await attempt('the report of SP 800-57', reportTurn);
      });
    },

    /**
     * Keeps what this node works on its own; every second or two. Not a part of `tick`, which waits for
     * the store and for upkeep: a large CRL whose lease ran out meanwhile would be built in vain.
     */
    keepLeases: async (): Promise<void> => {
      await attempt('keeping leases', crls.keepLeases);
    },

    /** Computed in the background, served from memory. */
    async checkReadiness(): Promise<Readiness> {
      const now = clock.now();
      const stale = async (): Promise<string[]> => {
        const states = await unitOfWork.readOne(async (transaction) =>
          transaction.crls.shardStates(tenant),
        );
        const standings = await unitOfWork.readOne(async ({ keys }) => keys.standings(tenant));
        const rests = new Map(
          standings
            .filter(({ privateState }) => privateState !== 'active')
            .map(({ keyId, privateState }) => [keyId, `: its key is ${privateState}`]),
        );
        return (await context.issuers.all()).filter(publishesCrls).flatMap(({ record }) =>
          staleReason(
            record.name,
            states.filter(({ issuerId }) => issuerId === record.issuerId),
            now,
            isAbsent(settings, record),
          ).map((reason) => `${reason}${rests.get(record.keyId) ?? ''}`),
        );
      };
      let staleCrls: readonly string[] = [];
      const problems = [
        await attempt('database', async () => {
          await context.issuers.refresh();
          staleCrls = await stale();
          await guard.recheck();
          await clockWitness.compare();
        }),
        await attempt('issuing token', async () => tokens.issuing.selfTest()),
      ].filter((problem) => problem !== undefined);
      const reasons = [
        ...problems,
        ...staleCrls,
        ...crls.problems(),
        ...[guard.halted(), clockWitness.problem()].filter((problem) => problem !== undefined),
      ];
      readiness = { ready: reasons.length === 0, reasons };
      computedAt = clock.now();
      return readiness;
    },

    /** How fresh each issuer's CRLs were at the last turn: its worst shard. */
    crlFreshness: (): readonly CrlFreshness[] => crls.freshness(),

    /** From memory. A computation that hangs (a stopped database) must not leave the last answer standing. */
    readiness(): Readiness {
      const age = Math.abs(clock.now().getTime() - computedAt.getTime());
      return age <= readinessLastsMilliseconds || !readiness.ready
        ? readiness
        : {
            ready: false,
            reasons: [
              `no check came to an end for ${Math.round(age / 1000)} s: something does not answer, or the clock jumped`,
            ],
          };
    },

    /** Lets work under way finish before the process ends. */
    drain: async (): Promise<void> => crls.settle(),
  };
}

/** A shard without a CRL counts when it is the only one, or was opened a while ago. */
function staleReason(
  name: string,
  states: readonly CrlShardState[],
  now: Date,
  /** Its CRL comes with the next ceremony: it is fresh until its nextUpdate. */
  absent: boolean,
): readonly string[] {
  const first = states.every(({ complete }) => complete === undefined);
  const live = states.filter(({ endedAt }) => endedAt === undefined);
  const { late, expired } = freshnessOf(
    live.map((state) => ({ name, state })),
    now,
  )[0] ?? { late: 0, expired: 0 };
  if (first || expired > 0) {
    return [`the CRL of ${name} is not fresh`];
  }
  return late > 0 && !absent
    ? [`the CRL of ${name} is late: it was not renewed although it is time`]
    : [];
}
