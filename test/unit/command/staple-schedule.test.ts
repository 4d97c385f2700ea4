import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RoundOutcome } from '../../../scripts/command/ocsp/staple-round.ts';
import { nextRound, type ScheduleInput } from '../../../scripts/command/ocsp/staple-schedule.ts';

const hour = 3_600_000;
const start = Date.parse('2026-03-01T00:00:00Z');

function stapled(age = 0): readonly [RoundOutcome, Partial<ScheduleInput>] {
  const outcome: RoundOutcome = {
    type: 'stapled',
    changed: true,
    answer: {
      der: Buffer.alloc(0),
      certStatus: { type: 'good' },
      producedAt: new Date(start),
      thisUpdate: new Date(start),
      nextUpdate: new Date(start + hour),
    },
  };
  return [outcome, { now: new Date(start + age) }];
}

function wait([outcome, change]: readonly [RoundOutcome, Partial<ScheduleInput>]): number {
  return nextRound(outcome, {
    ...{ now: new Date(start), failures: 1, intervalSeconds: undefined },
    ...{ jitter: 0.2, random: Math.random, ...change },
  });
}

test('a staple is renewed at a random moment in the middle part of its life', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), (random) => {
      const [outcome, change] = stapled();
      const next = wait([outcome, { ...change, random: () => random }]);
      expect(next).toBeGreaterThanOrEqual(0.4 * hour);
      expect(next).toBeLessThanOrEqual(0.6 * hour);
    }),
  );
});

test('a staple that is old already is renewed before half of what is left, and never in a tight loop', () => {
  for (const age of [0.7 * hour, 0.99 * hour, hour - 1000]) {
    const next = wait(stapled(age));
    expect(next).toBeGreaterThanOrEqual(5000);
    expect(next).toBeLessThanOrEqual(Math.max(5000, (hour - age) / 2));
  }
});

test('failures back off to five minutes, and never before the time that the responder asks for', () => {
  const failed = (retryAfter?: number): RoundOutcome => ({
    ...{ type: 'failed', reason: '', unavailable: true, retryAfter, validUntil: undefined },
  });
  const at = (failures: number, retryAfter?: number): number =>
    wait([failed(retryAfter), { failures, jitter: 0 }]) / 1000;
  expect([1, 2, 3, 7, 50].map((failures) => at(failures))).toEqual([5, 10, 20, 300, 300]);
  expect(at(1, 120)).toBe(120);
  expect(at(1, 10_000_000)).toBe(3600);
  expect(wait([failed(120), { jitter: 0.5, random: () => 0 }])).toBe(120_000);
});
