import type { CrlRecord, CrlShardState } from './ports.ts';

/** What is to be built of a shard now. A complete CRL comes with a delta wherever deltas are announced. */
export type CrlPlan = 'nothing' | 'complete' | 'delta';

/**
 * What of a shard's CRLs is due, by what is published of it. Pure: whoever asks twice with the same
 * state and time gets the same answer, so that two nodes agree.
 */
export function planOf(state: CrlShardState, now: Date): CrlPlan {
  const { complete, delta } = state;
  const policy = state.statusPolicy.crl;
  if (state.endedAt !== undefined) {
    return 'nothing';
  }
  if (complete === undefined || now >= renewalOf(complete, state.shard)) {
    return 'complete';
  }
  if (mustCloseRetired(state, now)) {
    return 'complete';
  }
  const announced = complete.deltaSeconds !== undefined;
  // A policy that was changed: the complete CRL must say, or no longer say, where deltas are.
  if (announced !== (policy.deltaSeconds !== undefined)) {
    return 'complete';
  }
  const changed = state.lastChange > complete.coversChange && !rests(complete, now);
  const seconds = deltaSecondsOf(state, now);
  if (seconds === undefined) {
    return changed ? 'complete' : 'nothing';
  }
  if (!announced) {
    // Deltas were switched off and are still read by who holds an older complete CRL.
    const stale = delta === undefined || now >= renewalOf(delta, state.shard);
    return changed || stale ? 'complete' : 'nothing';
  }
  if (
    delta === undefined ||
    lacksDelta(state) ||
    now >= renewalOf(delta, state.shard) ||
    // One that came with a complete CRL took as long as that; by itself it is small.
    (state.lastChange > delta.coversChange &&
      !(delta.crlNumber > complete.crlNumber && rests(delta, now)))
  ) {
    return 'delta';
  }
  return 'nothing';
}

/** A complete CRL announces deltas and had no base to build one upon: it is itself the first. */
export function lacksDelta({
  complete,
  delta,
}: Pick<CrlShardState, 'complete' | 'delta'>): boolean {
  return (
    complete?.deltaSeconds !== undefined &&
    (delta === undefined || delta.crlNumber < complete.crlNumber)
  );
}

/** Milliseconds. A build that took less makes no change wait; after one that took longer none waits longer. */
const rest = { from: 1000, atMost: 5 * 60_000 };

/**
 * Whether a change waits, because a CRL was built just now and took long: the next begins only after
 * the machine had as much time for other things. Otherwise a large list would be built back to back
 * while many certificates are revoked. What is due by time does not wait, nor what is asked for by hand.
 *
 * A number tells when its CRL was begun (`CrlLedger.reserveNumber`), so every node comes to the same.
 */
function rests({ crlNumber, publishedAt }: CrlRecord, now: Date): boolean {
  if (publishedAt === undefined) {
    return false;
  }
  const took = publishedAt.getTime() - Number(crlNumber / 1000n);
  return took >= rest.from && now.getTime() < publishedAt.getTime() + Math.min(took, rest.atMost);
}

/**
 * For how long a delta CRL built now is valid; undefined when none is needed. Deltas go on until every
 * complete CRL that announces them has expired, also when the policy has none any more: whoever holds
 * such a CRL asks for them.
 */
export function deltaSecondsOf(
  { announcing, statusPolicy }: Pick<CrlShardState, 'announcing' | 'statusPolicy'>,
  now: Date,
): number | undefined {
  const { deltaSeconds } = statusPolicy.crl;
  if (deltaSeconds !== undefined) {
    return deltaSeconds;
  }
  return announcing !== undefined && announcing.nextUpdate > now
    ? announcing.deltaSeconds
    : undefined;
}

/** After the last certificate of a retired shard one more CRL is published, and no other (RFC 5280 §3.3). */
function mustCloseRetired({ lastNotAfter, complete }: CrlShardState, now: Date): boolean {
  return (
    lastNotAfter !== undefined &&
    complete !== undefined &&
    now > lastNotAfter &&
    complete.thisUpdate <= lastNotAfter
  );
}

/** Golden ratio: consecutive shards come to lie evenly over the interval, however many there are. */
const spread = 0.618_033_988_749_895;

/**
 * When a CRL is renewed: at half of its life, shards spread over the eighth before it, so that not
 * all of an issuer come in the same second.
 */
export function renewalOf(
  { thisUpdate, nextUpdate }: { readonly thisUpdate: Date; readonly nextUpdate: Date },
  shard: number,
): Date {
  const life = nextUpdate.getTime() - thisUpdate.getTime();
  const part = 0.5 - ((shard * spread) % 1) / 8;
  return new Date(thisUpdate.getTime() + life * part);
}

/** From when a CRL that is not renewed yet raises an alarm: a quarter of its life is left to mend things. */
export function alarmOf({
  thisUpdate,
  nextUpdate,
}: {
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
}): Date {
  return new Date(thisUpdate.getTime() + (nextUpdate.getTime() - thisUpdate.getTime()) * 0.75);
}
