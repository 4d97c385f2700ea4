import { alarmOf } from './crl-plan.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import type { CrlShardState } from './ports.ts';

/** How fresh the CRLs of one issuer are: its worst shard, so that shards do not multiply the figures. */
export interface CrlFreshness {
  readonly issuer: string;
  /** The earliest nextUpdate among the newest CRLs that relying parties hold; undefined before the first. */
  readonly nextUpdate: Date | undefined;
  /** CRLs with less than a quarter of their life left, or none at all. */
  readonly late: number;
  /** Those among them that have expired. */
  readonly expired: number;
}

/** A shard that was just opened is being built. */
const firstBuildMilliseconds = 60_000;

interface Named {
  readonly name: string;
  readonly state: CrlShardState;
}

/** Keeps the last look, and raises the alarm when an issuer's CRLs become late. */
export function crlFreshness(log: AuthorityDependencies['log']): {
  observe(states: readonly Named[], now: Date): void;
  last(): readonly CrlFreshness[];
} {
  let last: readonly CrlFreshness[] = [];
  return {
    last: () => last,
    observe(states, now) {
      const before = new Set(last.filter(({ late }) => late > 0).map(({ issuer }) => issuer));
      last = freshnessOf(states, now);
      for (const { issuer, late, expired, nextUpdate } of last) {
        if (late > 0 && !before.has(issuer)) {
          log('alarm', 'CRLs are late: they were not renewed although it is time', {
            issuer,
            late,
            expired,
            nextUpdate,
          });
        } else if (late === 0 && before.has(issuer)) {
          log('warn', 'CRLs are fresh again', { issuer });
        }
      }
    },
  };
}

/** By issuer, in the order of the shards. */
export function freshnessOf(states: readonly Named[], now: Date): readonly CrlFreshness[] {
  const issuers = new Map<string, CrlFreshness>();
  for (const { name, state } of states) {
    const before = issuers.get(name) ?? {
      issuer: name,
      nextUpdate: undefined,
      late: 0,
      expired: 0,
    };
    issuers.set(name, worse(before, state, now));
  }
  return [...issuers.values()];
}

function worse(before: CrlFreshness, state: CrlShardState, now: Date): CrlFreshness {
  const { complete, delta } = state;
  if (complete === undefined) {
    const missing = now.getTime() - state.openedAt.getTime() > firstBuildMilliseconds ? 1 : 0;
    return { ...before, late: before.late + missing, expired: before.expired + missing };
  }
  // A delta that no complete CRL announces any more may expire.
  const announced = complete.deltaSeconds !== undefined && delta !== undefined;
  const held = announced ? [complete, delta] : [complete];
  return held.reduce<CrlFreshness>(
    (worst, crl) => ({
      ...worst,
      nextUpdate:
        worst.nextUpdate === undefined || crl.nextUpdate < worst.nextUpdate
          ? crl.nextUpdate
          : worst.nextUpdate,
      late: worst.late + (now > alarmOf(crl) ? 1 : 0),
      expired: worst.expired + (now >= crl.nextUpdate ? 1 : 0),
    }),
    before,
  );
}
