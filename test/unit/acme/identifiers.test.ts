import { describe, expect, it } from 'vitest';
import { baseOf, parseIdentifiers, toGeneralName } from '../../../src/acme/identifiers.ts';
import type { Identifier } from '../../../src/acme/ports.ts';
import { problemOf } from '../../support/acme-problem.ts';

const dns = (value: string): Identifier => ({ type: 'dns', value });
const ip = (value: string): Identifier => ({ type: 'ip', value });
const one = (type: string, value: string): string | undefined =>
  parseIdentifiers([{ type, value }], 1)[0]?.value;

describe('RFC 8555 §7.1.3, §7.4: DNS identifiers', () => {
  it.each([
    ['www.example.org', 'www.example.org'],
    ['WWW.Example.ORG', 'www.example.org'],
    ['localhost', 'localhost'],
    ['*.Example.org', '*.example.org'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['XN--BCHER-KVA.example', 'xn--bcher-kva.example'],
    ['1.example', '1.example'],
    [`${'a'.repeat(63)}.example`, `${'a'.repeat(63)}.example`],
  ])('%s is %s', (value, kept) => {
    expect(one('dns', value)).toBe(kept);
  });

  it.each([
    ['trailing dot', 'example.org.', /trailing dot/],
    ['empty', '', /label/],
    ['dot', '.', /./],
    ['leading dot', '.example.org', /label/],
    ['two dots', 'a..example', /label/],
    ['U-label', 'bücher.example', /xn--bcher-kva\.example/],
    ['fullwidth dot', 'a\uff0eexample', /ASCII/],
    ['soft hyphen', 'exam\u00adple.org', /ASCII/],
    ['A-label that is none', 'xn--a.example', /A-label/],
    ['reserved label', 'ab--c.example', /reserved/],
    ['bare wildcard', '*', /./],
    ['wildcard of a top-level name', '*.example', /./],
    ['wildcard not leftmost', 'a.*.example.org', /wildcard/],
    ['two wildcards', '*.*.example.org', /wildcard/],
    ['part of a label', 'a*.example.org', /wildcard/],
    ['wildcard and trailing dot', '*.example.org.', /trailing dot/],
    ['underscore', '_acme-challenge.example.org', /underscore/],
    ['hyphen in front', '-a.example', /./],
    ['label of 64', `${'a'.repeat(64)}.example`, /63/],
    ['name of 254', `${'a.'.repeat(126)}ab`, /253/],
    ['a megabyte', 'a'.repeat(1_000_000), /253/],
    ['IPv4', '192.0.2.1', /address/],
    ['IPv4 in short', '127.1', /address/],
    ['IPv4 as a number', '2130706433', /address/],
    ['IPv4 in hex', '0x7f000001', /address/],
    ['wildcard of an address', '*.192.0.2.1', /address/],
    ['IPv6', '2001:db8::1', /address/],
    ['NUL', 'a.example\0.org', /./],
    ['line break', 'a.example\n', /./],
    ['blank', 'a example', /./],
    ['port', 'a.example:443', /./],
    ['URL', 'https://a.example/', /./],
    ['mail address', 'a@example.org', /./],
  ])('%s is rejected', async (_, value, says) => {
    const problem = await problemOf(() => parseIdentifiers([{ type: 'dns', value }], 10));
    expect(problem.type).toBe('rejectedIdentifier');
    expect(problem.document.subproblems?.[0]?.detail).toMatch(says);
    expect(problem.document).not.toHaveProperty('identifier');
    expect(problem.document.subproblems?.[0]?.identifier).toEqual({
      type: 'dns',
      value: value.slice(0, 260),
    });
  });
});

describe('RFC 8738 §3: IP identifiers', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::1', '::1'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
  ])('%s is %s (RFC 5952)', (value, kept) => {
    expect(one('ip', value)).toBe(kept);
  });

  it.each([
    ['a name', 'example.org', 'malformed'],
    ['nothing', '', 'malformed'],
    ['leading zeros', '192.0.02.1', 'malformed'],
    ['three parts', '192.0.2', 'malformed'],
    ['a number', '3221225985', 'malformed'],
    ['a prefix', '192.0.2.0/24', 'malformed'],
    ['a port', '192.0.2.1:80', 'malformed'],
    ['brackets', '[2001:db8::1]', 'malformed'],
    ['a zone', 'fe80::1%eth0', 'malformed'],
    ['a wildcard', '*.0.2.1', 'malformed'],
    ['a blank', ' 192.0.2.1', 'malformed'],
    ['a reverse name', '1.2.0.192.in-addr.arpa', 'malformed'],
    ['IPv4 mapped', '::ffff:192.0.2.1', 'rejectedIdentifier'],
    ['unspecified', '0.0.0.0', 'rejectedIdentifier'],
    ['unspecified IPv6', '::', 'rejectedIdentifier'],
  ])('%s is refused', async (_, value, type) => {
    const problem = await problemOf(() => parseIdentifiers([{ type: 'ip', value }], 10));
    expect(problem.type).toBe(type);
    expect(problem.document.subproblems).toHaveLength(1);
  });
});

describe('RFC 8555 §7.4: lists of identifiers', () => {
  it('duplicates are merged, whatever their spelling; the order stays', () => {
    const list = [
      dns('B.test'),
      ip('2001:db8:0::1'),
      dns('a.test'),
      dns('b.TEST'),
      ip('2001:DB8::1'),
    ];
    expect(parseIdentifiers(list, 10)).toEqual([dns('b.test'), ip('2001:db8::1'), dns('a.test')]);
  });

  it('a wildcard and its base are two', () => {
    const list = [dns('*.a.test'), dns('a.test')];
    expect(parseIdentifiers(list, 10)).toEqual(list);
  });

  it.each([
    ['no list', { type: 'dns', value: 'a.test' }],
    ['none', undefined],
    ['an empty list', []],
    ['a text in it', ['a.test']],
    ['null in it', [null]],
    ['a list in it', [['dns', 'a.test']]],
    ['no value', [{ type: 'dns' }]],
    ['no type', [{ value: 'a.test' }]],
    ['a value that is a number', [{ type: 'dns', value: 1 }]],
    ['a type that is an object', [{ type: {}, value: 'a.test' }]],
  ])('%s: malformed', async (_, value) => {
    expect((await problemOf(() => parseIdentifiers(value, 10))).type).toBe('malformed');
  });

  it('more than the directory takes: refused before any is looked at', async () => {
    const many = Array.from({ length: 11 }, (_, index) => dns(`${index}.test`));
    const problem = await problemOf(() => parseIdentifiers(many, 10));
    expect(problem.message).toMatch(/11 entries.*10 at most/);
  });

  it.each(['email', 'DNS', '', '__proto__', 'permanent-identifier'])(
    'A21: type %j is an unsupportedIdentifier',
    async (type) => {
      const problem = await problemOf(() => parseIdentifiers([{ type, value: 'a.test' }], 10));
      expect(problem.type).toBe('unsupportedIdentifier');
      expect(problem.document.subproblems?.[0]?.identifier).toEqual({ type, value: 'a.test' });
    },
  );

  it('§6.7.1: every refused identifier has its own subproblem, and none is missing (I18)', async () => {
    const list = [dns('good.test'), dns('bad..test'), { type: 'email', value: 'a@b' }, ip('x')];
    const problem = await problemOf(() => parseIdentifiers(list, 10));
    expect(problem.type).toBe('compound');
    expect(
      problem.document.subproblems?.map(({ type, identifier }) => [
        type.slice('urn:ietf:params:acme:error:'.length),
        identifier?.value,
      ]),
    ).toEqual([
      ['rejectedIdentifier', 'bad..test'],
      ['unsupportedIdentifier', 'a@b'],
      ['malformed', 'x'],
    ]);
  });

  it('I18: of many names only the k-th is bad, for each k', async () => {
    for (let k = 0; k < 8; k += 1) {
      const list = Array.from({ length: 8 }, (_, index) =>
        dns(index === k ? 'a_b.test' : `${index}.test`),
      );
      const problem = await problemOf(() => parseIdentifiers(list, 10));
      expect(problem.document.subproblems?.map(({ identifier }) => identifier?.value)).toEqual([
        'a_b.test',
      ]);
    }
  });
});

it('A14: an authorization is for the name without *., and says that it is for a wildcard', () => {
  expect(baseOf(dns('*.a.test'))).toEqual({ identifier: dns('a.test'), wildcard: true });
  expect(baseOf(dns('a.test'))).toEqual({ identifier: dns('a.test'), wildcard: false });
  expect(baseOf(ip('::1'))).toEqual({ identifier: ip('::1'), wildcard: false });
});

it('identifiers become names of subjectAltName', () => {
  expect(toGeneralName(dns('*.a.test'))).toEqual({ type: 'dNSName', value: '*.a.test' });
  expect(toGeneralName(ip('192.0.2.1'))).toEqual({
    type: 'iPAddress',
    bytes: Uint8Array.of(192, 0, 2, 1),
  });
});
