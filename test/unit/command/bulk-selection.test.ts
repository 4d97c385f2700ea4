import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { selectionOf } from '../../../scripts/command/bulk-selection.ts';

const folder = mkdtempSync(join(tmpdir(), 'chancery-selection-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(content: string): string {
  const name = join(folder, 'serials');
  writeFileSync(name, content);
  return name;
}

describe('which certificates a command meets', () => {
  test('one serial number is the single act, unless it is a dry run', () => {
    expect(selectionOf(['1A'], {})).toEqual({ kind: 'one', serialNumber: '1A' });
    expect(selectionOf(['1A'], { dryRun: true })).toMatchObject({ kind: 'many' });
    expect(selectionOf(['1', '2'], { issuer: 'a' })).toEqual({
      kind: 'many',
      body: { serialNumbers: ['1', '2'], issuer: 'a' },
    });
  });

  test('a file has one a line: hex in any case, colons, leading zeros, comments, CRLF, each once', () => {
    const from = file('# list\r\n00:AB:cd # one\r\n\r\nabcd\nserial=0F\n  0x10\n');
    expect(selectionOf([], { from })).toMatchObject({
      body: { serialNumbers: ['abcd', 'f', '10'] },
    });
  });

  test('a line that is no serial number is named, and nothing is done', () => {
    expect(() => selectionOf([], { from: file('1\nhello\n') })).toThrow(/serials:2: .*not 1 to 20/);
    expect(() => selectionOf([], { from: file('# none\n') })).toThrow(/holds no serial number/);
    const many = Array.from({ length: 100_001 }, (_, index) => (index + 1).toString(16));
    expect(() => selectionOf([], { from: file(many.join('\n')) })).toThrow(/at most 100000/);
  });

  test('filters need --where, and --where a filter', () => {
    expect(() => selectionOf([], { owner: 'a' })).toThrow(/one way/);
    expect(() => selectionOf(['1'], { owner: 'a' })).toThrow(/filters go with --where/);
    expect(() => selectionOf([], { where: true })).toThrow(/every certificate/);
    expect(() => selectionOf(['1'], { where: true, owner: 'a' })).toThrow(/one way/);
    expect(selectionOf([], { where: true, owner: 'a', issuer: 'i' })).toEqual({
      kind: 'many',
      body: { query: { owner: 'a', issuer: 'i' } },
    });
  });

  test('where owner and notes are what is written, the filters have other names', () => {
    const options = { where: true, owner: 'new', whereOwner: 'old', notes: 'x' };
    expect(selectionOf([], options, 'prefixed')).toMatchObject({
      body: { query: { owner: 'old' } },
    });
  });
});
