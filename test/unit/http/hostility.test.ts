import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, type Edge, startEdge } from './edge.ts';
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

describe('T-INJ-1: metacharacters in every filter', () => {
  const hostile = [
    "' OR 1=1 --",
    '%',
    '_',
    '\\',
    '*',
    '$1',
    '"; DROP TABLE x',
    '\u02bc',
    '${1}',
    '{{7*7}}',
  ];

  it('reach the use case as they are, as data', async () => {
    for (const filter of [
      'subject',
      'name',
      'profile',
      'owner',
      'tag',
      'requestedBy',
      'issuer',
      'cursor',
    ]) {
      for (const value of hostile) {
        edge.calls.length = 0;
        const query = new URLSearchParams([[filter, value]]).toString();
        const { status } = await ask(edge, { path: `${path}?${query}`, as: 'auditor' });
        expect(status, `${filter}=${value}`).toBe(200);
        const name = filter === 'profile' ? 'profileName' : filter;
        expect(callOf('searchCertificates')[name]).toBe(value);
      }
    }
  });

  it('never become a file name or a header', async () => {
    for (const value of ['../../etc/passwd', '..%2f..%2fetc', '%2e%2e', 'a%0d%0aX-Evil:%201']) {
      const reply = await ask(edge, { path: `${path}/${value}`, as: 'auditor' });
      expect([200, 400, 404], value).toContain(reply.status);
      expect(reply.headers['x-evil']).toBeUndefined();
    }
  });
});

describe('T-HOST-1: Host and forwarding headers', () => {
  it('change nothing in any answer', async () => {
    const spoofed = {
      host: 'evil.example',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'http',
      forwarded: 'host=evil.example',
      'x-original-url': '/evil.example',
    };
    for (const question of [
      { path: '/api/v1/openapi.json' },
      { ...issue, body },
      { path: '/api/v1/whoami', as: 'operator' },
      { path: '/nothing' },
      { path, as: 'auditor' },
    ] as const) {
      const plain = await ask(edge, question);
      const answer = await ask(edge, { ...question, headers: spoofed });
      expect(answer.status).toBe(plain.status);
      expect(answer.headers.location).toBe(plain.headers.location);
      expect(answer.body.replaceAll(/"requestId":"[^"]+"/g, '')).toBe(
        plain.body.replaceAll(/"requestId":"[^"]+"/g, ''),
      );
      expect(JSON.stringify(answer.headers) + answer.body).not.toContain('evil');
    }
  });

  it('names the configured server in the OpenAPI document', async () => {
    const document = (await ask(edge, { path: '/api/v1/openapi.json' })).json();
    expect(document['servers']).toEqual([{ url: 'https://localhost:8443/api/v1' }]);
  });
});

describe('T-CANCEL-1', () => {
  it('1,000 requests given up halfway leave nothing behind', async () => {
    let held: (() => void)[] = [];
    const slow = await startEdge({
      overrides: {
        issueCertificate: () =>
          new Promise((resolve) => held.push(() => resolve(issuedCertificate))),
      },
    });
    try {
      for (let round = 0; round < 20; round++) {
        const given = Array.from({ length: 50 }, () => {
          const abort = new AbortController();
          const asked = ask(slow, { ...issue, body, signal: abort.signal }).catch(() => 'aborted');
          return { abort, asked };
        });
        await expect.poll(() => held.length, { timeout: 20_000 }).toBe(50);
        for (const { abort } of given) abort.abort();
        // The use case ends after its caller is gone.
        for (const end of held) end();
        held = [];
        expect(new Set(await Promise.all(given.map(({ asked }) => asked)))).toEqual(
          new Set(['aborted']),
        );
      }
      const clean = Array.from({ length: 100 }, () => ask(slow, { ...issue, body }));
      await expect.poll(() => held.length, { timeout: 20_000 }).toBe(100);
      for (const end of held) end();
      const statuses = (await Promise.all(clean)).map(({ status }) => status);
      expect(new Set(statuses)).toEqual(new Set([201]));
    } finally {
      await slow.close();
    }
  }, 60_000);
});

describe('the protocols themselves', () => {
  it('answers what is no HTTP with 400 and closes', async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(edge.httpPort, '127.0.0.1', () =>
        socket.write('\u0016\u0003\u0001 rubbish\r\n\r\n'),
      );
      let text = '';
      socket.on('data', (chunk) => (text += chunk.toString()));
      socket.once('error', reject);
      socket.once('close', () => resolve(text));
    });
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });

  it.each([
    ['TLSv1.2', true],
    ['TLSv1.3', true],
    ['TLSv1.1', false],
    ['TLSv1', false],
  ] as const)('%s: %s', async (version, accepted) => {
    const connected = await new Promise<boolean>((resolve) => {
      const socket = connectTls(
        {
          host: '127.0.0.1',
          port: edge.httpsPort,
          servername: 'localhost',
          ca: edge.trust,
          minVersion: version,
          maxVersion: version,
          // Old versions are below OpenSSL's default security level on the client's side.
          ciphers: 'DEFAULT:@SECLEVEL=0',
        },
        () => {
          resolve(socket.getProtocol() === version);
          socket.destroy();
        },
      );
      socket.once('error', () => resolve(false));
    });
    expect(connected).toBe(accepted);
  });

  it('sends security headers and says nothing of its software', async () => {
    const { headers } = await ask(edge, { path: '/api/v1/openapi.json' });
    expect(headers['content-security-policy']).toBe("default-src 'none';frame-ancestors 'none'");
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['x-powered-by']).toBeUndefined();
    expect(headers['server']).toBeUndefined();
    // HSTS would break the plain listener of the same host name.
    expect(headers['strict-transport-security']).toBeUndefined();
  });

  it('measures requests by declared route, never by path', async () => {
    await ask(edge, { path: `${path}/0123456789`, as: 'auditor' });
    const metrics = (await ask(edge, { path: '/metrics', as: 'auditor' })).body;
    expect(metrics).toContain('route="/certificates/{serialNumber}"');
    expect(metrics).not.toContain('0123456789');
  });
});
