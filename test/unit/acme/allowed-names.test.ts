import { describe, expect, it } from 'vitest';
import { isAllowed, parseAllowed } from '../../../src/acme/allowed-names.ts';

const holds = (entry: string, value: string): boolean =>
  isAllowed([entry], { type: /^[0-9.]+$|:/.test(value) ? 'ip' : 'dns', value });

describe('what a credential is good for', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    [
      'example.org',
      ['example.org', 'a.example.org', 'b.a.example.org'],
      [
        '*.example.org',
        '*.a.example.org',
        'badexample.org',
        'example.org.evil.test',
        'org',
        '192.0.2.1',
      ],
    ],
    [
      '.example.org',
      ['a.example.org', 'b.a.example.org'],
      ['example.org', '*.example.org', '*.a.example.org'],
    ],
    [
      '*.example.org',
      ['a.example.org', 'b.a.example.org', '*.example.org', '*.a.example.org'],
      ['example.org', '*.org', '*.badexample.org', 'badexample.org'],
    ],
    ['EXAMPLE.org', ['example.org'], ['example.com']],
    ['xn--bcher-kva.test', ['xn--bcher-kva.test', 'a.xn--bcher-kva.test'], ['bcher.test']],
    ['localhost', ['localhost', 'a.localhost'], ['localhosts']],
    ['192.0.2.1', ['192.0.2.1'], ['192.0.2.2', '2001:db8::1']],
    ['192.0.2.0/24', ['192.0.2.0', '192.0.2.255'], ['192.0.3.0', '192.0.1.255', '2001:db8::1']],
    ['10.0.0.0/8', ['10.255.255.255'], ['11.0.0.0']],
    ['192.0.2.128/25', ['192.0.2.128'], ['192.0.2.127']],
    ['0.0.0.0/0', ['203.0.113.9'], ['2001:db8::1', 'a.test']],
    ['2001:db8::/32', ['2001:db8:ffff::1'], ['2001:db9::1', '192.0.2.1']],
    ['fd00::/8', ['fdff::1', 'fd00::'], ['fe00::1']],
    ['2001:DB8:0::1', ['2001:db8::1'], ['2001:db8::2']],
    ['::/0', ['2001:db8::1'], ['192.0.2.1']],
  ])('%s', (entry, yes, no) => {
    for (const value of yes) expect(holds(entry, value), value).toBe(true);
    for (const value of no) expect(holds(entry, value), value).toBe(false);
    // What is stored says the same as what was written.
    const [stored = ''] = parseAllowed([entry]);
    for (const value of yes) expect(holds(stored, value), value).toBe(true);
    for (const value of no) expect(holds(stored, value), value).toBe(false);
  });

  it('nothing is allowed by no entry, and by one that cannot be read', () => {
    expect(isAllowed([], { type: 'dns', value: 'a.test' })).toBe(false);
    for (const entry of ['', '.', '*', 'a b', '192.0.2.0/33'])
      expect(holds(entry, 'a.test')).toBe(false);
  });

  it('is stored in one spelling, each once', () => {
    expect(
      parseAllowed(['A.test', 'a.TEST', '*.B.test', '.C.test', '2001:DB8::/32', '10.0.0.1/32']),
    ).toEqual(['a.test', '*.b.test', '.c.test', '2001:db8::/32', '10.0.0.1']);
  });

  it.each([
    ['', /label/],
    ['.', /label/],
    ['*', /write \*\.example\.org/],
    ['*.', /label/],
    ['**.a.test', /write/],
    ['a.*.test', /wildcard/],
    ['.*.a.test', /./],
    ['*.*.a.test', /write/],
    ['..a.test', /label/],
    ['a.test.', /trailing dot/],
    ['bücher.test', /xn--bcher-kva\.test/],
    ['a_b.test', /underscore/],
    ['a.test/24', /address or a block/],
    ['https://a.test', /address or a block/],
    ['a.test:443', /address or a block/],
    ['10.0.0.0/33', /0 to 32/],
    ['10.0.0.0/', /0 to 32/],
    ['10.0.0.0/08', /0 to 32/],
    ['10.0.0.0/-1', /0 to 32/],
    ['10.0.0.0/8/8', /address or a block/],
    ['10.0.0.1/8', /write 10\.0\.0\.0\/8/],
    ['fd00::1/8', /write fd00::\/8/],
    ['fd00::/129', /0 to 128/],
    ['fe80::1%eth0', /address or a block/],
    ['10.1', /address/],
    ['a'.repeat(100_000), /253|63/],
  ])('%s is refused with what to write', (entry, says) => {
    expect(() => parseAllowed(['good.test', entry])).toThrow(
      expect.objectContaining({ code: 'invalidArgument', message: expect.stringMatching(says) }),
    );
  });
});
