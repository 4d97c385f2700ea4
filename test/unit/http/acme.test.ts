import { connect } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AcmeAnswer, AcmeRequest } from '../../../src/acme/index.ts';
import { ask, type Edge, startEdge } from './edge.ts';

let edge: Edge;
let answer: AcmeAnswer;
let seen: AcmeRequest[];

beforeAll(async () => {
  edge = await startEdge({
    overrides: {
      answer: async (request: AcmeRequest) => {
        seen.push(request);
        return answer;
      },
    },
    configuration: { maximumBodyBytes: 20_000 },
  });
});
afterAll(async () => edge.close());
beforeEach(() => {
  seen = [];
  answer = {
    status: 201,
    route: '/acme/{directory}/new-order',
    headers: {
      'content-type': 'application/json',
      'replay-nonce': 'abc',
      location: 'https://ca.example:8443/acme/default/order/1',
      link: ['<https://ca.example:8443/acme/default/directory>;rel="index"', '<x>;rel="up"'],
    },
    body: '{"status":"pending"}',
  };
});

const jose = { 'content-type': 'application/jose+json' };

describe('what reaches the protocol', () => {
  it('is the octets of the body, whatever they are', async () => {
    const body = '{"protected":"\u00e9", "protected":1}';
    await ask(edge, { method: 'POST', path: '/acme/default/new-order', headers: jose, body });
    expect(seen).toHaveLength(1);
    const [request] = seen;
    expect(Buffer.from(request?.body ?? []).toString()).toBe(body);
    expect(request).toMatchObject({
      method: 'POST',
      directory: 'default',
      path: 'new-order',
      contentType: 'application/jose+json',
      remoteAddress: '127.0.0.1',
    });
  });

  it('is any Content-Type: that it is no application/jose+json is for the protocol to say (A1)', async () => {
    for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded']) {
      const headers = { 'content-type': type };
      await ask(edge, {
        method: 'POST',
        path: '/acme/default/new-order',
        headers,
        body: '{"a":1}',
      });
    }
    expect(seen.map(({ contentType, body }) => [contentType, body.length])).toEqual([
      ['application/json', 7],
      ['text/plain', 7],
      ['application/x-www-form-urlencoded', 7],
    ]);
  });

  it.each([
    ['/acme/directory', '', 'directory'],
    ['/acme/eab/directory', 'eab', 'directory'],
    ['/acme/default/certificate/abc/1', 'default', 'certificate/abc/1'],
    ['/acme/default/order%2Fabc', 'default', 'order%2Fabc'],
    ['/acme/default/%zz', 'default', '%zz'],
    ['/acme/default', 'default', ''],
    ['/acme/default/', 'default', ''],
    ['/acme/directory/', 'directory', ''],
    ['/acme', '', ''],
  ])('%s is the directory "%s" and the path "%s"', async (path, directory, below) => {
    await ask(edge, { path });
    expect(seen[0]).toMatchObject({ method: 'GET', directory, path: below });
    expect(seen[0]?.contentType).toBeUndefined();
    expect(seen[0]?.body).toHaveLength(0);
  });

  it('is the query, apart from the path', async () => {
    await ask(edge, { path: '/acme/default/account/a/orders?cursor=x%20y' });
    expect(seen[0]?.path).toBe('account/a/orders');
    expect(seen[0]?.query.get('cursor')).toBe('x y');
  });

  it('holds nothing of Host or forwarding headers (I10, T-HOST-1)', async () => {
    const headers = {
      host: 'evil.example',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-for': '192.0.2.1',
      'x-forwarded-proto': 'http',
      forwarded: 'host=evil.example;for=192.0.2.1',
    };
    await ask(edge, { path: '/acme/directory', headers });
    expect(JSON.stringify(seen[0])).not.toMatch(/evil|192\.0\.2\.1/);
    expect(seen[0]?.remoteAddress).toBe('127.0.0.1');
  });
});

describe('what is sent', () => {
  it('is the answer with all its headers and those of every answer of ours', async () => {
    const reply = await ask(edge, { path: '/acme/default/new-order' });
    expect(reply.status).toBe(201);
    expect(reply.body).toBe('{"status":"pending"}');
    expect(reply.headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': '20',
      'replay-nonce': 'abc',
      location: 'https://ca.example:8443/acme/default/order/1',
      link: '<https://ca.example:8443/acme/default/directory>;rel="index", <x>;rel="up"',
      'x-content-type-options': 'nosniff',
    });
    expect(reply.headers['access-control-allow-origin']).toBeUndefined();
    expect(reply.headers['x-request-id']).toBeDefined();
  });

  it('has no body for HEAD and for 204 (A9)', async () => {
    expect((await ask(edge, { method: 'HEAD', path: '/acme/default/new-nonce' })).body).toBe('');
    expect(seen[0]?.method).toBe('HEAD');
    answer = { status: 204, route: 'x', headers: { 'cache-control': 'no-store' } };
    const reply = await ask(edge, { path: '/acme/default/new-nonce' });
    expect([reply.status, reply.body]).toEqual([204, '']);
    expect(reply.headers['cache-control']).toBe('no-store');
  });

  it('is octets where the answer is octets', async () => {
    answer = { status: 200, route: 'x', headers: {}, body: new Uint8Array([0x68, 0x69]) };
    expect((await ask(edge, { path: '/acme/default/certificate/1' })).body).toBe('hi');
  });

  it('is logged and measured by the route as declared, never as requested', async () => {
    edge.log.length = 0;
    await ask(edge, { path: '/acme/default/order/secret-looking-id' });
    expect(edge.log.join('')).toContain('"route":"/acme/{directory}/new-order"');
    expect(edge.log.join('')).not.toContain('secret-looking-id');
    answer = { status: 404, route: 'none', headers: {} };
    await ask(edge, { path: '/acme/nowhere/x' });
    expect(edge.log.join('')).toContain('"route":"unknown"');
  });
});

describe('bodies that never reach the protocol are ACME problems', () => {
  const question = { method: 'POST', path: '/acme/default/new-order', headers: jose };

  it('too large a one, with the connection closed', async () => {
    const reply = await ask(edge, { ...question, body: 'x'.repeat(20_001) });
    expect(reply.status).toBe(413);
    expect(reply.headers['content-type']).toBe('application/problem+json');
    expect(reply.headers.connection).toBe('close');
    expect(reply.json()).toMatchObject({
      type: 'urn:ietf:params:acme:error:malformed',
      status: 413,
      detail: expect.stringContaining('20000') as string,
    });
    expect(seen).toEqual([]);
  });

  it('a compressed one: nothing is inflated (I38)', async () => {
    const headers = { ...jose, 'content-encoding': 'gzip' };
    const reply = await ask(edge, { ...question, headers, body: 'xx' });
    expect(reply.status).toBe(415);
    expect(reply.json()).toMatchObject({
      type: 'urn:ietf:params:acme:error:malformed',
      detail: expect.stringContaining('application/jose+json') as string,
    });
    expect(seen).toEqual([]);
  });

  it('one that ends too early reaches nobody', async () => {
    await new Promise<void>((done, fail) => {
      const socket = connect(
        { host: '127.0.0.1', port: edge.httpsPort, ca: edge.trust, servername: 'localhost' },
        () => {
          socket.write('POST /acme/default/new-order HTTP/1.1\r\nHost: a\r\n');
          socket.write('Content-Type: application/jose+json\r\nContent-Length: 100\r\n\r\n{');
          socket.end();
        },
      );
      socket.on('error', fail);
      socket.on('data', () => undefined);
      socket.on('close', () => done());
    });
    expect(seen).toEqual([]);
  });
});

it('is served over TLS alone (A1)', async () => {
  const reply = await ask(edge, { path: '/acme/directory' }, true);
  expect(reply.status).toBe(404);
  expect(seen).toEqual([]);
});

describe('REST for operators', () => {
  const createdAt = new Date('2030-01-01T00:00:00Z');
  const credential = {
    ...{ tenant: 'default', kid: 'k1', directory: 'eab', owner: 'web-team', secretId: 'ff' },
    ...{ allow: ['example.org'], challengeRequired: false, issued: 0, accounts: 0 },
    ...{ singleUse: true, tags: [], createdAt, createdBy: 'admin' },
  };
  let rest: Edge;
  beforeAll(async () => {
    rest = await startEdge({
      overrides: {
        createCredential: async () => ({ credential, hmacKey: 'the-hmac-key' }),
        listCredentials: async () => ({ items: [credential], next: 'more' }),
        showCredential: async () => credential,
        revokeCredential: async () => undefined,
        removeLimitOverride: async () => undefined,
        putLimitOverride: async (_principal: unknown, wanted: object) => ({
          ...{ tenant: 'default', createdAt, createdBy: 'admin', intervalMilliseconds: 36_000 },
          ...wanted,
        }),
      },
    });
  });
  afterAll(async () => rest.close());
  beforeEach(() => {
    rest.calls.length = 0;
    rest.log.length = 0;
  });

  function wanted(name: string): unknown {
    return rest.calls.find((call) => call.name === name)?.arguments[1];
  }

  it('the MAC key stands in the answer that made it, and in no other and no log line', async () => {
    const path = '/api/v1/acme/credentials';
    const body = { directory: 'eab', owner: 'web-team', allow: ['example.org'], quota: 5 };
    const made = await ask(rest, { method: 'POST', path, as: 'operator', body });
    expect(made.status).toBe(201);
    expect(made.headers['cache-control']).toBe('no-store');
    expect(made.json()).toMatchObject({ kid: 'k1', hmacKey: 'the-hmac-key', quota: null });
    expect(wanted('createCredential')).toEqual({
      ...body,
      ...{ challengeRequired: true, profiles: undefined, days: undefined },
      ...{ singleUse: false, tags: [] },
    });
    for (const other of [path, `${path}/k1`]) {
      const shown = await ask(rest, { path: other, as: 'auditor' });
      expect(shown.status).toBe(200);
      expect(shown.body).not.toContain('hmac');
      expect(shown.body).not.toContain('secretId');
    }
    expect(rest.log.join('')).not.toContain('the-hmac-key');
  });

  it('a credential is revoked by operators, not by those who only read', async () => {
    const question = { method: 'DELETE', path: '/api/v1/acme/credentials/k1' } as const;
    expect((await ask(rest, { ...question, as: 'auditor' })).status).toBe(403);
    expect((await ask(rest, { ...question, as: 'operator' })).status).toBe(204);
  });

  it("a limit's key may hold what names and networks hold", async () => {
    const key = '2001:db8::/64';
    const body = { limit: 'newAccountPerAddress', key, rate: '100/1h' };
    const path = '/api/v1/acme/limits';
    const notAfter = '2030-01-02T00:00:00Z';
    const put = { method: 'POST', path, as: 'operator', body: { ...body, notAfter } } as const;
    const made = await ask(rest, put);
    expect(made.status).toBe(201);
    expect(made.json()).toMatchObject({ key, burst: 100, seconds: 3600, notAfter });
    const refused = await ask(rest, { ...put, body: { ...body, notAfter, rate: 'many' } });
    expect(refused.status).toBe(400);
    const one = `${path}/newAccountPerAddress/${encodeURIComponent(key)}`;
    expect((await ask(rest, { method: 'DELETE', path: one, as: 'operator' })).status).toBe(204);
    expect(rest.calls.at(-1)?.arguments.slice(1)).toEqual(['newAccountPerAddress', key]);
  });
});
