/** Acts on many certificates against the single acts: any order of batches, crashes, stops and resumes gives the same. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide, statusChangeOf } from '../../src/authority/bulk-decision.ts';
import {
  type BulkItemState,
  type BulkJobState,
  type BulkParameters,
  bulkJobTransitions,
  initialStatus,
  isChanceryError,
  nextBulkJobState,
  nextDescription,
  nextStatus,
  type StatusState,
} from '../../src/domain/index.ts';

const now = new Date('2026-11-21T12:00:00Z');
const parameters = fc.constantFrom<BulkParameters>(
  { act: 'revoke', reasonCode: 'superseded' },
  { act: 'revoke', reasonCode: 'keyCompromise' },
  { act: 'hold', cause: 'investigation' },
  { act: 'release' },
);

/** A status that some history of single acts led to. */
const status = fc.array(parameters, { maxLength: 4 }).map((acts) => {
  let state: StatusState = initialStatus;
  for (const act of acts) {
    const change = statusChangeOf(act, 'p', now);
    try {
      if (change !== undefined) state = nextStatus(state, change);
    } catch {
      // Refused: the history goes on from where it was.
    }
  }
  return state;
});

const target = fc.record({
  type: fc.constantFrom('endEntity' as const, 'ca' as const, 'ocspSigning' as const),
  issuanceState: fc.constantFrom('prepared' as const, 'issued' as const, 'abandoned' as const),
  status,
  subject: fc.constant('CN=a'),
  serialNumber: fc.constant('1'),
  description: fc.constant(undefined),
});

describe('the decision on one certificate', () => {
  test('is what the status machine says, with its code; CA certificates and prepared ones apart', () => {
    fc.assert(
      fc.property(target, parameters, fc.boolean(), (one, asked, includesIssuers) => {
        const change = statusChangeOf(asked, 'p', now);
        if (change === undefined) throw new Error('every act here changes the status');
        const decision = decide(one, asked, change, includesIssuers);
        if (one.type === 'ca' && !includesIssuers) {
          expect(decision).toMatchObject({ state: 'refused', code: 'forbidden' });
        } else if (one.issuanceState === 'prepared') {
          expect(decision).toMatchObject({ state: 'refused', code: 'illegalTransition' });
        } else {
          let wanted: unknown;
          try {
            wanted = { kind: 'status', state: nextStatus(one.status, change) };
          } catch (error) {
            if (!isChanceryError(error)) throw error;
            wanted = { kind: 'settled', state: 'refused', code: error.code, reason: error.message };
          }
          expect(decision).toEqual(wanted);
        }
      }),
    );
  });
});

type Event = 'batch' | 'crash' | 'stop' | 'resume';

interface Model {
  state: BulkJobState;
  readonly items: BulkItemState[];
  /** How often each certificate was changed. */
  readonly changed: number[];
}

/** One transaction of the run: either all of it is there afterwards or nothing. */
function batch(job: Model, size: number): void {
  if (job.state !== 'planned' && job.state !== 'running') return;
  const pending = job.items.flatMap((state, place) => (state === 'pending' ? [place] : []));
  for (const place of pending.slice(0, size)) {
    job.items[place] = place % 3 === 0 ? 'refused' : 'done';
    if (job.items[place] === 'done') job.changed[place] = (job.changed[place] ?? 0) + 1;
  }
  if (job.state === 'planned') job.state = nextBulkJobState(job.state, 'begin');
  if (pending.length <= size) job.state = nextBulkJobState(job.state, 'finish');
}

describe('the state machine of a job', () => {
  test('whatever comes between, it ends with each certificate settled once; done is final', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.constantFrom<Event>('batch', 'crash', 'stop', 'resume')),
        (items, size, events) => {
          const job: Model = {
            state: 'planned',
            items: Array.from({ length: items }, () => 'pending'),
            changed: [],
          };
          const apply = (event: Event): void => {
            const before = job.state;
            switch (event) {
              case 'batch':
                batch(job, size);
                break;
              case 'crash':
                // Before the commit nothing has happened, after it all of it has.
                break;
              case 'stop':
              case 'resume':
                if (bulkJobTransitions[job.state][event] === undefined) {
                  expect(() => nextBulkJobState(job.state, event)).toThrow();
                } else {
                  job.state = nextBulkJobState(job.state, event);
                }
                break;
              default:
                event satisfies never;
            }
            if (before === 'done') expect(job.state).toBe('done');
            if (job.state === 'done') expect(job.items).not.toContain('pending');
          };
          events.forEach(apply);
          if (job.state === 'stopped') apply('resume');
          for (let turn = 0; turn <= items && job.state !== 'done'; turn += 1) apply('batch');
          expect(job.state).toBe('done');
          expect(job.changed.every((times) => times === 1)).toBe(true);
        },
      ),
    );
  });
});

describe('a description', () => {
  const tag = fc.constantFrom('a', 'b', 'c', 'd');
  const change = fc.record(
    {
      owner: fc.constantFrom('x', 'y'),
      addTags: fc.array(tag),
      removeTags: fc.array(tag),
      notes: fc.constantFrom('', 'n'),
    },
    { requiredKeys: [] },
  );

  test('changed twice alike is changed once, and what is not named stays', () => {
    fc.assert(
      fc.property(fc.array(tag), change, (tags, asked) => {
        const before = { owner: 'o', tags: [...new Set(tags)], notes: 'kept' };
        const after = nextDescription(before, asked) ?? before;
        expect(nextDescription(after, asked)).toBeUndefined();
        expect(after.owner).toBe(asked.owner ?? 'o');
        expect(after.notes).toBe(asked.notes === undefined ? 'kept' : asked.notes || undefined);
        for (const added of asked.addTags ?? []) expect(after.tags).toContain(added);
        expect(new Set(after.tags).size).toBe(after.tags.length);
      }),
    );
  });
});
