import { ChanceryError } from '../domain/index.ts';
import { deltaSecondsOf } from './crl-plan.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import type { LoadedIssuer } from './loaded-issuers.ts';
import type { CrlRecord, CrlShardState, CrlSnapshot } from './ports.ts';

/** A base with the snapshot that makes it one. */
export interface DeltaBase extends CrlRecord {
  readonly snapshot: CrlSnapshot;
}

/** The CRLs that get one number together (RFC 5280 §5.2.3): times are settled when they are signed. */
export interface CrlReservation {
  readonly complete?: CrlRecord | undefined;
  readonly delta?: { readonly record: CrlRecord; readonly base: DeltaBase } | undefined;
  /** An entry leaves only after one complete CRL issued past notAfter (RFC 5280 §3.3). */
  readonly stillListedFrom: Date;
}

/**
 * Commits the number first, never reused; then comes the snapshot: a build with a lower number can't
 * hold less than one that reserved later, whatever the nodes' timing.
 */
export async function reserveCrls(
  { unitOfWork, clock, tenant }: AuthorityDependencies,
  issuer: LoadedIssuer,
  state: CrlShardState,
  plan: 'complete' | 'delta',
  lifetimeSeconds = issuer.record.crlLifetimeSeconds,
): Promise<CrlReservation> {
  const { issuerId, shard, statusPolicy } = state;
  const policy = statusPolicy.crl;
  const now = clock.now();
  for (const last of [state.complete, state.delta]) {
    refuseClockGoneBack(now, last);
  }
  const deltaSeconds = deltaSecondsOf(state, now);
  const closing = state.lastNotAfter !== undefined && now > state.lastNotAfter;
  return unitOfWork.run(async (transaction) => {
    const base =
      deltaSeconds === undefined
        ? undefined
        : await transaction.crls.deltaBase(tenant, issuerId, shard, now);
    const crlNumber = await transaction.crls.reserveNumber(tenant, issuerId, shard, now);
    const coversChange = state.lastChange;
    const common = { tenant, issuerId, shard, crlNumber, thisUpdate: now, coversChange };
    // Without a base that can be compared there is nothing to build a delta upon.
    const complete: CrlRecord | undefined =
      plan === 'delta' && base !== undefined
        ? undefined
        : {
            ...common,
            kind: 'complete',
            // A shard's last CRL announces nothing: no delta will follow it.
            deltaSeconds: closing ? undefined : policy.deltaSeconds,
            nextUpdate: closing && state.issuerClosed ? endOfTime : later(now, lifetimeSeconds),
          };
    const delta =
      base?.snapshot === undefined || deltaSeconds === undefined
        ? undefined
        : {
            record: {
              ...common,
              kind: 'delta' as const,
              baseCrlNumber: base.crlNumber,
              nextUpdate: later(now, deltaSeconds),
            },
            base: { ...base, snapshot: base.snapshot },
          };
    for (const record of [complete, delta?.record]) {
      if (record !== undefined) {
        await transaction.crls.insert(record);
      }
    }
    return {
      complete,
      delta,
      stillListedFrom: policy.keepExpired
        ? new Date(0)
        : (state.complete?.thisUpdate ?? new Date(0)),
    };
  });
}

/**
 * nextUpdate of an issuer's last CRLs: no other will follow, and whoever validates what was signed while
 * the certificates were valid needs one that has not run out. The value that RFC 5280 §4.1.2.5 gives to
 * an end that nobody knows, and ETSI EN 319 411-1 (CSS-6.3.9-06) to the last CRL.
 */
export const endOfTime = new Date('9999-12-31T23:59:59Z');

function later(time: Date, seconds: number): Date {
  return new Date(time.getTime() + seconds * 1000);
}

/** A CRL tells seconds. */
export function wholeSeconds(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1000) * 1000);
}

/** thisUpdate never goes back, and a wrong clock must not date a CRL (T-CLK-1). */
function refuseClockGoneBack(now: Date, last: CrlRecord | undefined): void {
  if (last !== undefined && wholeSeconds(now) < last.thisUpdate) {
    throw new ChanceryError('issuanceHalted', {
      message: `the clock reads ${now.toISOString()}, before the last CRL's thisUpdate ${last.thisUpdate.toISOString()}; set the clock right, the schedule tries again`,
      clause: 'RFC 5280 §5.1.2.4',
      retryAfter: 60,
    });
  }
}
