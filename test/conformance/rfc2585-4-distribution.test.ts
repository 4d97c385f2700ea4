/** C24, RFC 2585 §4 and RFC 9110: CRLs and CA certificates over HTTP, as curl sees them. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuthorityContext } from '../../src/authority/context.ts';
import { distributionUseCases } from '../../src/authority/distribution.ts';
import { filePublisher } from '../../src/storage/index.ts';
import { crlIssuer } from '../support/crl-issuer.ts';
import { type Edge, startEdge } from '../unit/http/edge.ts';

const folder = mkdtempSync(join(tmpdir(), 'chancery-distribution-'));
const published = join(folder, 'published');
const store = filePublisher(published);
const id = 'ab'.repeat(20);
const thisUpdate = new Date('2026-11-21T12:00:00Z');
const nextUpdate = new Date('2026-11-22T12:00:00Z');
let now = new Date('2026-11-21T13:00:00Z');
const clock = { now: () => now };
let edge: Edge;

/** An element whose content is as long as said. */
function header(tag: number, length: number): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(length);
  return Buffer.concat([Buffer.of(tag, 0x84), size]);
}

/** The outside of a CRL of this many octets, whose entries are zeros. */
function largeCrl(octets: number): Buffer {
  const times = ['261121120000Z', '261122120000Z'].map((time) =>
    Buffer.concat([Buffer.of(0x17, 13), Buffer.from(time)]),
  );
  const start = Buffer.concat([
    Buffer.of(0x02, 1, 1),
    Buffer.of(0x30, 2, 0x05, 0),
    Buffer.of(0x30, 0),
    ...times,
  ]);
  const rest = octets - 12 - start.length - 4;
  return Buffer.concat([
    header(0x30, octets - 6),
    header(0x30, start.length + rest),
    start,
    Buffer.alloc(rest),
    Buffer.of(0x03, 2, 0, 0),
  ]);
}

const large = largeCrl(40_000_000);
let small: Uint8Array;

beforeAll(async () => {
  small = await crlIssuer().publish({ thisUpdate, nextUpdate });
  await store.publish(`crl/${id}/0.crl`, small);
  await store.publish(`crl/${id}/0-delta.crl`, small);
  await store.publish(`crl/${id}/1.crl`, large);
  await store.publish(`ca/${id}.cer`, Buffer.from('a certificate'));
  const dependencies = { servedFiles: store, clock };
  const cases = distributionUseCases({ dependencies } as unknown as AuthorityContext);
  edge = await startEdge({ clock, overrides: { publishedFile: cases.publishedFile } });
});
afterAll(async () => {
  await edge.close();
  rmSync(folder, { recursive: true, force: true });
});

const url = (path: string): string => `http://127.0.0.1:${edge.httpPort}${path}`;

/** Status, headers in lower case, and what was written to the file. */
async function curl(path: string, ...parameters: string[]) {
  const file = join(folder, 'out');
  rmSync(file, { force: true });
  const all = ['-sS', '-D', '-', '-o', file, ...parameters, url(path)];
  const { stdout } = await promisify(execFile)('curl', all);
  const [first = '', ...rest] = stdout.trim().split('\r\n');
  const headers = Object.fromEntries(
    rest.map((line) => {
      const at = line.indexOf(':');
      return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
    }),
  );
  return { status: Number(first.split(' ')[1]), headers, file };
}

describe('C24: a CRL over HTTP', () => {
  test.each([
    ['complete', `/crl/${id}/0.crl`, () => small],
    ['delta', `/crl/${id}/0-delta.crl`, () => small],
    ['of 40 MB', `/crl/${id}/1.crl`, () => large],
  ])('%s: octets, type, length and times are those of the CRL', async (_, path, contentOf) => {
    const content = contentOf();
    const { status, headers, file } = await curl(path);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'application/pkix-crl',
      'content-length': String(content.length),
      'last-modified': thisUpdate.toUTCString(),
      expires: nextUpdate.toUTCString(),
      etag: `"${createHash('sha256').update(content).digest('hex')}"`,
      'cache-control': 'public, max-age=60, must-revalidate, no-transform',
    });
    expect(headers['transfer-encoding']).toBeUndefined();
    expect(statSync(file).size).toBe(content.length);
  });

  test('HEAD has the same headers and no body', async () => {
    const path = `/crl/${id}/1.crl`;
    const [whole, head] = [await curl(path), await curl(path, '-I')];
    expect(head.status).toBe(200);
    const { date, 'x-request-id': request, ...wanted } = whole.headers;
    expect([date, request]).not.toContain(undefined);
    expect(head.headers).toMatchObject(wanted);
  });

  test('curl asks again with ETag and time, and gets 304', async () => {
    const tags = join(folder, 'tags');
    const path = `/crl/${id}/1.crl`;
    expect((await curl(path, '--etag-save', tags)).status).toBe(200);
    const again = await curl(path, '--etag-compare', tags);
    expect(again.status).toBe(304);
    expect(again.headers['content-length']).toBeUndefined();
    expect(again.headers['expires']).toBe(nextUpdate.toUTCString());
    expect((await curl(path, '-z', thisUpdate.toUTCString())).status).toBe(304);
    expect((await curl(path, '-z', '2026-11-20')).status).toBe(200);
  });

  test('a range is answered with the whole', async () => {
    const { status, headers } = await curl(`/crl/${id}/0.crl`, '-r', '0-9');
    expect(status).toBe(200);
    expect(headers['accept-ranges']).toBe('none');
    expect(headers['content-length']).toBe(String(small.length));
  });

  test('no cache may keep it past nextUpdate', async () => {
    now = new Date(nextUpdate.getTime() - 20_000);
    expect((await curl(`/crl/${id}/0.crl`)).headers['cache-control']).toMatch(/max-age=19,/);
    now = new Date(nextUpdate.getTime() + 1000);
    expect((await curl(`/crl/${id}/0.crl`)).headers['cache-control']).toMatch(/max-age=0,/);
    now = new Date('2026-11-21T13:00:00Z');
  });
});

test('a CA certificate has its type', async () => {
  const { status, headers } = await curl(`/ca/${id}.cer`);
  expect(status).toBe(200);
  expect(headers['content-type']).toBe('application/pkix-cert');
});

test('40 MB to 30 clients who read slowly need memory for a few pieces each, not for the file', async () => {
  const before = process.memoryUsage().arrayBuffers;
  const answers = await Promise.all(
    Array.from(
      { length: 30 },
      async () =>
        new Promise<IncomingMessage>((resolve, reject) => {
          get(url(`/crl/${id}/1.crl`), { agent: false }, resolve).once('error', reject);
        }),
    ),
  );
  // All are under way and none has read anything: 30 times 40 MB would be 1.2 GB.
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000_000);
  const [first, ...others] = answers;
  for (const answer of others) answer.destroy();
  const hash = createHash('sha256');
  for await (const chunk of first ?? []) hash.update(chunk as Uint8Array);
  expect(hash.digest('hex')).toBe(createHash('sha256').update(large).digest('hex'));
});

test('a reader who began before a new CRL came gets the old one whole', async () => {
  const path = `crl/${id}/2.crl`;
  await store.publish(path, large);
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url(`/${path}`), { agent: false }, resolve).once('error', reject);
  });
  await store.publish(path, small);
  let octets = 0;
  for await (const chunk of answer) octets += (chunk as Uint8Array).length;
  expect(octets).toBe(large.length);
});

describe('T-DISK-3: a damaged file is not served', () => {
  test.each([
    ['empty', 0],
    ['cut in the head', 20],
    ['cut in the middle', 20_000_000],
    ['one octet short', 39_999_999],
  ])('%s', async (_, length) => {
    const file = join(published, 'crl', id, '3.crl');
    writeFileSync(file, large);
    truncateSync(file, length);
    const { status, headers } = await curl(`/crl/${id}/3.crl`);
    expect(status).toBe(503);
    expect(headers['etag']).toBeUndefined();
    now = new Date(now.getTime() + 1000);
  });

  test('a small one with a flipped bit in its structure', async () => {
    const broken = Buffer.from(small);
    const at = broken.indexOf(Buffer.from('261121120000Z'));
    broken[at - 1] = 12;
    writeFileSync(join(published, 'crl', id, '4.crl'), broken);
    expect((await curl(`/crl/${id}/4.crl`)).status).toBe(503);
  });

  test.each([
    `/crl/${id}/9.crl`,
    `/crl/${id}/0-other.crl`,
    `/crl/${id}/..%2f0.crl`,
    '/crl/x/0.crl',
  ])('%s does not exist', async (path) => {
    expect((await curl(path, '--path-as-is')).status).toBe(404);
  });
});
