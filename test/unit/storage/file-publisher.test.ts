import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { Publisher } from '../../../src/authority/ports.ts';
import { withFileLock } from '../../../src/storage/file-lock.ts';
import { filePublisher } from '../../../src/storage/index.ts';

const root = mkdtempSync(join(tmpdir(), 'publisher-'));
afterAll(() => rmSync(root, { recursive: true }));

let folder: string;
let publisher: Publisher;
beforeEach(() => {
  folder = mkdtempSync(join(root, 'f-'));
  publisher = filePublisher(join(folder, 'published'));
});

const contest = join(import.meta.dirname, '../../support/publish-contest.ts');

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
    await Promise.all(contents.map(async (content) => await publisher.publish('x', content)));
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

  test('what another host or container is writing stays, until it must be left over', async () => {
    await publisher.publish('crl/y', bytes(1));
    const [writing, left] = ['1-1-0badc0de', '1-2-0badc0de'].map((name) =>
      join(folder, `published/crl/.x.${name}.new`),
    ) as [string, string];
    for (const file of [writing, left]) writeFileSync(file, 'half');
    utimesSync(left, new Date(0), new Date(0));
    await publisher.publish('crl/x', bytes(1));
    expect([existsSync(writing), existsSync(left)]).toEqual([true, false]);
  });

  test('who was stopped while it held the lock removes no other’s', async () => {
    const lock = join(folder, 'a.lock');
    await withFileLock(lock, async () => {
      writeFileSync(lock, JSON.stringify({ token: 'another', place: 'elsewhere', pid: 1 }));
      return Promise.resolve();
    });
    expect(readFileSync(lock, 'utf8')).toContain('another');
  });
});

async function* pieces(count: number, size = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index += 1) {
    yield await Promise.resolve(new Uint8Array(size).fill(index));
  }
}

async function collect(chunks: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  const found: Uint8Array[] = [];
  for await (const chunk of chunks ?? []) found.push(chunk);
  return Buffer.concat(found);
}

describe('a large file', () => {
  test('goes in and out in pieces, and its version tells it from the next', async () => {
    const octets = 20 * 64 * 1024;
    const { version } = await publisher.publishStream('crl/0.crl', octets, pieces(20));
    const first = await publisher.open('crl/0.crl');
    expect(first).toMatchObject({ octets, version });
    expect(await collect(first?.chunks())).toEqual(await collect(pieces(20)));
    expect(await collect(first?.chunks())).toHaveLength(octets);
    await publisher.publish('crl/0.crl', bytes(1));
    expect((await publisher.open('crl/0.crl'))?.version).not.toBe(version);
    // Never two versions in one answer.
    await expect(collect(first?.chunks())).rejects.toMatchObject({ code: 'storeConflict' });
    expect(await publisher.open('crl/1.crl')).toBeUndefined();
    expect(await publisher.open('crl')).toBeUndefined();
  });

  test.each([19, 21])('of another length than said changes nothing (%i pieces)', async (count) => {
    await publisher.publish('x', bytes(1));
    await expect(publisher.publishStream('x', 20 * 65_536, pieces(count))).rejects.toMatchObject({
      code: 'internal',
    });
    expect(await publisher.read('x')).toEqual(bytes(1));
    expect(readdirSync(join(folder, 'published'))).toEqual(['x']);
  });

  test('that breaks off in the middle changes nothing', async () => {
    await publisher.publish('x', bytes(1));
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield* pieces(3);
      throw new Error('the database went away');
    }
    await expect(publisher.publishStream('x', 20 * 65_536, broken())).rejects.toThrow('went away');
    expect(await publisher.read('x')).toEqual(bytes(1));
    expect(readdirSync(join(folder, 'published'))).toEqual(['x']);
  });
});

describe('an expected version', () => {
  test('that does not stand there any more changes nothing', async () => {
    const one = (value: number) => pieces(1, value);
    await expect(
      publisher.publishStream('x', 3, one(3), { version: 'other' }),
    ).rejects.toMatchObject({ code: 'storeConflict' });
    const { version } = await publisher.publishStream('x', 3, one(3), { version: null });
    await expect(publisher.publishStream('x', 4, one(4), { version: null })).rejects.toMatchObject({
      code: 'storeConflict',
    });
    await publisher.publishStream('x', 5, one(5), { version });
    await expect(publisher.publishStream('x', 6, one(6), { version })).rejects.toMatchObject({
      code: 'storeConflict',
    });
    expect((await publisher.open('x'))?.octets).toBe(5);
    expect(readdirSync(join(folder, 'published'))).toEqual(['x']);
  });

  test('is respected by several processes: no addition is lost', async () => {
    const run = promisify(execFile);
    const target = join(folder, 'published');
    await Promise.all([1, 2].map(async () => run(process.execPath, [contest, target, '20'])));
    expect(Buffer.from((await publisher.read('number')) ?? []).toString()).toBe('40');
    expect(readdirSync(target)).toEqual(['number']);
  }, 60_000);

  test('a lock of a process that was killed is taken over, by one of many', async () => {
    const target = join(folder, 'published');
    await publisher.publish('number', Buffer.from('0'));
    const holder = spawn(process.execPath, [contest, target, 'hold']);
    await once(holder.stdout, 'data');
    expect(existsSync(join(target, '.number.lock'))).toBe(true);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    const run = promisify(execFile);
    await Promise.all([1, 2].map(async () => run(process.execPath, [contest, target, '5'])));
    expect(Buffer.from((await publisher.read('number')) ?? []).toString()).toBe('10');
    expect(readdirSync(target)).toEqual(['number']);
  }, 60_000);
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
