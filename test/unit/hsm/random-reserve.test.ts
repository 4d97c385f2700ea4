import { expect, test } from 'vitest';
import { RandomReserve } from '../../../src/hsm/random-reserve.ts';

/** Octets that count up, as a Buffer, which is what the channel gives. */
function counting(): { fetch: (length: number) => Promise<Uint8Array>; fetched: () => number } {
  let next = 0;
  let times = 0;
  return {
    fetched: () => times,
    fetch: (length) => {
      times++;
      return Promise.resolve(Buffer.from(Array.from({ length }, () => next++ % 251)));
    },
  };
}

test('octets are given out once, in order, and one fetch serves many', async () => {
  const { fetch, fetched } = counting();
  const reserve = new RandomReserve(fetch);
  const parts = await Promise.all(Array.from({ length: 100 }, () => reserve.take(16)));
  const all = parts.flatMap((part) => [...part]);
  expect(all).toEqual(Array.from({ length: 1600 }, (_, i) => i % 251));
  expect(fetched()).toBe(1);
});

test('what was given out is not wiped when the reserve is', async () => {
  const reserve = new RandomReserve(() => Promise.resolve(Buffer.alloc(2048, 7)));
  const first = await reserve.take(1000);
  await reserve.take(1000);
  expect(first.every((octet) => octet === 7)).toBe(true);
});

test('a fetch that fails is tried again by the next caller', async () => {
  let fails = true;
  const reserve = new RandomReserve((length) =>
    fails ? Promise.reject(new Error('away')) : Promise.resolve(new Uint8Array(length)),
  );
  await expect(reserve.take(16)).rejects.toThrow('away');
  fails = false;
  expect((await reserve.take(16)).length).toBe(16);
});
