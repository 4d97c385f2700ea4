import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CrlLinter, type LintResult, lintCrl } from '../../../src/lint/index.ts';
import { kindDefects, soundKinds } from '../../vectors/lint/crl-kind-vectors.ts';
import { crl, crlContext, crlDefects, entry, soundCrls } from '../../vectors/lint/crl-vectors.ts';
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

/** Lints in chunks of the given sizes, again and again from the first. */
function lintInChunks(der: Uint8Array, sizes: readonly number[]): LintResult[] {
  const linter = new CrlLinter(crlContext);
  let at = 0;
  for (let index = 0; at < der.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1;
    // A buffer that is used again, as a reader of files may do.
    const chunk = Uint8Array.from(der.subarray(at, at + size));
    linter.write(chunk);
    chunk.fill(0xff);
    at += size;
  }
  return linter.end();
}

describe('a large CRL', () => {
  const count = 200_000;
  const ascending = (n: number) => Array.from({ length: n }, (_, index) => index);

  it('is linted in one pass', () => {
    const der = crlOf(ascending(count), count);
    const start = performance.now();
    expect(lintCrl(der, crlContext)).toEqual([]);
    expect(lintInChunks(der, [131_072])).toEqual([]);
    // About 30 ms each where it was measured; anything quadratic takes minutes.
    expect(performance.now() - start).toBeLessThan(4000);
  });

  it.each([
    ['a serial number that stands twice', (numbers: number[]) => numbers.splice(70_000, 1, 69_999)],
    ['one out of order', (numbers: number[]) => numbers.splice(70_000, 1, 17)],
  ])('shows %s, and where', (_, change) => {
    const numbers = ascending(count);
    change(numbers);
    const der = crlOf(numbers, count);
    for (const results of [lintCrl(der, crlContext), lintInChunks(der, [65_536])]) {
      expect(results.map(({ lint }) => lint)).toEqual(['crl-entry-unique']);
      expect(results[0]?.message).toMatch(/^entry 70001: serialNumber 1011[0-9a-f]{8}a5a6/);
    }
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

  it('says the same whatever the chunks', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...soundCrls, ...crlDefects, ...soundKinds, ...kindDefects),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }),
        fc.double({ min: 0, max: 2, noNaN: true }),
        ({ der: whole }, sizes, cut) => {
          const der = whole.subarray(0, Math.ceil(cut * whole.length));
          expect(lintInChunks(der, sizes)).toEqual(lintCrl(der, crlContext));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('whose fields have more octets than any of ours is refused without being held', () => {
    const der = crl({ issuer: tlv(0x30, Buffer.alloc(3_000_000)) });
    expect(lintInChunks(der, [65_536])).toMatchObject([
      { lint: 'crl-structure', message: expect.stringContaining('1048576') },
    ]);
  });
});
