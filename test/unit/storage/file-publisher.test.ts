import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { Publisher } from '../../../src/authority/ports.ts';
import { filePublisher } from '../../../src/storage/index.ts';

const root = mkdtempSync(join(tmpdir(), 'publisher-'));
afterAll(() => rmSync(root, { recursive: true }));

let folder: string;
let publisher: Publisher;
beforeEach(() => {
  folder = mkdtempSync(join(root, 'f-'));
  publisher = filePublisher(join(folder, 'published'));
});

const bytes = (...content: number[]): Uint8Array => Uint8Array.from(content);

describe('a published file', () => {
  test('is read back, replaced whole, and listed', async () => {
    await publisher.publish('crl/a1/0.crl', bytes(1, 2, 3));
    await publisher.publish('ca/a1.cer', bytes(4));
    await publisher.publish('crl/a1/0.crl', bytes(5));
    expect(await publisher.read('crl/a1/0.crl')).toEqual(bytes(5));
    expect(await publisher.list('')).toEqual(['ca/a1.cer', 'crl/a1/0.crl']);
    expect(await publisher.list('crl/')).toEqual(['crl/a1/0.crl']);
    expect(await publisher.list('bundles')).toEqual([]);
    expect(await publisher.read('crl/a1/1.crl')).toBeUndefined();
    expect(await publisher.read('crl/a1')).toBeUndefined();
    expect(readdirSync(join(folder, 'published/crl/a1'))).toEqual(['0.crl']);
  });

  test('written by many at once is one of them, whole', async () => {
    const contents = Array.from({ length: 12 }, (_, index) => new Uint8Array(100_000).fill(index));
    // The comparison after the write may meet another's content; the file is whole all the same.
    await Promise.allSettled(
      contents.map(async (content) => await publisher.publish('x', content)),
    );
    const found = readFileSync(join(folder, 'published/x'));
    expect(contents.some((content) => Buffer.compare(found, content) === 0)).toBe(true);
    expect(readdirSync(join(folder, 'published'))).toEqual(['x']);
  });

  test('is not written through a link that somebody put there', async () => {
    const outside = join(folder, 'outside');
    writeFileSync(outside, 'kept');
    await publisher.publish('x', bytes(1));
    rmSync(join(folder, 'published/x'));
    symlinkSync(outside, join(folder, 'published/x'));
    await publisher.publish('x', bytes(2));
    expect(readFileSync(outside, 'utf8')).toBe('kept');
    expect(await publisher.read('x')).toEqual(bytes(2));
  });

  test('leaves no temporary file of a process that was killed', async () => {
    await publisher.publish('crl/x', bytes(1));
    // No process has this number: Linux numbers end at 2^22.
    const leftover = join(folder, 'published/crl/.x.99999999-1.new');
    writeFileSync(leftover, 'half');
    expect(await publisher.list('')).toEqual(['crl/x']);
    await publisher.publish('crl/x', bytes(2));
    expect(existsSync(leftover)).toBe(false);
  });
});

describe('a path', () => {
  test.each([
    '',
    '/',
    '../x',
    'a/../../x',
    'a//b',
    '/etc/passwd',
    'a/',
    '.x',
    'a/.x',
    'a\\..\\b',
    'a b',
    'a\u0000b',
    'ü',
    'x'.repeat(300),
  ])('%j is refused', async (path) => {
    await expect(publisher.publish(path, bytes(1))).rejects.toMatchObject({
      code: 'invalidArgument',
    });
    await expect(publisher.read(path)).rejects.toMatchObject({ code: 'invalidArgument' });
    expect(existsSync(join(folder, 'published'))).toBe(false);
  });
});
