import { describe, expect, it } from 'vitest';
import type { StatusSource } from '../../../ocsp/ports.ts';
import { StatusLookup } from '../../../ocsp/status-lookup.ts';

/** Answers when told to, and remembers what it was asked together. */
function slowSource() {
  const queries: { issuerId: string; serials: readonly string[]; answer: () => void }[] = [];
  const source: Pick<StatusSource, 'lookup'> = {
    lookup: async (issuerId, serials) =>
      new Promise((resolve) => {
        const records = serials
          .filter((serial) => !serial.startsWith('f'))
          .map((serialNumber) => ({
            issuerId,
            serialNumber,
            issuanceState: 'issued' as const,
            status: 'good' as const,
            notAfter: new Date(),
          }));
        queries.push({ issuerId, serials, answer: () => resolve(records) });
      }),
  };
  return { queries, source: source as StatusSource };
}

const clock = { now: () => new Date() };
const tick = async (): Promise<void> => new Promise((done) => setImmediate(done));

describe('looking statuses up', () => {
  it('what waits for the same issuer goes in one query, and issuers take turns', async () => {
    const { queries, source } = slowSource();
    const lookup = new StatusLookup(source, clock, 1000);
    const first = ['1', '2', '3', '4'].map(async (serial) => lookup.lookup('a', [serial]));
    const waiting = [
      ...Array.from({ length: 50 }, async (_unused, n) => lookup.lookup('a', [`1${n}`, 'ff'])),
      lookup.lookup('b', ['1']),
    ];
    expect(queries).toHaveLength(4);
    queries[0]?.answer();
    queries[1]?.answer();
    await Promise.all(first.slice(0, 2));
    await tick();
    expect(queries.slice(4).map(({ issuerId, serials }) => [issuerId, serials.length])).toEqual([
      ['a', 51],
      ['b', 1],
    ]);
    for (const query of queries) query.answer();
    const snapshots = await Promise.all(waiting);
    expect(snapshots[7]?.records.get('17')?.serialNumber).toBe('17');
    expect(snapshots[7]?.records.has('ff')).toBe(false);
  });

  it('says when the query began, not when it was answered', async () => {
    const { queries, source } = slowSource();
    let now = 1000;
    const lookup = new StatusLookup(source, { now: () => new Date(now) }, 1000);
    const answer = lookup.lookup('a', ['1']);
    now = 5000;
    queries[0]?.answer();
    expect((await answer).asOf).toEqual(new Date(1000));
  });

  it('a query that never answers fails in time and leaves room for others', async () => {
    const { source } = slowSource();
    const lookup = new StatusLookup(source, clock, 20);
    const answers = await Promise.allSettled(
      Array.from({ length: 12 }, async (_unused, n) => lookup.lookup('a', [String(n)])),
    );
    expect(answers.map(({ status }) => status)).toEqual(
      Array.from({ length: 12 }, () => 'rejected'),
    );
    for (const answer of answers) {
      expect(answer).toMatchObject({ reason: { code: 'databaseUnavailable' } });
    }
  });
});
