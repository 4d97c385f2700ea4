import { describe, expect, test } from 'vitest';
import { signingPurposes } from '../../../src/domain/index.ts';
import { fitsPurpose, outerStructure } from '../../../src/hsm/outer-structure.ts';

const structures = {
  certificate: '3005a003020102',
  crl: '3003020101',
  certificationRequest: '3003020100',
  ocspResponse: '3003a2010a',
} as const;

function bytes(hex: string): Uint8Array {
  return Buffer.from(hex, 'hex');
}

describe('what outwardly is one structure is signed under its purpose only', () => {
  for (const [structure, hex] of Object.entries(structures)) {
    test.each(signingPurposes)(`${structure} under %s`, (purpose) => {
      expect(fitsPurpose(purpose, bytes(hex))).toBe(purpose === structure);
    });
  }
});

test('text is signed under the purposes that sign text', () => {
  const text = Buffer.from('origin\n12\nroot hash\n');
  expect(signingPurposes.filter((purpose) => fitsPurpose(purpose, text))).toEqual([
    'checkpoint',
    'trustMetadata',
    'transcript',
    'notice',
    'selfTest',
  ]);
});

test.each([
  ['a length beyond the end', '3006a003020102'],
  ['trailing octets', '3005a00302010200'],
  ['no octets', ''],
  ['an absurd length', '3089ffffffffffffffffff'],
  ['version 1, which Chancery never signs', '3003020102'],
])('%s is no structure', (_, hex) => {
  expect(outerStructure(bytes(hex))).toBeUndefined();
});

test('a long form of length is read', () => {
  const content = Buffer.concat([bytes('a003020102'), Buffer.alloc(300)]);
  expect(outerStructure(Buffer.concat([bytes('30820131'), content]))).toBe('certificate');
});
