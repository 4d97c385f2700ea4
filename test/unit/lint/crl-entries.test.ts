import { describe, expect, it } from 'vitest';
import { lintCrl } from '../../../src/lint/index.ts';
import { crl, crlContext, entry } from '../../vectors/lint/crl-vectors.ts';
import type { Bytes } from '../../vectors/lint/der.ts';
import { enumerated, extension, seq, tlv } from '../../vectors/lint/der.ts';

const reason = seq(extension('2.5.29.21', enumerated(4)));
/** Where the 4 octets that tell the entries apart stand: after two headers. */
const serialAt = 4;
const model = entry('10 11 00000000 a5a6a7a8a9aaabacadaeafa0 1122', reason);

/** A CRL whose entries have the given 32-bit serial numbers in their middle. */
function crlOf(numbers: Iterable<number>, count: number): Bytes {
  const list = Buffer.alloc(model.length * count);
  let at = 0;
  for (const number of numbers) {
    list.set(model, at);
    list.writeUInt32BE(number, at + serialAt + 2);
    at += model.length;
  }
  return crl({ revoked: tlv(0x30, list) });
}
function* shuffled(count: number): Generator<number> {
  // 7919 is prime and no factor of the counts used, so each number comes once.
  for (let index = 0; index < count; index += 1) yield (index * 7919) % count;
}

describe('a large CRL', () => {
  const count = 200_000;

  it.each([
    ['ascending', (n: number) => Array.from({ length: n }, (_, index) => index)],
    ['descending', (n: number) => Array.from({ length: n }, (_, index) => n - index)],
    ['in no order', (n: number) => [...shuffled(n)]],
  ])('with entries %s is linted in one pass', (_, numbers) => {
    const der = crlOf(numbers(count), count);
    const start = performance.now();
    expect(lintCrl(der, crlContext)).toEqual([]);
    // About 30 ms where it was measured; anything quadratic takes minutes.
    expect(performance.now() - start).toBeLessThan(2000);
  });

  it('shows one serial number that stands twice among them', () => {
    const numbers = [...shuffled(count)];
    numbers[count - 1] = numbers[17] ?? 0;
    const results = lintCrl(crlOf(numbers, count), crlContext);
    expect(results.map(({ lint }) => lint)).toEqual(['crl-entry-unique']);
    const twice = (numbers[17] ?? 0).toString(16).padStart(8, '0');
    expect(results[0]?.message).toContain(`1011${twice}a5a6`);
  });

  it('names the one bad entry and where it stands', () => {
    const sound = Array.from({ length: 600 }, (_, index) =>
      entry((0x10000000 + index).toString(16).padStart(8, '0'), reason),
    );
    const bad = entry('11111111', seq(extension('2.5.29.21', enumerated(7))));
    const der = crl({ revoked: seq(...sound, bad, entry('11111112', reason)) });
    const [result, ...others] = lintCrl(der, crlContext);
    expect(others).toEqual([]);
    expect(result?.lint).toBe('crl-entry-reason-code');
    expect(result?.message).toMatch(/^entry 601 at octet \d+: /);
  });
});
