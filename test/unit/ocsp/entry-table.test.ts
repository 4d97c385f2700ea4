import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EntryTable } from '../../../ocsp/foreign/entry-table.ts';
import type { RevokedCertificate } from '../../../src/pkix/index.ts';

const serialNumber = fc
  .oneof(fc.bigInt(1n, 300n), fc.bigInt(1n, (1n << 159n) - 1n))
  .map((number) => number.toString(16));
const entry: fc.Arbitrary<RevokedCertificate> = fc.record({
  serialNumber,
  revocationDate: fc
    .integer({ min: 0, max: 4_000_000_000 })
    .map((seconds) => new Date(seconds * 1000)),
  reasonCode: fc.constantFrom(undefined, 'keyCompromise', 'certificateHold', 'removeFromCRL'),
  invalidityDate: fc.constantFrom(undefined, new Date('2026-01-01T00:00:00Z')),
});

test('finds what was put in and nothing else, whatever the order, the number and the first guess', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(entry, { maxLength: 400 }),
      fc.array(serialNumber, { maxLength: 50 }),
      fc.integer({ min: 0, max: 400 }),
      async (entries, others, expected) => {
        const table = await EntryTable.of(entries, expected);
        const model = new Map(entries.map((one) => [one.serialNumber, one]));
        expect(table.size).toBe(model.size);
        for (const serial of [...model.keys(), ...others]) {
          const wanted = model.get(serial);
          const found = table.find(serial);
          expect(found && { serialNumber: serial, ...found }).toEqual(wanted);
        }
      },
    ),
    { numRuns: 50 },
  );
});

test('tells which entries of two tables differ', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(entry), fc.array(entry), async (left, right) => {
      const byText = (entries: readonly RevokedCertificate[]) =>
        new Map(entries.map((one) => [one.serialNumber, JSON.stringify(one)]));
      const [one, other] = [byText(left), byText(right)];
      const different = [...one].filter(([serial, text]) => other.get(serial) !== text);
      const [table, second] = [await EntryTable.of(left, 4), await EntryTable.of(right, 4)];
      expect((await table.notIn(second)).toSorted()).toEqual(
        different.map(([serial]) => serial).toSorted(),
      );
    }),
    { numRuns: 50 },
  );
});

test('counting serial numbers, as openssl gives them, spread over the table', async () => {
  const started = performance.now();
  const entries = Array.from({ length: 100_000 }, (_, index) => ({
    serialNumber: (0x1000 + index).toString(16),
    revocationDate: new Date(0),
  }));
  const table = await EntryTable.of(entries, entries.length);
  const missing = entries.filter((one) => table.find(one.serialNumber) === undefined);
  expect([table.size, missing]).toEqual([100_000, []]);
  // Long runs of taken slots would take minutes.
  expect(performance.now() - started).toBeLessThan(20_000);
});
