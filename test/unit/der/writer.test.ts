import { describe, expect, it } from 'vitest';
import * as der from '../../../src/der/index.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('writing DER', () => {
  it('lengths are minimal at every boundary', () => {
    for (const [length, header] of [
      [0, '0400'],
      [127, '047f'],
      [128, '048180'],
      [255, '0481ff'],
      [256, '04820100'],
      [65_535, '0482ffff'],
      [65_536, '0483010000'],
    ] as const) {
      expect(hex(der.header(der.tags.octetString, length))).toBe(header);
      const encoded = der.octetString(new Uint8Array(length));
      expect(hex(encoded.subarray(0, header.length / 2))).toBe(header);
      expect(encoded.length).toBe(length + header.length / 2);
    }
    expect(hex(der.header(0x30, 0xffff_ffff))).toBe('3084ffffffff');
    expect(() => der.header(0x30, 0x1_0000_0000)).toThrow(der.DerError);
  });

  it('integers are minimal two’s complement', () => {
    expect(hex(der.integer(0))).toBe('020100');
    expect(hex(der.integer(127))).toBe('02017f');
    expect(hex(der.integer(128))).toBe('02020080');
    expect(hex(der.integer(-128))).toBe('020180');
    expect(hex(der.integer(-129))).toBe('0202ff7f');
    expect(hex(der.integer(2n ** 64n))).toBe('0209010000000000000000');
  });

  it('octets as an integer are an unsigned magnitude', () => {
    expect(hex(der.integer(Uint8Array.of(0, 0, 0x80)))).toBe('02020080');
    expect(hex(der.integer(Uint8Array.of(0, 0x7f)))).toBe('02017f');
    expect(hex(der.integer(new Uint8Array(0)))).toBe('020100');
    expect(hex(der.integer(Uint8Array.of(0, 0)))).toBe('020100');
  });

  it('sorts a SET OF and leaves a SEQUENCE alone', () => {
    const [a, b, c] = [der.integer(1), der.integer(300), der.nullValue()];
    expect(hex(der.setOf([c, b, a]))).toBe('31090201010202012c0500');
    expect(hex(der.sequence(c, a))).toBe('30050500020101');
  });

  it('cuts trailing zero bits of named bits (X.690 §11.2.2)', () => {
    expect(hex(der.namedBits([0]))).toBe('03020780');
    expect(hex(der.namedBits([5, 6]))).toBe('03020106');
    expect(hex(der.namedBits([8]))).toBe('0303070080');
    expect(hex(der.namedBits([]))).toBe('030100');
  });

  it('refuses unused bits that are not zero', () => {
    expect(() => der.bitString(Uint8Array.of(0xff), 1)).toThrow(der.DerError);
    expect(() => der.bitString(new Uint8Array(0), 1)).toThrow(der.DerError);
  });

  it('switches from UTCTime to GeneralizedTime at 2050 (X2)', () => {
    const text = (date: string): string =>
      Buffer.from(der.time(new Date(date)).subarray(2)).toString('latin1');
    expect(text('2049-12-31T23:59:59.999Z')).toBe('491231235959Z');
    expect(text('2050-01-01T00:00:00Z')).toBe('20500101000000Z');
    expect(text('1950-01-01T00:00:00Z')).toBe('500101000000Z');
    expect(text('1949-12-31T23:59:59Z')).toBe('19491231235959Z');
    expect(text('9999-12-31T23:59:59Z')).toBe('99991231235959Z');
    expect(text('2000-02-29T12:00:00Z')).toBe('000229120000Z');
  });

  it('refuses times that neither type holds', () => {
    expect(() => der.generalizedTime(new Date(Number.NaN))).toThrow(der.DerError);
    expect(() => der.generalizedTime(new Date('+010000-01-01T00:00:00Z'))).toThrow(der.DerError);
    expect(() => der.utcTime(new Date('2050-01-01T00:00:00Z'))).toThrow(der.DerError);
  });

  it('refuses OIDs that are none', () => {
    for (const bad of [
      '',
      '1',
      '3.1',
      '1.40',
      '1.2.',
      '1.02',
      '1.-2',
      'a.b',
      '1.2.3 ',
      `1.2.${'9'.repeat(700)}`,
    ]) {
      expect(() => der.oid(bad), bad).toThrow(der.DerError);
    }
    expect(hex(der.oid('2.999.3'))).toBe('0603883703');
    expect(hex(der.oid('0.39'))).toBe('060127');
  });

  it('refuses text that the string type can’t hold', () => {
    expect(() => der.printableString('a@b')).toThrow(der.DerError);
    expect(() => der.ia5String('é')).toThrow(der.DerError);
    expect(() => der.utf8String('\ud800')).toThrow(der.DerError);
    expect(() => der.characterString(der.tags.bmpString, '😀')).toThrow(der.DerError);
    expect(() => der.characterString(der.tags.t61String, '€')).toThrow(der.DerError);
    expect(() => der.characterString(der.tags.octetString, 'a')).toThrow(der.DerError);
  });

  it('renders a tree as the same octets as nested elements', () => {
    const leaf = der.octetString(new Uint8Array(200));
    const tree = der.node(0x30, der.integer(1), der.node(0xa0, der.node(0x30, leaf)));
    expect(hex(der.render(tree))).toBe(
      hex(der.sequence(der.integer(1), der.explicit(0, der.sequence(leaf)))),
    );
    expect(tree.length).toBe(der.render(tree).length);
  });

  it('retags an implicit element and keeps its form', () => {
    expect(hex(der.implicit(1, der.sequence()))).toBe('a100');
    expect(hex(der.implicit(1, der.nullValue()))).toBe('8100');
  });
});
