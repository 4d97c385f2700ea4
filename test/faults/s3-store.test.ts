/** Faults of an S3-compatible store: what was published stands, or the new one does; never neither. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { filePublisher, s3Publisher } from '../../src/storage/index.ts';
import { readThrough } from '../../src/storage/read-through.ts';
import type { S3Options } from '../../src/storage/s3-client.ts';
import { type Fault, S3Server } from '../support/s3-server.ts';

let server: S3Server;
let options: S3Options;
let store: ReturnType<typeof s3Publisher>;
beforeEach(async () => {
  server = new S3Server();
  options = await server.start();
  store = s3Publisher(options);
});

const octets = (text: string): Uint8Array => Buffer.from(text);
async function* chunksOf(text: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(octets(text));
}
const version = async (): Promise<string | null> => (await store.open('x'))?.version ?? null;

/** The fault for the first so many PUTs of x. */
function failing(times: number, fault: Fault): void {
  let left = times;
  server.fault = (method, path) => {
    if (method !== 'PUT' || path !== 'x' || left === 0) return undefined;
    left -= 1;
    return fault;
  };
}

describe.each<[string, Fault]>([
  ['a connection cut in the middle', { kind: 'cut' }],
  ['a lost answer', { kind: 'lostAnswer' }],
  ['503 SlowDown', { kind: 'answer', status: 503, code: 'SlowDown' }],
  ['500', { kind: 'answer', status: 500, code: 'InternalError' }],
  ['409', { kind: 'answer', status: 409, code: 'ConditionalRequestConflict' }],
])('%s', (_, fault) => {
  test('is tried again, and the new file stands', async () => {
    await store.publish('x', octets('old'));
    failing(2, fault);
    await store.publishStream('x', 3, chunksOf('new'), { version: await version() });
    expect(server.text('x')).toBe('new');
    failing(2, fault);
    await store.publishStream('x', 5, chunksOf('third'));
    expect(server.text('x')).toBe('third');
  });

  test('does not replace what another writer put there meanwhile', async () => {
    await store.publish('x', octets('old'));
    const before = await version();
    server.fault = (method, path) => {
      if (method !== 'PUT' || path !== 'x') return undefined;
      if (fault.kind !== 'lostAnswer') server.put('x', 'newer');
      // Ours arrives and is replaced at once; its answer is lost.
      else setImmediate(() => server.put('x', 'newer'));
      server.fault = () => undefined;
      return fault;
    };
    await expect(
      store.publishStream('x', 3, chunksOf('new'), { version: before }),
    ).rejects.toMatchObject({ code: 'storeConflict' });
    expect(server.text('x')).toBe('newer');
  });
});

test('a store that stays away: the error says which, the old file stands, no secret is told', async () => {
  await store.publish('x', octets('old'));
  failing(99, { kind: 'answer', status: 503, code: 'SlowDown' });
  const error = await store.publish('x', octets('new')).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: 'overloaded', retryAfter: 30 });
  expect(String(error)).toContain('503 SlowDown');
  expect(String(error)).not.toContain(options.secretAccessKey);
  expect(server.text('x')).toBe('old');
});

test('a refusal is not tried again', async () => {
  await store.publish('x', octets('old'));
  failing(99, { kind: 'answer', status: 403, code: 'AccessDenied' });
  const before = server.requests.length;
  await expect(store.publish('x', octets('new'))).rejects.toMatchObject({ code: 'overloaded' });
  expect(server.requests.slice(before).filter((line) => line.startsWith('PUT'))).toHaveLength(1);
});

test('what reads differently from what was written is found, whatever the ETag says', async () => {
  failing(1, { kind: 'damage' });
  await expect(store.publish('x', octets('new'))).rejects.toMatchObject({ code: 'internal' });
});

test('one ETag for two contents is found: such a store protects nothing', async () => {
  await store.publish('x', octets('old'));
  server.tagOf = () => server.objects.get('/b/pki/x')?.tag ?? '';
  await expect(store.publish('x', octets('new'))).rejects.toThrow('same ETag');
});

test('a store that ignores conditions is refused before anything is written', async () => {
  server.honoursConditions = false;
  await expect(store.publish('x', octets('new'))).rejects.toMatchObject({ code: 'configuration' });
  expect(server.text('x')).toBeUndefined();
});

test('a reader never gets two versions mixed, nor half a file', async () => {
  await store.publish('x', octets('old'));
  const found = await store.open('x');
  server.put('x', 'new');
  const read = async (): Promise<void> => {
    for await (const chunk of found?.chunks() ?? []) expect(chunk.length).toBeGreaterThan(0);
  };
  await expect(read()).rejects.toMatchObject({ code: 'storeConflict' });
  server.fault = (method) => (method === 'GET' ? { kind: 'cut' } : undefined);
  await expect(store.read('x')).rejects.toMatchObject({ code: 'overloaded' });
});

describe('the copies that a node serves', () => {
  const textOf = async (served: ReturnType<typeof readThrough>): Promise<string | undefined> => {
    const found = await served.open('x');
    const parts: Uint8Array[] = [];
    for await (const part of found?.chunks() ?? []) parts.push(part);
    return found && Buffer.concat(parts).toString();
  };
  const copies = (): string => mkdtempSync(join(options.spoolFolder, 'served-'));
  const downloads = (): number => server.requests.filter((line) => line === 'GET /b/pki/x').length;

  test('follow what another node published, with one download a version', async () => {
    const nodes = [copies(), copies()].map((at) => readThrough(store, filePublisher(at)));
    await store.publish('x', octets('old'));
    const before = downloads();
    for (let times = 0; times < 5; times += 1) {
      for (const node of nodes) expect(await textOf(node)).toBe('old');
    }
    expect(downloads() - before).toBe(2);
    await s3Publisher(options).publish('x', octets('new'));
    for (const node of nodes) {
      await vi.waitUntil(async () => (await textOf(node)) === 'new', { timeout: 20_000 });
    }
    await expect(nodes[0]?.open('y')).resolves.toBeUndefined();
  });

  test('are served while the store is away, also after a restart', async () => {
    const at = copies();
    await store.publish('x', octets('old'));
    expect(await textOf(readThrough(store, filePublisher(at)))).toBe('old');
    server.fault = () => ({ kind: 'cut' });
    expect(await textOf(readThrough(store, filePublisher(at)))).toBe('old');
    const none = readThrough(store, filePublisher(copies()));
    await expect(none.open('x')).rejects.toMatchObject({ code: 'overloaded' });
    rmSync(at, { recursive: true });
  });
});
