import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ChanceryError } from '../../../src/domain/index.ts';
import { ask, type Edge, startEdge, tokenOf } from './edge.ts';
import { certificateRecord, issuedCertificate } from './samples.ts';

let edge: Edge;
let fault: Error | undefined;

beforeAll(async () => {
  edge = await startEdge({
    overrides: {
      issueCertificate: async () => {
        if (fault !== undefined) throw fault;
        return issuedCertificate;
      },
      searchCertificates: async () => ({ items: [certificateRecord], next: 'more' }),
      findCertificate: async () => certificateRecord,
      releaseCertificate: async () => certificateRecord,
      holdCertificate: async () => certificateRecord,
    },
  });
});
afterAll(async () => edge.close());
beforeEach(() => {
  fault = undefined;
  edge.calls.length = 0;
});

const path = '/api/v1/certificates';
const body = { profile: 'tls-server', csr: 'MAA=' };
const issue = { method: 'POST', path, as: 'operator' } as const;

function callOf(name: string): Record<string, unknown> {
  const call = edge.calls.find((one) => one.name === name);
  if (call === undefined) throw new Error(`${name} was not called`);
  return call.arguments[1] as Record<string, unknown>;
}

describe('what is not there', () => {
  it.each([
    '/',
    '/api',
    '/api/v1',
    '/api/v1/',
    '/api/v1/nothing',
    '/API/v1/whoami',
    '/crl/a/0.crl',
  ])('answers %s with a 404 problem', async (unknown) => {
    const reply = await ask(edge, { path: unknown, as: 'administrator' });
    expect(reply.status).toBe(404);
    expect(reply.headers['content-type']).toBe('application/problem+json');
    expect(reply.json()).toMatchObject({ type: 'urn:chancery:error:notFound', status: 404 });
    expect(reply.json()['requestId']).toBe(reply.headers['x-request-id']);
  });

  it('answers broken percent-encoding with 400', async () => {
    const reply = await ask(edge, { path: `${path}/%ff`, as: 'administrator' });
    expect(reply.status).toBe(400);
    expect(reply.json()['code']).toBe('malformed');
  });

  it.each([
    ['PUT', path, 'POST, GET, HEAD'],
    ['DELETE', `${path}/ab`, 'GET, HEAD'],
    ['GET', `${path}/ab/hold`, 'POST'],
    ['OPTIONS', path, 'POST, GET, HEAD'],
    ['TRACE', '/metrics', 'GET, HEAD'],
    ['POST', '/api/v1/openapi.json', 'GET, HEAD'],
    ['POST', '/bundles/default.pem', 'GET, HEAD'],
  ])('answers %s %s with 405 and what is allowed', async (method, where, allowed) => {
    const reply = await ask(edge, { method, path: where, as: 'administrator' });
    expect(reply.status).toBe(405);
    expect(reply.json()['code']).toBe('methodNotAllowed');
    expect(reply.headers.allow?.split(', ').sort()).toEqual(allowed.split(', ').sort());
  });
});

describe('HEAD', () => {
  it('of an export makes none: it may be the whole inventory', async () => {
    const where = { path: `${path}/export`, method: 'HEAD' };
    const reply = await ask(edge, { ...where, as: 'operator' });
    expect([reply.status, reply.headers['content-type']]).toEqual([
      200,
      'application/jsonl; charset=utf-8',
    ]);
    expect(edge.calls.map(({ name }) => name)).not.toContain('exportCertificates');
    expect((await ask(edge, { ...where, as: 'responder' })).status).toBe(403);
  });
});

describe('bodies', () => {
  it('over the limit are refused with 413, declared or not', async () => {
    const large = JSON.stringify({ ...body, csr: 'A'.repeat(300_000) });
    expect((await ask(edge, { ...issue, body: large })).status).toBe(413);
    const chunked = await ask(edge, {
      ...issue,
      body: large,
      headers: { 'transfer-encoding': 'chunked' },
    });
    expect(chunked.status).toBe(413);
    expect(chunked.json()['code']).toBe('payloadTooLarge');
  });

  it.each([
    ['text/plain'],
    ['application/x-www-form-urlencoded'],
    ['application/json; charset=utf-16'],
    ['multipart/form-data; boundary=x'],
  ])('of type %s are refused with 415', async (type) => {
    const reply = await ask(edge, { ...issue, body, headers: { 'content-type': type } });
    expect(reply.status).toBe(415);
  });

  it('that are compressed are refused, so that none unfolds', async () => {
    const headers = { 'content-encoding': 'gzip' };
    expect((await ask(edge, { ...issue, body, headers })).status).toBe(415);
  });

  it.each([
    ['no JSON', '{"profile":'],
    ['an array', '[]'],
    ['a number', '5'],
    ['no UTF-8 BOM text', '\u00ff'],
    ['deeply nested', `{"profile":${'['.repeat(60_000)}`],
    ['deeply nested and closed', `{"tags":${'['.repeat(17)}${']'.repeat(17)}}`],
    ['nested objects', '{"a":'.repeat(20_000)],
  ])('that are %s are refused with 400', async (_, text) => {
    const reply = await ask(edge, { ...issue, body: text });
    expect(reply.status).toBe(400);
    expect(edge.calls.map(({ name }) => name)).not.toContain('issueCertificate');
  });

  it('may hold brackets inside of text, as deep as they like', async () => {
    const subject = `CN=${'[{'.repeat(100)}\\",O=x`;
    expect(
      (await ask(edge, { ...issue, body: { ...body, subject: 'CN=a', owner: '[['.repeat(50) } }))
        .status,
    ).toBe(201);
    expect((await ask(edge, { ...issue, body: { ...body, subject } })).json()['code']).toBe(
      'malformed',
    );
  });

  it('with what the schema does not know are refused, every fault at once', async () => {
    const reply = await ask(edge, {
      ...issue,
      body: { profil: 'tls-server', csr: 5, days: 0, notAfter: '2030-01-01' },
    });
    expect(reply.status).toBe(400);
    const { violations } = reply.json() as { violations: { field: string }[] };
    expect(violations.map(({ field }) => field).sort()).toEqual([
      'body',
      'csr',
      'days',
      'notAfter',
      'profile',
    ]);
  });

  it.each([
    ['a constructor', '{"profile":"a","csr":"MAA=","constructor":{"prototype":{"x":1}}}'],
    ['a prototype', '{"profile":"a","csr":"MAA=","__proto__":{"role":"administrator"}}'],
  ])('that try to set %s change nothing', async (_, text) => {
    const reply = await ask(edge, { ...issue, body: text });
    expect([201, 400]).toContain(reply.status);
    expect(({} as Record<string, unknown>)['role']).toBeUndefined();
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it('may be left out where every member may', async () => {
    const release = { method: 'POST', path: `${path}/ab/release`, as: 'operator' } as const;
    expect((await ask(edge, release)).status).toBe(200);
    expect((await ask(edge, { ...release, body: {} })).status).toBe(200);
  });

  it('are read after authentication only', async () => {
    const reply = await ask(edge, { method: 'POST', path, body: '['.repeat(300_000) });
    expect(reply.status).toBe(401);
  });
});

describe('issuance', () => {
  it('hands the use case DER, names and times, and answers with PEM, chain and location', async () => {
    const reply = await ask(edge, {
      ...issue,
      headers: { 'idempotency-key': 'k-1' },
      body: {
        ...body,
        subject: 'CN=a.example,O=x',
        dns: ['a.example'],
        ip: ['192.0.2.1', '2001:db8::1'],
        email: ['a@b.example'],
        uri: ['https://a.example/'],
        notAfter: '2030-01-31T12:00:00Z',
        tags: ['t'],
      },
    });
    expect(reply.status).toBe(201);
    const request = callOf('issueCertificate');
    expect(request).toMatchObject({
      profile: 'tls-server',
      csr: Uint8Array.of(0x30, 0),
      idempotencyKey: 'k-1',
      notAfter: new Date('2030-01-31T12:00:00Z'),
      tags: ['t'],
    });
    expect((request['names'] as { type: string }[]).map(({ type }) => type)).toEqual([
      'dNSName',
      'iPAddress',
      'iPAddress',
      'rfc822Name',
      'uniformResourceIdentifier',
    ]);
    const { certificate, requested, granted } = reply.json() as Record<
      string,
      Record<string, string>
    >;
    expect(certificate?.['pem']?.match(/BEGIN CERTIFICATE/g)).toHaveLength(1);
    expect(certificate?.['chain']?.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(certificate?.['notAfter']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(requested).toEqual({ source: 'csr' });
    expect(granted).toEqual({ profile: 'tls-server' });
    expect(reply.headers.location).toBe(
      `/api/v1/certificates/${certificateRecord.serialNumber}?issuer=${certificateRecord.issuerId}`,
    );
    expect(reply.headers['cache-control']).toBe('no-store');
  });

  it.each(['', 'a b', 'ä'.normalize('NFC'), 'x'.repeat(256)])(
    'refuses the Idempotency-Key %j',
    async (key) => {
      const reply = await ask(edge, {
        ...issue,
        body,
        headers: { 'idempotency-key': Buffer.from(key).toString('latin1') },
      });
      expect(reply.status).toBe(400);
      expect(reply.json()['field']).toBe('Idempotency-Key');
    },
  );

  it.each([
    '',
    'nonsense!',
    '-----BEGIN CERTIFICATE REQUEST-----\nMA\n',
    '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----',
  ])('refuses the CSR %j before the use case', async (csr) => {
    const reply = await ask(edge, { ...issue, body: { ...body, csr } });
    expect(reply.status).toBe(400);
    expect(edge.calls.map(({ name }) => name)).not.toContain('issueCertificate');
  });

  it('explains a refusal with all violations, and hides why the server failed', async () => {
    const violation = { rule: 'r', field: 'f', message: 'm', mend: 'n', clause: 'RFC 5280 §1' };
    fault = new ChanceryError('policyViolation', {
      message: 'two rules',
      violations: [violation, violation],
    });
    const refused = await ask(edge, { ...issue, body });
    expect(refused.status).toBe(422);
    expect(refused.json()['violations']).toEqual([violation, violation]);
    fault = new TypeError('hunter2 is undefined');
    const failed = await ask(edge, { ...issue, body });
    expect(failed.status).toBe(500);
    expect(failed.body).not.toContain('hunter2');
    const requestId = failed.json()['requestId'];
    const logged = edge.log.find(
      (line) => line.includes(String(requestId)) && line.includes('hunter2'),
    );
    expect(logged).toBeDefined();
    fault = new ChanceryError('overloaded', { message: 'queue of 1000 is full', retryAfter: 2 });
    const overloaded = await ask(edge, { ...issue, body });
    expect(overloaded.status).toBe(503);
    expect(overloaded.headers['retry-after']).toBe('2');
    expect(overloaded.body).not.toContain('1000');
  });

  it('never writes a token into the log', async () => {
    await ask(edge, { ...issue, body });
    await ask(edge, { path, headers: { authorization: 'Bearer token-that-is-wrong' } });
    expect(edge.log.join('')).not.toContain(tokenOf('operator'));
    expect(edge.log.join('')).not.toContain('token-that-is-wrong');
  });
});

describe('search', () => {
  it('passes filters on and pages', async () => {
    const query =
      'status=good&subject=a%25&name=b&profile=p&owner=o&tag=t&expiringWithin=30d&limit=5&cursor=c';
    const before = Date.now();
    const reply = await ask(edge, {
      path: `${path}?${query}&key=${'AB'.repeat(32)}`,
      as: 'auditor',
    });
    expect(reply.json()['next']).toBe('more');
    const search = callOf('searchCertificates');
    expect(search).toMatchObject({
      status: 'good',
      subject: 'a%',
      profileName: 'p',
      spkiHash: 'ab'.repeat(32),
      limit: 5,
      cursor: 'c',
    });
    const until = (search['notAfterBefore'] as Date).getTime() - 30 * 86_400_000;
    expect(until).toBeGreaterThanOrEqual(before);
    expect(until).toBeLessThanOrEqual(Date.now());
  });

  it('leaves PEM out of lists and gives it with the one', async () => {
    const list = (await ask(edge, { path, as: 'auditor' })).json() as { items: object[] };
    expect(list.items[0]).not.toHaveProperty('pem');
    expect((await ask(edge, { path: `${path}/ab`, as: 'auditor' })).json()).toHaveProperty('pem');
  });

  it.each([
    'limit=0',
    'limit=1001',
    'limit=x',
    'status=expiredd',
    'expiringWithin=30',
    'expiringWithin=-1d',
    'requestedAfter=yesterday',
    'requestedAfter=2030-01-01T00:00:00%2B01:00',
    'key=ab',
    'status=good&status=revoked',
    'sort=serial',
    'subject=a%00b',
    'owner=',
    `subject=${'a'.repeat(1001)}`,
  ])('refuses ?%s', async (query) => {
    const reply = await ask(edge, { path: `${path}?${query}`, as: 'auditor' });
    expect(reply.status).toBe(400);
    expect(reply.json()['code']).toBe('invalidArgument');
  });
});
