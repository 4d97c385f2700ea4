import { describe, expect, test } from 'vitest';
import {
  errorCodes,
  issuanceTransitions,
  parseSerialNumber,
  permissions,
  reasonCodeName,
  reasonCodeNumber,
  reasonCodes,
  systemPrincipal,
} from '../../../src/domain/index.ts';

describe('serial numbers as people write them', () => {
  test.each([
    ['1A:2B:3C', '1a2b3c'],
    ['001a2b3c', '1a2b3c'],
    ['0x1A2B3C', '1a2b3c'],
    [' 1a 2b 3c ', '1a2b3c'],
    ['7'.repeat(40), '7'.repeat(40)],
  ])('%s', (text, expected) => {
    expect(parseSerialNumber(text)).toBe(expected);
  });

  test.each(['', '0', '00:00', 'xyz', '-1', '7'.repeat(41), '1a2b%', '1a\u0000'])(
    'refused: %j',
    (text) => {
      expect(() => parseSerialNumber(text)).toThrow(expect.objectContaining({ code: 'malformed' }));
    },
  );
});

describe('words that have numbers', () => {
  test('CRLReason (RFC 5280 §5.3.1) both ways; 7 has no name', () => {
    for (const [name, value] of Object.entries(reasonCodes)) {
      expect(reasonCodeName(value)).toBe(name);
      expect(reasonCodeNumber(name as keyof typeof reasonCodes)).toBe(value);
    }
    for (const value of [7, 11, -1, 1.5]) expect(reasonCodeName(value)).toBeUndefined();
  });
});

describe('what must stay so', () => {
  test('an issuance that is settled stays settled', () => {
    expect(issuanceTransitions.issued).toEqual([]);
    expect(issuanceTransitions.abandoned).toEqual([]);
    expect(issuanceTransitions.prepared).toEqual(['issued', 'abandoned']);
  });

  test('schedules can’t issue, create or read credentials', () => {
    const allowed = [...systemPrincipal.permissions];
    expect(allowed.every((permission) => permissions.includes(permission))).toBe(true);
    expect(
      allowed.filter((permission) => /:(issue|create|enrol)$|^credentials:/.test(permission)),
    ).toEqual([]);
  });

  test('every error code has a class', () => {
    expect(Object.values(errorCodes).every((kind) => kind.length > 0)).toBe(true);
  });
});
