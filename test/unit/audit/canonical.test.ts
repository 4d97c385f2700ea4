import { describe, expect, it } from 'vitest';
import { canonicalize } from '../../../src/audit/index.ts';

describe('canonicalize (RFC 8785)', () => {
  it('serialises the example of §3.2.2 to §3.2.4', () => {
    const value = JSON.parse(
      '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],' +
        '"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/",' +
        '"literals":[null,true,false]}',
    ) as unknown;
    expect(canonicalize(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('sorts members by UTF-16 code units (§3.2.3)', () => {
    const value = {
      '€': 'Euro Sign',
      '\r': 'Carriage Return',
      '\uFB33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '😀': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      ö: 'Latin Small Letter O With Diaeresis',
    };
    expect([...canonicalize(value).matchAll(/:"([^"]*)"/g)].map((match) => match[1])).toEqual([
      'Carriage Return',
      'One',
      'Control',
      'Latin Small Letter O With Diaeresis',
      'Euro Sign',
      'Emoji: Grinning Face',
      'Hebrew Letter Dalet With Dagesh',
    ]);
  });

  it('writes numbers as ECMAScript does (appendix B)', () => {
    expect(canonicalize([-0, 5e-324, 1.7976931348623157e308, 9007199254740992, 1e21])).toBe(
      '[0,5e-324,1.7976931348623157e+308,9007199254740992,1e+21]',
    );
  });

  it.each([
    ['NaN', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['a lone surrogate', 'a\uD800'],
    ['a lone surrogate as member name', { '\uDC00': 1 }],
    ['undefined in an array', [undefined]],
    ['a function', () => 1],
    ['an invalid date', new Date(Number.NaN)],
  ])('refuses %s', (_, value) => {
    expect(() => canonicalize({ value })).toThrow(
      expect.objectContaining({ code: 'malformed' }) as Error,
    );
  });

  it('refuses depth without overflowing the stack', () => {
    let value: unknown = 1;
    for (let depth = 0; depth < 100_000; depth++) value = [value];
    expect(() => canonicalize(value)).toThrow(/nested deeper/);
  });

  it('gives what records hold one spelling, whatever the order of insertion', () => {
    expect(
      canonicalize({
        z: undefined,
        octets: Uint8Array.of(0, 255),
        number: 12345678901234567890n,
        at: new Date('2030-01-02T03:04:05.006Z'),
        set: new Set(['b', 'a']),
      }),
    ).toBe(
      '{"at":"2030-01-02T03:04:05.006Z","number":"12345678901234567890","octets":"00ff","set":["a","b"]}',
    );
    expect(canonicalize({ a: 1, b: 2 })).toBe(canonicalize({ b: 2, a: 1 }));
  });
});
