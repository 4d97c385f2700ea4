import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CertificateList,
  encodeRevokedCertificates,
  entriesOnlyIn,
  type RevokedCertificate,
} from '../../../src/pkix/index.ts';

const revocationDate = new Date('2026-11-21T10:20:30Z');

function listOf(serialNumbers: readonly string[]): CertificateList {
  const entries = serialNumbers.map(
    (serialNumber): RevokedCertificate => ({
      serialNumber,
      revocationDate,
      reasonCode: 'certificateHold',
    }),
  );
  // Nothing else of a list counts here.
  return { encodedEntries: encodeRevokedCertificates(entries) } as CertificateList;
}

const onlyIn = (list: readonly string[], other: readonly string[]): readonly string[] =>
  entriesOnlyIn(listOf(list), listOf(other)).map(({ serialNumber }) => serialNumber);

const serialNumbers = fc.uniqueArray(
  fc
    .oneof(fc.bigInt(1n, 300n), fc.bigInt(1n, (1n << 159n) - 1n))
    .map((value) => value.toString(16)),
  { maxLength: 60 },
);

const ascending = (list: readonly string[]): readonly string[] =>
  list.toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1));

describe('entries that vanish from a CRL', () => {
  it('are the difference of the sets, whether the lists ascend or not', () => {
    fc.assert(
      fc.property(serialNumbers, serialNumbers, (list, other) => {
        const expected = list.filter((serialNumber) => !other.includes(serialNumber));
        expect(onlyIn(list, other)).toEqual(expected);
        expect(onlyIn(ascending(list), ascending(other))).toEqual(ascending(expected));
        expect(onlyIn(list, ascending(other))).toEqual(expected);
      }),
      {
        examples: [
          [
            ['7f', '80', 'ff', '100'],
            ['80', '100'],
          ],
        ],
      },
    );
  });

  it('come with what was said of them', () => {
    expect(entriesOnlyIn(listOf(['1', '2']), listOf(['1']))).toMatchObject([
      { serialNumber: '2', revocationDate, reasonCode: 'certificateHold' },
    ]);
  });

  it('of a damaged list are not guessed at', () => {
    const damaged = { encodedEntries: Uint8Array.of(0x30, 3, 2, 1) } as CertificateList;
    expect(() => entriesOnlyIn(damaged, listOf(['1']))).toThrow(
      expect.objectContaining({ code: 'malformed' }),
    );
  });
});
