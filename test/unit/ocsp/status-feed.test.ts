import { describe, expect, it } from 'vitest';
import type { StatusChange, StatusChanges, StatusSource } from '../../../ocsp/ports.ts';
import { StatusFeed } from '../../../ocsp/status-feed.ts';
import { until } from '../../support/quickstart-run.ts';

const change: StatusChange = {
  ...{ issuerId: 'i', serialNumber: '0a', issuanceState: 'issued', status: 'revoked' },
  notAfter: new Date('2030-01-01'),
  changedAt: new Date(5000),
};

/** A feed whose pages the test writes, and that can be hinted at. */
function make(interval: number) {
  const pages: StatusChanges[] = [];
  const told: (number | undefined)[] = [];
  const state = { polls: 0, many: 0, restarts: 0, hint: () => undefined as undefined, deaf: false };
  const source: Pick<StatusSource, 'changesSince' | 'hear'> = {
    changesSince: async () => {
      state.polls += 1;
      return Promise.resolve(pages.shift() ?? { changes: [], cursor: 'end' });
    },
    hear: (heard) => {
      state.hint = () => {
        heard();
        return undefined;
      };
      return async () => {
        state.deaf = true;
        return Promise.resolve();
      };
    },
  };
  const feed = new StatusFeed(
    source,
    {
      changed: (_, committed) => told.push(committed),
      manyChanged: () => {
        state.many += 1;
      },
      restarted: () => {
        state.restarts += 1;
      },
    },
    { interval, deadline: 1000, cutOff: 5000 },
    () => undefined,
  );
  return { feed, pages, told, state };
}

describe('following the change feed', () => {
  it('reads at once when something is heard, and tells when the change was committed', async () => {
    const { feed, pages, told, state } = make(600_000);
    feed.start();
    await until('the first poll', () => state.polls === 1);
    const started = performance.now();
    pages.push({ changes: [change], cursor: 'a', readAt: new Date(5300) });
    state.hint();
    await until('the change', () => told.length === 1);
    // By the database's clock it was 300 ms old when it was read.
    const committed = told[0] ?? 0;
    expect(committed).toBeGreaterThanOrEqual(started - 300);
    expect(committed).toBeLessThan(performance.now() - 299);
    await feed.stop();
    expect(state.deaf).toBe(true);
  });

  it('tells of changes that are pruned, so that whatever is remembered is read again', async () => {
    const { feed, pages, state } = make(5);
    pages.push({ changes: [], cursor: 'end', restarted: true });
    feed.start();
    await until('polls', () => state.polls > 2);
    expect(state).toMatchObject({ restarts: 1, many: 0 });
    await feed.stop();
  });

  it('polls also when nothing is heard', async () => {
    const { feed, state } = make(5);
    feed.start();
    await until('polls', () => state.polls > 3);
    await feed.stop();
  });

  it('reads full pages one after another, and forgets nothing while that goes fast', async () => {
    const { feed, pages, told, state } = make(600_000);
    for (let page = 0; page < 3; page += 1) {
      const changes = Array.from({ length: 2000 }, () => change);
      pages.push({ changes, cursor: `page ${page}`, readAt: new Date(5000) });
    }
    feed.start();
    await until('all pages', () => state.polls === 4);
    expect(told).toHaveLength(6000);
    expect(state.many).toBe(0);
    await feed.stop();
  });
});
