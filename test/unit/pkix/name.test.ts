import { describe, expect, it } from 'vitest';
import { characterString, octetString, oid, sequence, set, tags } from '../../../src/der/index.ts';
import {
  commonNameOf,
  emptyName,
  encodeName,
  formatDistinguishedName,
  nameIsWithin,
  namesEqual,
  parseDistinguishedName,
  parseNameDer,
} from '../../../src/pkix/index.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('RFC 4514: distinguished names as text', () => {
  it.each([
    ['CN=Issuing CA,O=Example,C=DE'],
    ['CN=a\\,b,O=c\\+d'],
    ['CN=\\#a,O=b\\ '],
    ['CN=\\ a,O=\\"'],
    ['CN=a+OU=b,DC=example,DC=com'],
    ['CN=Grüße 😀,O=日本'],
    ['serialNumber=12+CN=x,emailAddress=a@b.example'],
    ['CN=a\\\\b\\;c\\<d\\>e\\=f'],
    ['CN=a\\00b\\0ac'],
    ['1.2.3.4=#0c0161'],
    ['1.2.3.4=#03020106'],
  ])('%s reads and writes alike', (text) => {
    const name = parseDistinguishedName(text);
    const again = parseDistinguishedName(formatDistinguishedName(name));
    expect(hex(again.der)).toBe(hex(name.der));
  });

  it('puts the most specific RDN last in DER and first in text', () => {
    const name = parseDistinguishedName('CN=a,O=b,C=DE');
    expect(name.rdns.map((rdn) => rdn[0]?.value)).toEqual(['DE', 'b', 'a']);
    expect(formatDistinguishedName(name)).toBe('CN=a,O=b,C=DE');
    expect(commonNameOf(name)).toBe('a');
    expect(commonNameOf(emptyName)).toBeUndefined();
  });

  it('uses PrintableString for C, serialNumber, dnQualifier, IA5String for DC and email, else UTF8String', () => {
    const name = parseDistinguishedName(
      'CN=a,C=DE,serialNumber=1,dnQualifier=q,DC=d,emailAddress=e@f',
    );
    const byOid = Object.fromEntries(
      name.rdns.flat().map((attribute) => [attribute.value, attribute.tag]),
    );
    expect(byOid).toEqual({ a: 12, DE: 19, '1': 19, q: 19, d: 22, 'e@f': 22 });
  });

  it('takes blanks around separators, keywords in any case, OIDs in place of keywords', () => {
    expect(formatDistinguishedName(parseDistinguishedName('cn = a , 2.5.4.10=b'))).toBe('CN=a,O=b');
    expect(parseDistinguishedName('  ').rdns).toEqual([]);
    expect(hex(parseDistinguishedName('').der)).toBe('3000');
  });

  it.each([
    ['a country of three letters', 'C=DEU'],
    ['a country of one letter', 'C=D'],
    ['a common name of 65 characters', `CN=${'x'.repeat(65)}`],
    ['an empty value', 'CN='],
    ['a value of blanks', 'CN=  ,O=a'],
    ['an unknown keyword', 'FOO=a'],
    ['no equals sign', 'abc'],
    ['a quote that is not escaped', 'CN="a"'],
    ['a semicolon that is not escaped', 'CN=a;O=b'],
    ['a comma at the end', 'CN=a,'],
    ['a plus at the end', 'CN=a+'],
    ['a backslash at the end', 'CN=a\\'],
    ['a backslash before a letter', 'CN=a\\z'],
    ['hex that is no DER', 'CN=#0c05'],
    ['hex of odd length', 'CN=#0c0'],
    ['something behind hex', 'CN=#0c0161x'],
    ['escaped octets that are no UTF-8', 'CN=\\ff'],
    ['an NUL', 'CN=a\0b'],
    ['a serialNumber with @', 'serialNumber=a@b'],
    ['an emailAddress beyond ASCII', 'emailAddress=é@b'],
    ['half a surrogate pair', 'CN=\ud800'],
    ['17,000 characters', `CN=a,${'O=b,'.repeat(4250)}O=b`],
  ])('refuses %s', (_what, text) => {
    expect(() => parseDistinguishedName(text)).toThrow(
      expect.objectContaining({ code: 'malformed' }),
    );
  });

  it('64 characters outside the Basic Multilingual Plane are 64, not 128', () => {
    expect(() => parseDistinguishedName(`CN=${'😀'.repeat(64)}`)).not.toThrow();
  });

  it('never lets a control break a line', () => {
    const name = encodeName([
      [{ oid: '2.5.4.3', value: 'a\r\nO=b\u2028\u0085', tag: tags.utf8String }],
    ]);
    expect(formatDistinguishedName(name)).toBe('CN=a\\0d\\0aO\\=b\\e2\\80\\a8\\c2\\85');
  });

  it('formats what deployed CAs write into PrintableString under an unknown type', () => {
    const name = parseNameDer(sequence(set(sequence(oid('1.2.3'), Uint8Array.of(0x13, 1, 0x40)))));
    expect(formatDistinguishedName(name)).toBe('1.2.3=#0c0140');
  });
});

describe('I52: names of any string type', () => {
  const of = (tag: number, value: string): Uint8Array =>
    sequence(set(sequence(oid('2.5.4.3'), characterString(tag, value))));

  it.each([
    ['UTF8String', tags.utf8String, 'Lü 日'],
    ['PrintableString', tags.printableString, 'Lu'],
    ['T61String', tags.t61String, 'Lü'],
    ['BMPString', tags.bmpString, 'Lü日'],
    ['UniversalString', tags.universalString, 'L😀'],
    ['IA5String', tags.ia5String, 'a@b'],
    ['NumericString', tags.numericString, '12 3'],
    ['VisibleString', tags.visibleString, 'a~b'],
  ])('%s is read, kept as bytes, and written again as the same type', (_name, tag, value) => {
    const der = of(tag, value);
    const name = parseNameDer(der);
    expect(name.rdns).toEqual([[{ oid: '2.5.4.3', value, tag }]]);
    expect(hex(name.der)).toBe(hex(der));
    expect(hex(encodeName(name.rdns).der)).toBe(hex(der));
  });

  it('chaining compares bytes; subtrees compare as RFC 5280 §7.1', () => {
    const utf8 = parseNameDer(of(tags.utf8String, 'Example  Inc'));
    const printable = parseNameDer(of(tags.printableString, 'EXAMPLE Inc '));
    expect(namesEqual(utf8, printable)).toBe(false);
    expect(namesEqual(utf8, parseNameDer(of(tags.utf8String, 'Example  Inc')))).toBe(true);
    expect(nameIsWithin(utf8, printable)).toBe(true);
    expect(nameIsWithin(parseDistinguishedName('CN=a,O=b'), parseDistinguishedName('O=B'))).toBe(
      true,
    );
    expect(nameIsWithin(parseDistinguishedName('O=b'), parseDistinguishedName('CN=a,O=b'))).toBe(
      false,
    );
    expect(nameIsWithin(parseDistinguishedName('O=b'), emptyName)).toBe(true);
  });

  it('a value that is no string is kept as # and hex, and written back', () => {
    const der = sequence(set(sequence(oid('2.5.4.45'), octetString(Uint8Array.of(1, 2)))));
    const name = parseNameDer(der);
    expect(name.rdns[0]?.[0]).toEqual({ oid: '2.5.4.45', value: '#04020102', tag: 4 });
    expect(hex(encodeName(name.rdns).der)).toBe(hex(der));
  });

  it('refuses to write an empty RDN or a value its type can’t hold', () => {
    expect(() => encodeName([[]])).toThrow(/without an attribute/);
    expect(() => encodeName([[{ oid: '2.5.4.3', value: '@', tag: tags.printableString }]])).toThrow(
      /PrintableString/,
    );
    expect(() => encodeName([[{ oid: '2.5.4.3', value: '#zz', tag: 4 }]])).toThrow(/hex/);
  });
});
