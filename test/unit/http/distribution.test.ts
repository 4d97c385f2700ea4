import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, type Edge, startEdge } from './edge.ts';

const now = new Date('2030-01-01T12:00:00Z');
const thisUpdate = new Date('2030-01-01T11:00:00Z');
const id = 'ab'.repeat(20);
const content = Uint8Array.from({ length: 5000 }, (_, index) => index % 251);
const etag = createHash('sha256').update(content).digest('hex');
let expires: Date | undefined;
let ready: { ready: boolean; reasons: string[] };
let edge: Edge;

beforeAll(async () => {
  edge = await startEdge({
    clock: { now: () => new Date(Math.max(Date.now(), now.getTime())) },
    overrides: {
      publishedFile: async (path: string) => {
        const found = path === `crl/${id}/0.crl` || path === `ca/${id}.cer`;
        const octets = content.length;
        const chunks = () => Readable.from([content]);
        return found ? { octets, chunks, etag, lastModified: thisUpdate, expires } : undefined;
      },
      trustBundle: async (name: string) => ({
        name,
        pem: 'pem',
        p7b: content,
        etag: 'e1',
        anchors: [{ subject: 'CN=r', sha256: 's', notAfter: now }],
      }),
      readiness: () => ready,
    },
  });
});
afterAll(async () => edge.close());
beforeEach(() => {
  expires = new Date('2030-01-02T11:00:00Z');
  ready = { ready: true, reasons: [] };
});

const crl = `/crl/${id}/0.crl`;

describe('C24: CRLs and CA certificates (RFC 2585 §4, RFC 9110 §13)', () => {
  it('have their media types and validators', async () => {
    const reply = await ask(edge, { path: crl }, true);
    expect(reply.status).toBe(200);
    expect(reply.headers).toMatchObject({
      'content-type': 'application/pkix-crl',
      'content-length': '5000',
      etag: `"${etag}"`,
      'last-modified': 'Tue, 01 Jan 2030 11:00:00 GMT',
      expires: 'Wed, 02 Jan 2030 11:00:00 GMT',
      'cache-control': 'public, max-age=60, must-revalidate, no-transform',
    });
    const certificate = await ask(edge, { path: `/ca/${id}.cer` }, true);
    expect(certificate.headers['content-type']).toBe('application/pkix-cert');
  });

  it('answer HEAD with the same headers and no body', async () => {
    const [get, head] = await Promise.all([
      ask(edge, { path: crl }, true),
      ask(edge, { path: crl, method: 'HEAD' }, true),
    ]);
    expect(head.body).toBe('');
    for (const name of ['etag', 'last-modified', 'expires', 'content-type', 'content-length']) {
      expect(head.headers[name]).toBe(get.headers[name]);
    }
  });

  it.each([
    ['the tag', { 'if-none-match': `"${etag}"` }, 304],
    ['the weak tag', { 'if-none-match': `W/"${etag}"` }, 304],
    ['one of several tags', { 'if-none-match': `"x", "${etag}"` }, 304],
    ['any', { 'if-none-match': '*' }, 304],
    ['another tag', { 'if-none-match': '"x"' }, 200],
    ['the time', { 'if-modified-since': 'Tue, 01 Jan 2030 11:00:00 GMT' }, 304],
    ['an earlier time', { 'if-modified-since': 'Tue, 01 Jan 2030 10:59:59 GMT' }, 200],
    [
      'another tag and the time',
      { 'if-none-match': '"x"', 'if-modified-since': 'Tue, 01 Jan 2030 11:00:00 GMT' },
      200,
    ],
    [
      'the tag from a client that trusts no cache',
      { 'if-none-match': `"${etag}"`, 'cache-control': 'no-cache', pragma: 'no-cache' },
      304,
    ],
    ['rubbish', { 'if-modified-since': 'yesterday' }, 200],
  ])('answer a condition on %s', async (_, headers, status) => {
    for (const method of ['GET', 'HEAD']) {
      const reply = await ask(edge, { path: crl, headers, method }, true);
      expect(reply.status).toBe(status);
      expect(reply.headers.etag).toBe(`"${etag}"`);
      if (status === 304) expect(reply.body).toBe('');
    }
  });

  it('are never cached past nextUpdate', async () => {
    expires = new Date(now.getTime() + 10_000);
    const soon = (await ask(edge, { path: crl }, true)).headers['cache-control'] ?? '';
    expect(Number(/max-age=(\d+)/.exec(soon)?.[1])).toBeLessThan(10);
    expires = new Date(now.getTime() - 10_000);
    const past = (await ask(edge, { path: crl }, true)).headers['cache-control'];
    expect(past).toContain('max-age=0');
  });

  it.each([
    `/crl/${id}/1.crl`,
    `/crl/${id}/0.crl/`,
    `/crl/${id}/0`,
    `/crl/${id}/..%2f..%2f0.crl`,
    `/crl//0.crl`,
    `/ca/${'00'.repeat(20)}.cer`,
    `/ca/${id}.pem`,
    '/crl/',
    '/api/v1/whoami',
    '/metrics',
  ])('answer 404 for %s', async (path) => {
    const reply = await ask(edge, { path }, true);
    expect(reply.status).toBe(404);
    expect(reply.headers['content-type']).toBe('application/problem+json');
    expect(reply.headers['cache-control']).toBe('no-store');
  });

  it('can only be read', async () => {
    for (const method of ['POST', 'PUT', 'DELETE']) {
      expect((await ask(edge, { path: crl, method }, true)).status).toBe(405);
    }
  });
});

describe('bundles', () => {
  it.each([true, false])('are files with validators (plain: %s)', async (plain) => {
    const pem = await ask(edge, { path: '/bundles/default.pem' }, plain);
    expect(pem.body).toBe('pem');
    expect(pem.headers).toMatchObject({ 'content-type': 'application/x-pem-file', etag: '"e1"' });
    const p7b = await ask(edge, { path: '/bundles/default.p7b' }, plain);
    expect(p7b.headers['content-type']).toBe('application/x-pkcs7-certificates');
    const headers = { 'if-none-match': '"e1"' };
    expect((await ask(edge, { path: '/bundles/default.p7b', headers }, plain)).status).toBe(304);
  });

  it('are JSON for everyone in the REST interface', async () => {
    const reply = await ask(edge, { path: '/api/v1/bundles/default' });
    expect(reply.json()).toEqual({
      name: 'default',
      pem: 'pem',
      etag: 'e1',
      anchors: [{ subject: 'CN=r', sha256: 's', notAfter: '2030-01-01T12:00:00Z' }],
    });
  });
});

describe('health', () => {
  it('is alive whatever its readiness, which tells its reasons', async () => {
    expect((await ask(edge, { path: '/readyz' }, true)).json()).toEqual({
      status: 'ready',
      reasons: [],
    });
    ready = { ready: false, reasons: ['issuing token: no answer'] };
    const reply = await ask(edge, { path: '/readyz' }, true);
    expect(reply.status).toBe(503);
    expect(reply.json()).toEqual({ status: 'not ready', reasons: ['issuing token: no answer'] });
    expect(reply.headers['cache-control']).toBe('no-store');
    expect((await ask(edge, { path: '/healthz' }, true)).status).toBe(200);
  });

  it('asks nobody but memory', async () => {
    edge.calls.length = 0;
    await ask(edge, { path: '/readyz' }, true);
    await ask(edge, { path: '/healthz' }, true);
    expect(edge.calls.map(({ name }) => name)).toEqual(['readiness']);
  });
});
