import { describe, expect, it } from 'vitest';
import { decodePem, encodePem } from '../../../src/pkix/index.ts';

const der = Uint8Array.from({ length: 100 }, (_value, i) => i);
const pem = encodePem('CERTIFICATE', der);
const malformed = expect.objectContaining({ code: 'malformed' });

describe('RFC 7468: textual encodings', () => {
  it('has lines of 64 characters and a final newline', () => {
    const lines = pem.split('\n');
    expect(lines[0]).toBe('-----BEGIN CERTIFICATE-----');
    expect(lines.slice(1, 3).map((line) => line.length)).toEqual([64, 64]);
    expect(pem.endsWith('-----END CERTIFICATE-----\n')).toBe(true);
  });

  it('is read back, in order, with any line ends and line lengths', () => {
    const two = pem + encodePem('X509 CRL', Uint8Array.of(1));
    for (const text of [
      two,
      two.replaceAll('\n', '\r\n'),
      two.replaceAll('\n', '\r'),
      `\uFEFF${two}`,
      two.replaceAll('\n', ' \n\n'),
    ]) {
      expect(decodePem(text)).toEqual([
        { label: 'CERTIFICATE', der },
        { label: 'X509 CRL', der: Uint8Array.of(1) },
      ]);
    }
    const oneLine = `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----`;
    expect(decodePem(oneLine)[0]?.der).toEqual(der);
  });

  it('picks the blocks of a label and asks for at least one', () => {
    const both = encodePem('PRIVATE KEY', Uint8Array.of(1)) + pem;
    expect(decodePem(both, 'CERTIFICATE')).toHaveLength(1);
    expect(() => decodePem(both, 'X509 CRL')).toThrow(
      /no block labelled X509 CRL in it, only PRIVATE KEY, CERTIFICATE/,
    );
  });

  it('keytool’s NEW CERTIFICATE REQUEST is a CERTIFICATE REQUEST', () => {
    expect(
      decodePem(encodePem('NEW CERTIFICATE REQUEST', der), 'CERTIFICATE REQUEST'),
    ).toHaveLength(1);
  });

  it('text around blocks only when told', () => {
    const chatty = `subject=CN = a\n${pem}that was it\n`;
    expect(() => decodePem(chatty)).toThrow(malformed);
    expect(decodePem(chatty, undefined, { surroundingText: true })).toHaveLength(1);
  });

  it.each([
    ['nothing', ''],
    ['text alone', 'hello'],
    ['an end without beginning', '-----END A-----\n'],
    ['a beginning without end', '-----BEGIN A-----\nAQ==\n'],
    ['two beginnings', '-----BEGIN A-----\n-----BEGIN A-----\nAQ==\n-----END A-----\n'],
    ['another label at the end', '-----BEGIN A-----\nAQ==\n-----END B-----\n'],
    ['an empty block', '-----BEGIN A-----\n-----END A-----\n'],
    ['padding in the middle', '-----BEGIN A-----\nAQ==AQ==\n-----END A-----\n'],
    ['no padding', '-----BEGIN A-----\nAQ\n-----END A-----\n'],
    ['stray bits', '-----BEGIN A-----\nAR==\n-----END A-----\n'],
    ['base64url', '-----BEGIN A-----\n-_-_\n-----END A-----\n'],
    [
      'headers of an encrypted key',
      '-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nAQ==\n-----END A-----\n',
    ],
    ['a NUL', '-----BEGIN A-----\nAQ\0=\n-----END A-----\n'],
  ])('refuses %s', (_what, text) => {
    expect(() => decodePem(text)).toThrow(malformed);
  });

  it('a megabyte of almost-boundaries takes no time', () => {
    const started = performance.now();
    expect(() => decodePem(`-----BEGIN ${'A '.repeat(500_000)}`)).toThrow(malformed);
    expect(() => decodePem(`-----BEGIN ${'-'.repeat(1_000_000)}`)).toThrow(malformed);
    expect(() => decodePem('-----BEGIN A-----\n'.repeat(50_000))).toThrow(malformed);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
