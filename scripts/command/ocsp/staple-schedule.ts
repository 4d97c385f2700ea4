import type { RoundOutcome } from './staple-round.ts';

/** Seconds. */
const shortestWait = 5;
const firstRetry = 5;
const longestRetry = 300;
const longestRetryAfter = 3600;

export interface ScheduleInput {
  readonly now: Date;
  /** Rounds that failed in a row, the last included. */
  readonly failures: number;
  readonly intervalSeconds: number | undefined;
  /** 0 to 0.5. */
  readonly jitter: number;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
}

/**
 * Milliseconds until the next round. After a staple: the interval, or a random moment in the
 * middle part of its life (0.5 ± jitter), so that a fleet does not ask all at once and half of the
 * life is left for failures. After a failure: 5 s doubling to 5 minutes, never less than the
 * responder's Retry-After.
 */
export function nextRound(outcome: RoundOutcome, input: ScheduleInput): number {
  return Math.round(Math.max(shortestWait, secondsToWait(outcome, input)) * 1000);
}

function secondsToWait(outcome: RoundOutcome, input: ScheduleInput): number {
  const { now, failures, intervalSeconds, jitter, random } = input;
  const spread = 1 + jitter * (2 * random() - 1);
  if (outcome.type === 'failed') {
    const backOff = Math.min(longestRetry, firstRetry * 2 ** Math.min(failures - 1, 10));
    // The responder's wait is stretched, never shortened.
    const asked = Math.min(longestRetryAfter, outcome.retryAfter ?? 0) * (1 + jitter * random());
    return Math.max(backOff * spread, asked);
  }
  if (intervalSeconds !== undefined) {
    return intervalSeconds * spread;
  }
  const { thisUpdate, nextUpdate } = outcome.answer;
  const life = (nextUpdate.getTime() - thisUpdate.getTime()) / 1000;
  const age = (now.getTime() - thisUpdate.getTime()) / 1000;
  const planned = life * 0.5 * spread - age;
  // Already past the middle (a cache, or a status from a CRL): before half of what is left.
  return planned > shortestWait ? planned : ((life - age) / 2) * (1 - jitter * random());
}
