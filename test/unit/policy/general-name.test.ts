import { describe, expect, test } from 'vitest';
import {
  type GeneralName,
  parseDistinguishedName,
  parseIpAddress,
} from '../../../src/pkix/index.ts';
import { normaliseName } from '../../../src/policy/index.ts';

const dns = (value: string): GeneralName => ({ type: 'dNSName', value });
const uri = (value: string): GeneralName => ({ type: 'uniformResourceIdentifier', value });
const email = (value: string): GeneralName => ({ type: 'rfc822Name', value });
const ip = (text: string): GeneralName => ({ type: 'iPAddress', bytes: parseIpAddress(text) });
const principalName = (text: string, tag = 0x0c): GeneralName => ({
  type: 'otherName',
  typeId: '1.3.6.1.4.1.311.20.2.3',
  value: Uint8Array.from([tag, text.length, ...Buffer.from(text)]),
});

function refusal(name: GeneralName): { rule: string; mend: string; clause: string } {
  const result = normaliseName(name);
  if (result.ok) throw new Error(`accepted as ${JSON.stringify(result.name)}`);
  const { rule, mend, clause } = result.violation;
  return { rule, mend: mend ?? '', clause };
}

describe('DNS names', () => {
  test.each([
    ['a.example.org', 'a.example.org'],
    ['A.Example.ORG', 'a.example.org'],
    ['localhost', 'localhost'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['*.example.org', '*.example.org'],
    ['3com.example', '3com.example'],
    [`${'a'.repeat(63)}.example`, `${'a'.repeat(63)}.example`],
  ])('%s is taken as %s', (text, normal) => {
    expect(normaliseName(dns(text))).toEqual({ ok: true, name: dns(normal) });
  });

  test.each([
    ['a.example.org.', 'names.dns.trailingDot'],
    ['a_b.example.org', 'names.dns.underscore'],
    ['-a.example.org', 'names.dns.syntax'],
    ['a-.example.org', 'names.dns.syntax'],
    ['a..example.org', 'names.dns.emptyLabel'],
    ['.example.org', 'names.dns.emptyLabel'],
    ['', 'names.dns.emptyLabel'],
    [' ', 'names.dns.syntax'],
    ['192.0.2.1', 'names.dns.address'],
    ['127.1', 'names.dns.address'],
    ['0x7f000001', 'names.dns.address'],
    ['2001:db8::1', 'names.dns.address'],
    ['*', 'names.dns.wildcardPlace'],
    ['*.org', 'names.dns.wildcardTooWide'],
    ['a.*.example.org', 'names.dns.wildcardPlace'],
    ['w*.example.org', 'names.dns.wildcardPlace'],
    ['*.*.example.org', 'names.dns.wildcardPlace'],
    [`${'a'.repeat(64)}.example`, 'names.dns.labelLength'],
    [`${'a.'.repeat(127)}org`, 'names.dns.length'],
    ['evil.example\0.example.org', 'names.dns.syntax'],
    ['a.example.org\n', 'names.dns.syntax'],
    ['ab--cd.example', 'names.dns.reservedLabel'],
    ['xn--zzzzzz99999999.example', 'names.dns.aLabel'],
    ['xn--a.example', 'names.dns.aLabel'],
    ['a.example.org", DNS:admin.example.org', 'names.dns.syntax'],
  ])('%j is refused by %s', (text, rule) => {
    expect(refusal(dns(text)).rule).toBe(rule);
  });

  test('a U-label is refused with the A-label to write (RFC 5280 §7.2)', () => {
    expect(refusal(dns('bücher.example'))).toEqual({
      rule: 'names.dns.uLabel',
      mend: 'write xn--bcher-kva.example',
      clause: 'RFC 5280 §7.2',
    });
  });
});

describe('IP addresses', () => {
  test.each(['192.0.2.1', '10.0.0.1', '127.0.0.1', '::1', '2001:db8::1'])('%s is taken', (text) => {
    expect(normaliseName(ip(text)).ok).toBe(true);
  });

  test.each([
    ['0.0.0.0', 'names.ip.unspecified'],
    ['::', 'names.ip.unspecified'],
    ['::ffff:192.0.2.1', 'names.ip.mapped'],
  ])('%s is refused by %s', (text, rule) => {
    expect(refusal(ip(text)).rule).toBe(rule);
  });

  test.each([0, 3, 5, 8, 15, 17, 32])('%d octets are refused', (length) => {
    expect(refusal({ type: 'iPAddress', bytes: new Uint8Array(length).fill(1) }).rule).toBe(
      'names.ip.length',
    );
  });
});

describe('mail addresses', () => {
  test('the domain is lower-cased, the local part kept', () => {
    expect(normaliseName(email('Ann.Lee+x@Example.ORG'))).toEqual({
      ok: true,
      name: email('Ann.Lee+x@example.org'),
    });
  });

  test.each([
    'example.org',
    '@example.org',
    'a@',
    'a b@example.org',
    '"a b"@example.org',
    '.a@example.org',
    'a@@example.org',
    'a@example.org\nBcc: b@example.org',
    'a@example.org.',
    'a@192.0.2.1',
    'a@*.example.org',
    `${'a'.repeat(65)}@example.org`,
    'bücher@example.org',
  ])('%j is refused', (text) => {
    expect(refusal(email(text)).rule).toMatch(/^names\.email/);
  });
});

describe('URIs', () => {
  test.each([
    ['https://Example.ORG/Path?q=1', 'https://example.org/Path?q=1'],
    ['SPIFFE://trust.example/ns/a/sa/b', 'spiffe://trust.example/ns/a/sa/b'],
    ['ldap://[2001:db8::1]:389/x', 'ldap://[2001:db8::1]:389/x'],
    ['https://192.0.2.1/', 'https://192.0.2.1/'],
  ])('%s is taken as %s', (text, normal) => {
    expect(normaliseName(uri(text))).toEqual({ ok: true, name: uri(normal) });
  });

  test.each([
    ['/relative', 'names.uri.syntax'],
    ['example.org', 'names.uri.syntax'],
    ['urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6', 'names.uri.syntax'],
    ['https:///path', 'names.uri.syntax'],
    ['https://user:secret@example.org/', 'names.uri.userinfo'],
    ['https://example.org@evil.example/', 'names.uri.userinfo'],
    ['https://exa_mple.org/', 'names.uri.host'],
    ['https://[::zz]/', 'names.uri.syntax'],
    ['https://example.org/a b', 'names.uri.characters'],
    ['https://example.org/%zz', 'names.uri.characters'],
    ['https://example.org/\n', 'names.uri.syntax'],
    [`https://example.org/${'a'.repeat(2048)}`, 'names.uri.length'],
  ])('%j is refused by %s', (text, rule) => {
    expect(refusal(uri(text)).rule).toBe(rule);
  });
});

describe('other types', () => {
  test('a user principal name is a UTF8String user@realm', () => {
    expect(normaliseName(principalName('ann@CORP.example'))).toEqual({
      ok: true,
      name: principalName('ann@corp.example'),
    });
    expect(refusal(principalName('ann')).rule).toBe('names.upn.syntax');
    expect(refusal(principalName('ann@corp.example', 0x16)).rule).toBe('names.upn.syntax');
    expect(refusal(principalName('ann@corp.example\0')).rule).toBe('names.upn.domain');
  });

  test('a directory name has visible characters and a string type of RFC 5280', () => {
    expect(
      normaliseName({ type: 'directoryName', name: parseDistinguishedName('CN=x,O=y') }).ok,
    ).toBe(true);
    const hidden = parseDistinguishedName('CN=x\u202ey');
    expect(refusal({ type: 'directoryName', name: hidden }).rule).toBe('names.directoryName.value');
  });

  test.each<GeneralName>([
    { type: 'otherName', typeId: '1.3.6.1.5.5.7.8.9', value: Uint8Array.of(0x0c, 1, 0x61) },
    { type: 'otherName', typeId: '1.2.3.4', value: Uint8Array.of(5, 0) },
    { type: 'x400Address', der: Uint8Array.of(0xa3, 0) },
    { type: 'ediPartyName', der: Uint8Array.of(0xa5, 0) },
  ])('$type is refused', (name) => {
    expect(refusal(name).rule).toBe('names.type');
  });
});
