/** RFC 8555 §7.1 resources, §7.1.1 directory, §7.1.2.1 orders list, §10.5 unguessable URLs (A12, A13, A25, I10). */
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  type Directory,
  expectProblem,
  headerOf,
  json,
  links,
  type Order,
} from '../support/acme-client.ts';
import { csr } from '../support/acme-csr.ts';
import { acmeUnderTest } from '../support/acme-under-test.ts';

const under = await acmeUnderTest('acme-7-1');
const client = under.client();

beforeAll(async () => {
  await client.register();
});

describe('§7.1.1 directory', () => {
  it('A13: every field is a URL of its own, below the configured base', async () => {
    const answer = await client.transport({ method: 'GET', url: client.directoryUrl });
    expect(answer.status).toBe(200);
    expect(headerOf(answer, 'content-type')).toMatch(/^application\/json/);
    const { meta, ...directory } = json<Directory>(answer);
    const names = ['newNonce', 'newAccount', 'newOrder', 'newAuthz', 'revokeCert', 'keyChange'];
    expect(Object.keys(directory).toSorted()).toEqual([...names, 'renewalInfo'].toSorted());
    const urls = Object.values(directory);
    expect(new Set([...urls, client.directoryUrl]).size).toBe(8);
    for (const url of urls) expect(url).toMatch(/^https:\/\/[^/]+\/acme\/default\/[a-z-]+$/);
    expect(meta?.externalAccountRequired ?? false).toBe(false);
  });

  it('A13: the default directory stands under a second address, with the URLs of its own', async () => {
    const named = await client.transport({ method: 'GET', url: client.directoryUrl });
    const url = client.directoryUrl.replace('/default/', '/');
    expect(json(await client.transport({ method: 'GET', url }))).toEqual(json(named));
  });

  it('A18: a directory that wants external accounts says so; one with terms or a website names them', async () => {
    const { meta } = await under.client('eab').directory();
    expect(meta?.externalAccountRequired).toBe(true);
    const terms = (await under.client('terms').directory()).meta;
    expect(terms?.termsOfService).toBe('https://pki.example.test/terms/2');
    expect(terms?.website).toBe('https://pki.example.test/');
  });

  it('a directory that does not exist is 404', async () => {
    const answer = await under.transport({
      method: 'GET',
      url: client.directoryUrl.replace('/default/', '/none/'),
    });
    expect(answer.status).toBe(404);
    expect(headerOf(answer, 'content-type')).toMatch(/^application\/problem\+json/);
  });
});

describe('§7.1 links', () => {
  it('A12: index everywhere but at the directory, up from a challenge to its authorization', async () => {
    const { order, url } = await client.order(['a.example.test']);
    const [authorization] = await client.authorizations(order);
    const challenge = await client.get(authorization?.challenges[0]?.url ?? '');
    expect(links(challenge, 'up')).toEqual(order.authorizations);
    for (const one of [client.kid, `${client.kid}/orders`, url, order.authorizations[0] ?? '']) {
      expect(links(await client.get(one), 'index')).toEqual([client.directoryUrl]);
    }
    const directory = await client.transport({ method: 'GET', url: client.directoryUrl });
    expect(links(directory, 'index')).toEqual([]);
  });
});

describe('§7.1.2.1 orders', () => {
  it('lists every live order once, page by page, and nobody else may look', async () => {
    const owner = under.client();
    await owner.register();
    const made: string[] = [];
    // More than two pages of fifty.
    for (let n = 0; n < 103; n += 1) made.push((await owner.order([`o${n}.example.test`])).url);
    const account = await owner.fetch<{ orders: string }>(owner.kid);
    const found: string[] = [];
    let pages = 0;
    let next: string | undefined = account.orders;
    for (; next !== undefined && pages < 20; pages += 1) {
      const answer: Answer = await owner.get(next);
      expect(answer.status, answer.text).toBe(200);
      found.push(...json<{ orders: string[] }>(answer).orders);
      next = links(answer, 'next')[0];
    }
    expect(pages).toBe(3);
    expect(found).toEqual(made.toReversed());
    const answer = await client.get(account.orders);
    expect([401, 403, 404]).toContain(answer.status);
  });

  it('leaves out orders that are invalid (SHOULD NOT include)', async () => {
    const owner = under.client();
    await owner.register();
    const { order, url } = await owner.order(['gone.example.test']);
    const kept = await owner.order(['kept.example.test']);
    await owner.post(order.authorizations[0] ?? '', { status: 'deactivated' });
    expect((await owner.fetch<Order>(url)).status).toBe('invalid');
    const { orders } = await owner.fetch<{ orders: string[] }>(`${owner.kid}/orders`);
    expect(orders).toEqual([kept.url]);
  });

  it('a cursor that is none, or of another account, gives nothing away', async () => {
    for (const cursor of ['x', '%27', '-1', 'AAAAAAAAAAAAAAAAAAAAAA']) {
      const answer = await client.get(`${client.kid}/orders?cursor=${cursor}`);
      expect(answer.status, cursor).toBeLessThan(500);
    }
  });
});

describe('A25, §10.5: only the owner, and no guessing', () => {
  it('order, finalize, authorization, challenge and certificate of another account answer as if they did not exist', async () => {
    const owner = under.client();
    const stranger = under.client();
    await owner.register();
    await stranger.register();
    const names = ['mine.example.test'];
    const pending = await owner.order(['pending.example.test']);
    const [authorization] = await owner.authorizations(pending.order);
    const done = await owner.obtain(names, csr(names).der);
    const urls = [
      ...[pending.url, pending.order.authorizations[0], authorization?.challenges[0]?.url],
      ...[done.url, done.order.certificate],
    ].map((url) => url ?? '');
    for (const url of urls) {
      const absent = url.replace(/[A-Za-z0-9_-]{22}/, 'AAAAAAAAAAAAAAAAAAAAAA');
      expect(absent).not.toBe(url);
      const [theirs, nothing] = [await stranger.get(url), await stranger.get(absent)];
      expect([401, 403, 404], url).toContain(theirs.status);
      // The same answer for what is another's and for what is not: nothing can be enumerated.
      expect([theirs.status, theirs.text]).toEqual([nothing.status, nothing.text]);
    }
    for (const [url, payload] of [
      [pending.order.finalize, { csr: Buffer.from(csr(names).der).toString('base64url') }],
      [authorization?.challenges[0]?.url ?? '', {}],
      [pending.order.authorizations[0] ?? '', { status: 'deactivated' }],
      [owner.kid, { status: 'deactivated' }],
      [owner.kid, { contact: ['mailto:thief@example.test'] }],
    ] as const) {
      const answer = await stranger.post(url, payload);
      expect([401, 403, 404], url).toContain(answer.status);
    }
    const [after] = await owner.authorizations(pending.order);
    expect(after?.status).toBe('pending');
    expect(await owner.fetch(owner.kid)).toMatchObject({ status: 'valid' });
  });

  it('nothing of one directory is there in another, even for the same key', async () => {
    const { url, order } = await client.order(['both.example.test']);
    const twin = under.client('terms', client.key);
    await twin.register();
    expect(twin.kid).not.toBe(client.kid);
    for (const one of [url, order.authorizations[0] ?? '']) {
      const there = one.replace('/default/', '/terms/');
      expectProblem(await twin.get(there), 404, 'malformed');
    }
  });

  it('ids have 128 random bits', async () => {
    const ids = new Set<string>();
    const octets = new Set<string>();
    for (let n = 0; n < 30; n += 1) {
      const { url, order } = await client.order([`id${n}.example.test`]);
      for (const one of [url, ...order.authorizations]) {
        const id = one.split('/').at(-1) ?? '';
        expect(Buffer.from(id, 'base64url').length).toBeGreaterThanOrEqual(16);
        ids.add(id);
        octets.add(Buffer.from(id, 'base64url').toString('hex').slice(0, 8));
      }
    }
    expect(ids.size).toBe(60);
    // Neither counted nor dated: no two begin alike.
    expect(octets.size).toBe(60);
  });
});
