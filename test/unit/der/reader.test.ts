import { describe, expect, it } from 'vitest';
import { checkDer, concat, DerError, header, readDer, tags } from '../../../src/der/index.ts';
import { deepDefects, derDefects } from '../../vectors/der-defects.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

describe('X.690 §10 and §11: what is not DER is refused', () => {
  it.each(derDefects)('$defect', ({ hex, read, says }) => {
    const attempt = (): void => {
      const reader = readDer(bytes(hex));
      read(reader);
      reader.end();
    };
    expect(attempt).toThrow(DerError);
    expect(attempt).toThrow(says);
  });

  it.each(deepDefects)('checkDer: $defect', ({ hex }) => {
    expect(() => checkDer(bytes(hex))).toThrow(DerError);
  });

  it('names the octet where it stopped', () => {
    try {
      const reader = readDer(bytes('30050201010200'));
      const body = reader.sequence();
      body.integer();
      body.integer();
      expect.unreachable();
    } catch (error) {
      expect((error as DerError).offset).toBe(5);
    }
  });
});

describe('caps', () => {
  const nested = (depth: number): Uint8Array => {
    const parts: Uint8Array[] = [Uint8Array.of(0x05, 0x00)];
    let length = 2;
    for (let i = 0; i < depth; i += 1) {
      const outer = header(tags.sequence, length);
      parts.push(outer);
      length += outer.length;
    }
    return concat(parts.reverse());
  };

  it('32 levels pass, 33 do not (I43)', () => {
    expect(() => checkDer(nested(32))).not.toThrow();
    expect(() => checkDer(nested(33))).toThrow(/deep/);
  });

  it('20,000 levels neither overflow the stack nor take long', () => {
    const started = performance.now();
    expect(() => checkDer(nested(20_000), { maxSize: 1 << 24 })).toThrow(/deep/);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('an input above maxSize is refused before it is read', () => {
    expect(() => readDer(new Uint8Array(17), { maxSize: 16 })).toThrow(/larger than 16/);
  });
});

describe('reading', () => {
  it('returns views on the input, not copies', () => {
    const input = bytes('30040402aabb');
    const content = readDer(input).sequence().octetString();
    expect(content.buffer).toBe(input.buffer);
    expect([...content]).toEqual([0xaa, 0xbb]);
  });

  it('reads negative and large integers', () => {
    expect(readDer(bytes('020180')).integer()).toBe(-128n);
    expect(readDer(bytes('0202ff7f')).integer()).toBe(-129n);
    expect(readDer(bytes('0209008000000000000000')).integer()).toBe(2n ** 63n);
  });

  it('takes an optional element only when it is there', () => {
    const reader = readDer(bytes('3005a003020101')).sequence();
    expect(reader.optional(0xa1)).toBeUndefined();
    expect(reader.optional(0xa0)?.smallInteger()).toBe(1);
    reader.end();
  });

  it('99991231235959Z and the years around 2050 (X2)', () => {
    const at = (tag: string, text: string): string =>
      readDer(bytes(tag + Buffer.from(text).toString('hex')))
        .time()
        .toISOString();
    expect(at('180f', '99991231235959Z')).toBe('9999-12-31T23:59:59.000Z');
    expect(at('170d', '491231235959Z')).toBe('2049-12-31T23:59:59.000Z');
    expect(at('170d', '500101000000Z')).toBe('1950-01-01T00:00:00.000Z');
    expect(at('180f', '20500101000000Z')).toBe('2050-01-01T00:00:00.000Z');
    expect(at('170d', '240229000000Z')).toBe('2024-02-29T00:00:00.000Z');
  });

  it('keeps every bit of long OID arcs (I43: truncated arcs made two OIDs one)', () => {
    const uuid = '2.25.340282366920938463463374607431768211455';
    expect(readDer(bytes('06146983ffffffffffffffffffffffffffffffffff7f')).oid()).toBe(uuid);
    expect(readDer(bytes('06028837')).oid()).toBe('2.999');
    expect(readDer(bytes('06062a864886f70d')).oid()).toBe('1.2.840.113549');
  });
});
