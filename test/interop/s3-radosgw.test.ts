/** The store of published files on a real S3 server: Ceph's gateway, as Debian has it. */
import { createHash } from 'node:crypto';
import { AwsClient } from 'aws4fetch';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { s3Publisher } from '../../src/storage/index.ts';
import type { S3Options } from '../../src/storage/s3-client.ts';
import { startRadosGateway } from '../support/radosgw.ts';

let options: S3Options;
let store: ReturnType<typeof s3Publisher>;
/** The store as another client sees it. */
let client: AwsClient;
const stops: (() => Promise<void>)[] = [];
beforeAll(async () => {
  options = await startRadosGateway((stop) => stops.push(stop));
  store = s3Publisher(options);
  const { accessKeyId, secretAccessKey, region } = options;
  client = new AwsClient({ accessKeyId, secretAccessKey, region, service: 's3' });
}, 120_000);
afterAll(async () => {
  for (const stop of stops) await stop();
}, 60_000);

async function* pieces(count: number, seed = 0): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index += 1) {
    yield await Promise.resolve(new Uint8Array(64 * 1024).fill(index + seed));
  }
}

async function hashOf(chunks: AsyncIterable<Uint8Array> | undefined): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunks ?? []) hash.update(chunk);
  return hash.digest('hex');
}

test('a large file goes in and out in pieces, its type and hash with it', async () => {
  const octets = 200 * 64 * 1024;
  const { version } = await store.publishStream('crl/ab/0.crl', octets, pieces(200));
  const found = await store.open('crl/ab/0.crl');
  expect(found).toMatchObject({ octets, version });
  expect(await hashOf(found?.chunks())).toBe(await hashOf(pieces(200)));
  const answer = await client.fetch(`${options.endpoint}/published/pki/crl/ab/0.crl`, {
    method: 'HEAD',
  });
  expect(answer.headers.get('content-type')).toBe('application/pkix-crl');
  expect(answer.headers.get('x-amz-meta-sha256')).toBe(await hashOf(pieces(200)));
});

test('small files are read back, replaced and listed; nothing of a trial is left', async () => {
  await store.publish('ca/ab.cer', Uint8Array.of(1));
  await store.publish('ca/ab.cer', Uint8Array.of(2, 3));
  expect(await store.read('ca/ab.cer')).toEqual(Uint8Array.of(2, 3));
  expect(await store.read('ca/cd.cer')).toBeUndefined();
  expect(await store.open('ca/cd.cer')).toBeUndefined();
  expect(await store.list('ca')).toEqual(['ca/ab.cer']);
  expect(await store.list('')).toEqual(expect.arrayContaining(['ca/ab.cer', 'crl/ab/0.crl']));
  const all = await client.fetch(`${options.endpoint}/published?list-type=2`);
  expect(await all.text()).not.toContain('.trial-');
});

test('of two writers who expect the same version one succeeds, the other changes nothing', async () => {
  const other = s3Publisher(options);
  const { version } = await store.publishStream('crl/x.crl', 65_536, pieces(1), { version: null });
  await expect(
    store.publishStream('crl/x.crl', 65_536, pieces(1, 5), { version: null }),
  ).rejects.toMatchObject({ code: 'storeConflict' });
  const results = await Promise.allSettled(
    [store, other, store, other].map(async (publisher, index) =>
      publisher.publishStream('crl/x.crl', 65_536, pieces(1, 10 + index), { version }),
    ),
  );
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  const winner = results.findIndex(({ status }) => status === 'fulfilled');
  const found = await store.open('crl/x.crl');
  expect(await hashOf(found?.chunks())).toBe(await hashOf(pieces(1, 10 + winner)));
  other.close();
});

test('no addition of two writers is lost', async () => {
  const add = async (publisher: typeof store): Promise<void> => {
    for (let done = 0; done < 10; ) {
      const before = await publisher.open('number');
      let value = 0;
      try {
        for await (const chunk of before?.chunks() ?? [])
          value = Number(Buffer.from(chunk).toString());
        const content = Buffer.from(String(value + 1));
        const version = before?.version ?? null;
        const chunks = async function* () {
          yield await Promise.resolve(content);
        };
        await publisher.publishStream('number', content.length, chunks(), { version });
        done += 1;
      } catch (error) {
        expect(error).toMatchObject({ code: 'storeConflict' });
      }
    }
  };
  const other = s3Publisher(options);
  await Promise.all([add(store), add(other)]);
  expect(Buffer.from((await store.read('number')) ?? []).toString()).toBe('20');
  other.close();
}, 60_000);

test('a wrong key or bucket is told in one line, without the secret', async () => {
  for (const wrong of [{ secretAccessKey: 'wrong-secret-key' }, { bucket: 'another' }]) {
    const refused = s3Publisher({ ...options, ...wrong });
    const error = await refused.publish('x', Uint8Array.of(1)).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'overloaded' });
    expect(String(error)).toMatch(/403|404/);
    expect(String(error)).not.toContain(wrong.secretAccessKey ?? options.secretAccessKey);
    refused.close();
  }
});
