import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as der from '../../src/der/index.ts';

const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength });
const arc = fc.bigInt({ min: 0n, max: 2n ** 128n });
const objectIdentifier = fc
  .tuple(fc.constantFrom(0, 1, 2), fc.nat(39), fc.array(arc, { maxLength: 6 }))
  .map(([root, second, rest]) => [root, second, ...rest].join('.'));
/** Times that DER can say, to the second. */
const moment = fc
  .integer({ min: -62_167_219_200, max: 253_402_300_799 })
  .map((seconds) => new Date(seconds * 1000));

/** Any tree of DER elements. */
const tree: fc.Arbitrary<Uint8Array> = fc.letrec<{ node: Uint8Array }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }).map((value) => der.integer(value)),
    bytes(300).map((value) => der.octetString(value)),
    bytes(20).map((value) => der.bitString(value)),
    fc.boolean().map((value) => der.boolean(value)),
    fc.constant(der.nullValue()),
    objectIdentifier.map((value) => der.oid(value)),
    moment.map((value) => der.generalizedTime(value)),
    fc.array(tie('node'), { maxLength: 4 }).map((parts) => der.sequence(...parts)),
    fc.array(tie('node'), { maxLength: 4 }).map((parts) => der.setOf(parts)),
    fc.tuple(fc.nat(30), tie('node')).map(([n, part]) => der.explicit(n, part)),
  ),
})).node;

/** Reads everything in a reader by its tag, as a consumer would. */
function consume(reader: der.DerReader): void {
  while (!reader.done) {
    if (reader.is(der.tags.sequence)) consume(reader.sequence());
    else if (reader.is(der.tags.set)) consume(reader.setOf());
    else if (reader.is(der.tags.integer)) reader.integer();
    else if (reader.is(der.tags.objectIdentifier)) reader.oid();
    else if (reader.is(der.tags.generalizedTime)) reader.generalizedTime();
    else if (reader.is(der.tags.bitString)) reader.bitString();
    else reader.element();
  }
}

/** Runs it; only a DerError may come out. */
function onlyDerError(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof der.DerError)) throw error;
  }
}

describe('round trips', () => {
  it('integers of any size and sign', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 600n), max: 2n ** 600n }), (value) => {
        expect(der.readDer(der.integer(value)).integer()).toBe(value);
      }),
    );
  });

  it('unsigned magnitudes', () => {
    fc.assert(
      fc.property(bytes(40), (magnitude) => {
        const read = der.readDer(der.integer(magnitude)).integer();
        expect(read).toBe(BigInt(`0x0${Buffer.from(magnitude).toString('hex')}`));
      }),
    );
  });

  it('object identifiers with arcs of 128 bits', () => {
    fc.assert(
      fc.property(objectIdentifier, (value) => {
        expect(der.readDer(der.oid(value)).oid()).toBe(value);
      }),
    );
  });

  it('times, against the runtime’s own calendar', () => {
    fc.assert(
      fc.property(moment, (date) => {
        const encoded = der.generalizedTime(date);
        const text = Buffer.from(encoded.subarray(2)).toString('latin1');
        expect(text).toBe(
          `${date
            .toISOString()
            .replace(/^[+-]00/, '')
            .replace(/[-:T]/g, '')
            .slice(0, 14)}Z`,
        );
        expect(der.readDer(encoded).generalizedTime()).toEqual(date);
        if (date.getUTCFullYear() >= 1950) expect(der.readDer(der.time(date)).time()).toEqual(date);
      }),
    );
  });

  it('fourteen digits are a time exactly when the calendar has it', () => {
    const digits = fc.tuple(
      fc.nat(9999),
      fc.nat(15),
      fc.nat(35),
      fc.nat(27),
      fc.nat(65),
      fc.nat(65),
    );
    fc.assert(
      fc.property(digits, ([year, month, day, hour, minute, second]) => {
        const two = (value: number): string => String(value).padStart(2, '0');
        const date = new Date(0);
        date.setUTCFullYear(year, month - 1, day);
        date.setUTCHours(hour, minute, second);
        const iso = `${String(year).padStart(4, '0')}${two(month)}${two(day)}${two(hour)}${two(minute)}${two(second)}`;
        const exists = date.toISOString().replace(/[-:T]/g, '').slice(0, 14) === iso;
        const element = der.element(der.tags.generalizedTime, Buffer.from(`${iso}Z`));
        if (exists) expect(der.readDer(element).generalizedTime()).toEqual(date);
        else expect(() => der.readDer(element).generalizedTime()).toThrow(der.DerError);
      }),
      { numRuns: 500 },
    );
  });

  it('text in every string type that can hold it', () => {
    const types = [
      der.tags.utf8String,
      der.tags.printableString,
      der.tags.ia5String,
      der.tags.t61String,
      der.tags.bmpString,
      der.tags.universalString,
      der.tags.numericString,
      der.tags.visibleString,
    ];
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.string()),
        fc.constantFrom(...types),
        (text, tag) => {
          let encoded: Uint8Array;
          try {
            encoded = der.characterString(tag, text);
          } catch (error) {
            expect(error).toBeInstanceOf(der.DerError);
            return;
          }
          expect(der.readDer(encoded).string(tag)).toBe(text);
        },
      ),
    );
  });

  it('whole trees pass the walk, and a rendered tree equals a nested one', () => {
    fc.assert(
      fc.property(tree, (encoded) => {
        der.checkDer(encoded, { maxSize: 1 << 24 });
        consume(der.readDer(encoded, { maxSize: 1 << 24 }));
        expect(der.render(der.node(0x30, der.node(0x31, encoded)))).toEqual(
          der.sequence(der.set(encoded)),
        );
      }),
    );
  });

  it('named bits', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(40)), (numbers) => {
        const { bytes: octets, unusedBits } = der.readDer(der.namedBits(numbers)).bitString();
        const found: number[] = [];
        for (let bit = 0; bit < octets.length * 8 - unusedBits; bit += 1) {
          if (((octets[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0) found.push(bit);
        }
        expect(found).toEqual([...numbers].sort((a, b) => a - b));
      }),
    );
  });
});

describe('T-DER-1: whatever the octets, only DerError, and soon', () => {
  it('random octets', () => {
    fc.assert(
      fc.property(bytes(200), (input) => {
        onlyDerError(() => der.checkDer(input));
        onlyDerError(() => consume(der.readDer(input)));
      }),
      { numRuns: 3000 },
    );
  });

  it('sound trees with octets changed, dropped and added', () => {
    const edit = fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom('change', 'drop', 'add'));
    fc.assert(
      fc.property(tree, fc.array(edit, { minLength: 1, maxLength: 4 }), (encoded, edits) => {
        const octets = [...encoded];
        for (const [place, value, kind] of edits) {
          const at = place % (octets.length + 1);
          if (kind === 'change') octets.splice(at, 1, value);
          else if (kind === 'drop') octets.splice(at, 1);
          else octets.splice(at, 0, value);
        }
        const input = Uint8Array.from(octets);
        onlyDerError(() => der.checkDer(input));
        onlyDerError(() => consume(der.readDer(input)));
      }),
      { numRuns: 1000 },
    );
  });

  it('what is read as one encoding is written as the same one (no second form of a value)', () => {
    fc.assert(
      fc.property(bytes(12), (content) => {
        const input = der.element(der.tags.integer, content);
        onlyDerError(() => {
          expect(der.integer(der.readDer(input).integer())).toEqual(input);
        });
        const identifier = der.element(der.tags.objectIdentifier, content);
        onlyDerError(() => {
          expect(der.oid(der.readDer(identifier).oid())).toEqual(identifier);
        });
      }),
      { numRuns: 2000 },
    );
  });
});
