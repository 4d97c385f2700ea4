import { describe, expect, it } from 'vitest';
import { auditRecord, canonicalize } from '../../../src/audit/index.ts';

const act = {
  tenant: 'default',
  at: new Date('2030-01-02T03:04:05.678Z'),
  principal: { id: 'p1', name: 'ops' },
  act: 'certificate.hold',
  outcome: 'done',
  object: 'ab/01',
} as const;

describe('auditRecord', () => {
  it('carries canonical bytes of all its members and of nothing else', () => {
    const record = auditRecord({ ...act, details: { until: new Date(0), cause: 'other' } });
    expect(Buffer.from(record.canonical).toString()).toBe(
      '{"act":"certificate.hold","at":"2030-01-02T03:04:05.678Z","details":{"cause":"other",' +
        '"until":"1970-01-01T00:00:00.000Z"},"object":"ab/01","outcome":"done",' +
        '"principalId":"p1","principalName":"ops","tenant":"default"}',
    );
  });

  it('gives the same bytes again from what a store gives back', () => {
    const { canonical, ...members } = auditRecord({
      ...act,
      details: { n: 5n, octets: Uint8Array.of(1), nested: { list: ['a', 1, null, true] } },
    });
    const stored = JSON.parse(JSON.stringify(members)) as Record<string, unknown>;
    expect(canonicalize(stored)).toBe(Buffer.from(canonical).toString());
  });

  it('records hostile text instead of failing on it (NUL, lone surrogates)', () => {
    const record = auditRecord({
      ...act,
      object: 'a\u0000b',
      principal: { id: 'p', name: '\uD800' },
      details: { 'k\u0000': ['\uDFFF'], set: new Set(['x\u0000']) },
    });
    expect(record.object).toBe('a\uFFFDb');
    expect(record.principalName).toBe('\uFFFD');
    expect(record.details).toEqual({ 'k\uFFFD': ['\uFFFD'], set: ['x\uFFFD'] });
  });

  it('keeps a member named __proto__ as data', () => {
    const details = JSON.parse('{"__proto__":{"administrator":true}}') as Record<string, unknown>;
    const record = auditRecord({ ...act, details });
    expect(Buffer.from(record.canonical).toString()).toContain(
      '"__proto__":{"administrator":true}',
    );
    expect((record.details as { administrator?: boolean }).administrator).toBeUndefined();
  });
});
