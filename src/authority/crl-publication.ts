import {
  type IssuerId,
  isChanceryError,
  type Principal,
  systemPrincipal,
} from '../domain/index.ts';
import { atMost } from './at-most.ts';
import { buildShard, type CrlBuild, isSuperseded, keepLeases } from './crl-build.ts';
import { type CrlFreshness, crlFreshness } from './crl-freshness.ts';
import { planOf } from './crl-plan.ts';
import { crlRefusals } from './crl-refusals.ts';
import { settleRetired } from './crl-retirement.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import {
  type LoadedIssuer,
  type LoadedIssuers,
  publishesCrls,
  refuseCompromised,
} from './loaded-issuers.ts';
import type { CrlRecord } from './ports.ts';
import { isAbsent, requirePresent } from './presence.ts';
import { publishedFilesLook } from './published-files.ts';

/** One build at a time a shard; the next covers all that was committed before it began. */
export interface CrlPublication {
  /**
   * Publishes what changed soon, of a shard or of all shards of an issuer; requests that come while
   * one is built are answered by one more build.
   */
  request(issuerId: IssuerId, shard?: number): void;
  /**
   * Publishes a complete CRL of each shard and answers when CRLs that cover everything committed
   * before the call are out. By shard.
   *
   * @throws ChanceryError tokenAbsent when the issuer signs in ceremonies only
   */
  publish(
    issuer: LoadedIssuer,
    principal: Principal,
    /** nextUpdate minus thisUpdate, when a ceremony chose it. */
    lifetimeSeconds?: number,
  ): Promise<readonly CrlRecord[]>;
  /** Publishes what is due of every shard, see `planOf`: one look at the database for all of them. */
  publishDue(): Promise<void>;
  /** Extends the leases of builds under way; asked for every second or two, whatever a turn waits for. */
  keepLeases(): Promise<void>;
  /** Why the newest CRLs are not fresh; empty when all are. */
  problems(): readonly string[];
  /** How fresh each issuer's CRLs were at the last turn. */
  freshness(): readonly CrlFreshness[];
  /** Waits for builds under way. */
  settle(): Promise<void>;
}

/** Doubled with each failure in a row, up to the longest. */
const retryMilliseconds = { first: 5000, longest: 60_000 };
/** Each takes database connections and a session of the token: issuance and OCSP need them as well. */
const buildsAtOnce = 4;

/** One that waits is asked for as much as the most that was asked of it. */
interface Waiting {
  build: CrlBuild;
  readonly done: Promise<CrlRecord | undefined>;
}

interface Failure {
  readonly issuerId: IssuerId;
  readonly issuer: string;
  readonly reason: string;
  readonly at: Date;
  readonly inARow: number;
}

export function crlPublication(
  dependencies: AuthorityDependencies,
  issuers: LoadedIssuers,
  /** Throws while nothing may be signed: a database that went back, a wrong clock. */
  mayPublish: () => Promise<void>,
): CrlPublication {
  const looked = publishedFilesLook(dependencies);
  const { log, unitOfWork, clock, tenant, settings } = dependencies;
  const inTurn = atMost(buildsAtOnce);
  /** Per shard: the build under way, and the one that waits for it. */
  const running = new Map<string, Promise<CrlRecord | undefined>>();
  const waiting = new Map<string, Waiting>();
  const failures = new Map<string, Failure>();
  const held = new Set<string>();
  const freshness = crlFreshness(log);
  const refusals = crlRefusals(dependencies);

  const failed = (
    key: string,
    { issuer, shard }: Pick<CrlBuild, 'issuer' | 'shard'>,
    error: unknown,
  ): void => {
    const cause = isChanceryError(error) ? error.message : 'internal error';
    failures.set(key, {
      issuerId: issuer.record.issuerId,
      issuer: issuer.record.name,
      reason: `CRL of ${issuer.record.name}${shard === 0 ? '' : ` (shard ${shard})`}: ${cause}`,
      at: clock.now(),
      inARow: (failures.get(key)?.inARow ?? 0) + 1,
    });
  };

  const start = (build: CrlBuild): Promise<CrlRecord | undefined> => {
    const key = keyOf(build.issuer.record.issuerId, build.shard);
    const done = inTurn(async () => {
      try {
        await mayPublish();
        const refusal = await refusals.of(build.issuer);
        if (refusal !== undefined) throw refusal;
        const record = await buildShard(dependencies, build, mayPublish, held);
        failures.delete(key);
        return record;
      } catch (error) {
        // A key that rests is no failure: nothing is tried again until it signs.
        if (!isSuperseded(error) && !refusals.rests(build.issuer)) {
          failed(key, build, error);
        }
        throw error;
      }
    }).finally(() => {
      if (running.get(key) === done) {
        running.delete(key);
      }
    });
    running.set(key, done);
    return done;
  };

  const publishShard = (build: CrlBuild): Promise<CrlRecord | undefined> => {
    const key = keyOf(build.issuer.record.issuerId, build.shard);
    // Asked first: between the end of a build and the start of the one that waits, none is running.
    const next = waiting.get(key);
    if (next !== undefined) {
      if (build.wanted === 'complete') {
        next.build = build;
      }
      return next.done;
    }
    const current = running.get(key);
    if (current === undefined) {
      return start(build);
    }
    const done = current
      .catch(() => undefined)
      .then(() => {
        const wanted = waiting.get(key)?.build ?? build;
        waiting.delete(key);
        return start(wanted);
      });
    waiting.set(key, { build, done });
    return done;
  };

  const inBackground = (build: Omit<CrlBuild, 'principal'>): void => {
    publishShard({ ...build, principal: systemPrincipal }).catch((error: unknown) => {
      log(
        isSuperseded(error) || refusals.rests(build.issuer) ? 'info' : 'alarm',
        'a CRL was not published; the schedule tries again',
        {
          issuer: build.issuer.record.name,
          shard: build.shard,
          cause: isChanceryError(error) ? error.message : String(error),
        },
      );
    });
  };

  const dueShards = async (issuerId: IssuerId): Promise<readonly number[]> => {
    const states = await unitOfWork.readOne(async (transaction) =>
      transaction.crls.shardStates(tenant, issuerId),
    );
    const now = clock.now();
    return states.filter((state) => planOf(state, now) !== 'nothing').map(({ shard }) => shard);
  };

  /** Each try takes a number and a signature: a full disk must not use them up twice a second. */
  const failedJustNow = (key: string, now: Date): boolean => {
    const failure = failures.get(key);
    if (failure === undefined) {
      return false;
    }
    const { first, longest } = retryMilliseconds;
    const pause = Math.min(longest, first * 2 ** (failure.inARow - 1));
    return Math.abs(now.getTime() - failure.at.getTime()) < pause;
  };

  return {
    request(issuerId, shard) {
      const ask = async (): Promise<void> => {
        const issuer = await issuers.byNameOrId(issuerId);
        // What changed stands in the CRL of the next ceremony; the alarm says that it waits.
        if (isAbsent(settings, issuer.record)) return;
        if (issuer.compromise !== undefined) return;
        const shards = shard === undefined ? await dueShards(issuerId) : [shard];
        for (const due of shards) {
          inBackground({ issuer, shard: due, wanted: 'due' });
        }
      };
      ask().catch((error: unknown) => {
        log('warn', 'a CRL could not be requested; the schedule will', {
          issuerId,
          cause: String(error),
        });
      });
    },
    async publish(issuer, principal, lifetimeSeconds) {
      requirePresent(settings, issuer.record);
      refuseCompromised(issuer);
      const { issuerId } = issuer.record;
      const states = await unitOfWork.readOne(async (transaction) =>
        transaction.crls.shardStates(tenant, issuerId),
      );
      const builds = states
        .filter(({ endedAt }) => endedAt === undefined)
        .map(async ({ shard }) =>
          publishShard({ issuer, shard, principal, wanted: 'complete', lifetimeSeconds }),
        );
      // All come to an end before the first failure is told.
      await Promise.allSettled(builds);
      return (await Promise.all(builds)).filter((record) => record !== undefined);
    },
    async publishDue() {
      const now = clock.now();
      const active = new Map(
        (await issuers.all())
          .filter(publishesCrls)
          .filter(({ record }) => !isAbsent(settings, record))
          .map((issuer) => [issuer.record.issuerId, issuer]),
      );
      // Of an issuer that publishes no more nothing can be made good.
      for (const [key, { issuerId }] of failures) {
        if (!active.has(issuerId)) failures.delete(key);
      }
      const states = (
        await unitOfWork.readOne(async (transaction) => transaction.crls.shardStates(tenant))
      ).filter(({ issuerId, endedAt }) => active.has(issuerId) && endedAt === undefined);
      freshness.observe(
        states.map((state) => ({ name: active.get(state.issuerId)?.record.name ?? '', state })),
        now,
      );
      await refusals.look([...active.values()]);
      for (const state of states) {
        const { issuerId, shard } = state;
        const issuer = active.get(issuerId);
        const key = keyOf(issuerId, shard);
        if (issuer !== undefined && refusals.rests(issuer)) {
          failures.delete(key);
          continue;
        }
        if (issuer === undefined || running.has(key) || failedJustNow(key, now)) {
          continue;
        }
        let whole = true;
        try {
          await settleRetired(dependencies, state, now);
          whole = await looked.isWhole(issuer, state);
        } catch (error) {
          // What can't be looked at keeps neither this shard nor those after it from being renewed.
          failed(key, { issuer, shard }, error);
          log('warn', 'a shard could not be looked at; tried again', {
            issuer: issuer.record.name,
            shard,
            cause: String(error),
          });
        }
        // A failure is made good even when nothing else is due, or it would stand for half a life.
        if (!whole || failures.has(key) || planOf(state, now) !== 'nothing') {
          inBackground({ issuer, shard, wanted: whole ? 'due' : 'complete' });
        }
      }
    },
    keepLeases: async () => keepLeases(dependencies, held),
    problems() {
      return [...failures.values()].map(({ reason }) => reason).slice(0, 5);
    },
    freshness: () => freshness.last(),
    async settle() {
      await Promise.allSettled([
        ...running.values(),
        ...[...waiting.values()].map(({ done }) => done),
      ]);
    },
  };
}

function keyOf(issuerId: IssuerId, shard: number): string {
  return `${issuerId}/${shard}`;
}
