import { expect, test } from 'vitest';
import type { Pending } from '../../../src/hsm/pending.ts';
import { PendingQueue } from '../../../src/hsm/pending.ts';

const sign = {
  kind: 'sign',
  request: {
    keyId: 'aa',
    purpose: 'notice',
    algorithm: 'ed25519',
    bytes: new Uint8Array(1),
    deadline: 1000,
  },
} as const;
const random = { kind: 'call', call: { name: 'random', length: 16 } } as const;
const generate = {
  kind: 'call',
  call: { name: 'destroyKeyPair', keyId: 'aa' },
} as const;

function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'fulfilled',
    (error: unknown) => String(Reflect.get(Object(error), 'code')),
  );
}

function ids(batch: readonly Pending[]): number[] {
  return batch.map(({ id }) => id);
}

test('no more than the window goes to the process, in order', () => {
  const queue = new PendingQueue(10, 2);
  for (let i = 0; i < 3; i++) void queue.add(sign, 1000, 0);
  expect(ids(queue.take(0))).toEqual([1, 2]);
  expect(queue.take(0)).toEqual([]);
  expect(queue.settle(1)?.id).toBe(1);
  expect(ids(queue.take(0))).toEqual([3]);
});

test('the bound counts what waits and what runs', async () => {
  const queue = new PendingQueue(2, 1);
  void queue.add(sign, 1000, 0);
  queue.take(0);
  void queue.add(sign, 1000, 0);
  expect(await codeOf(queue.add(sign, 1000, 0))).toBe('overloaded');
});

test('what waits past its deadline was not signed; what runs past it has an unknown outcome', async () => {
  const queue = new PendingQueue(10, 1);
  const running = codeOf(queue.add(sign, 1000, 0));
  queue.take(0);
  const waiting = codeOf(queue.add(sign, 1000, 0));
  expect(queue.expire(999)).toBe(false);
  expect(queue.expire(1000)).toBe(true);
  expect(await running).toBe('outcomeUnknown');
  expect(await waiting).toBe('tokenUnavailable');
});

test('a request that waited long before it was sent does not yet prove that the process hangs', async () => {
  const queue = new PendingQueue(10, 1);
  const late = codeOf(queue.add(sign, 1000, 0));
  queue.take(900);
  expect(queue.expire(1000)).toBe(false);
  expect(await late).toBe('outcomeUnknown');
  expect(queue.expire(1900)).toBe(true);
  expect(queue.settle(1)).toBeUndefined();
});

test('when the process is lost, only acts that change nothing go to the next one', async () => {
  const queue = new PendingQueue(10, 10);
  const lost = [codeOf(queue.add(sign, 1000, 0)), codeOf(queue.add(generate, 1000, 0))];
  void queue.add(random, 1000, 0);
  queue.take(0);
  queue.processLost('SIGKILL');
  expect(await Promise.all(lost)).toEqual(['outcomeUnknown', 'outcomeUnknown']);
  expect(ids(queue.take(1))).toEqual([3]);
});
