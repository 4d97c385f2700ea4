/** RFC 6960 A.1: OCSP over HTTP, directly and through a reverse proxy with its defaults (I22). */
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { maxRequestBody } from '../../ocsp/exchange.ts';
import { nonceExtension, parseOcspResponse } from '../../src/pkix/index.ts';
import { startNginx } from '../support/nginx.ts';
import { testSerialNumber } from '../support/test-hierarchy.ts';
import {
  certIDOf,
  exchange,
  post,
  requestFor,
  startTestResponder,
  statusOf,
} from '../support/test-responder.ts';

const made = await startTestResponder();
const { issuing } = made;
const known = certIDOf(issuing, made.issue().certificate.serialNumber);

/** A request about a certificate of ours whose base64 has this text in it. */
function requestWith(pattern: RegExp): { readonly base64: string; readonly serial: string } {
  for (;;) {
    const serial = testSerialNumber();
    // A nonce of odd lengths moves the end of the base64, so that every padding is met.
    const nonce = Buffer.from(
      serial.slice(0, 2 * (1 + (Number.parseInt(serial[3] ?? '0', 16) % 4))),
      'hex',
    );
    const request = requestFor([certIDOf(issuing, serial)], undefined, [nonceExtension(nonce)]);
    const base64 = Buffer.from(request).toString('base64');
    if (pattern.test(base64)) return { base64, serial };
  }
}

const awkward: readonly [string, RegExp][] = [
  ['//', /\/\//],
  ['/+', /\/\+/],
  ['+/', /\+\//],
  ['==', /==$/],
  ['one =', /[^=]=$/],
  ['no padding', /[^=]$/],
];

const spellings: readonly [string, (base64: string) => string][] = [
  ['url-encoded', encodeURIComponent],
  ['raw', (base64) => base64],
  ['without padding', (base64) => base64.replace(/=+$/, '')],
];

describe('O19, T-OCSP-GET (I22) A.1.1: GET with the request in the path', () => {
  it('through nginx with its default merge_slashes on, and directly', async () => {
    const nginx = await startNginx(made.port);
    for (const [name, pattern] of awkward) {
      const { base64, serial } = requestWith(pattern);
      made.status.issued(issuing, {
        serialNumber: serial,
        validity: { notAfter: new Date(Date.now() + 1e9) },
      });
      for (const [spelling, spell] of spellings) {
        for (const port of [made.port, nginx]) {
          const target = `/${spell(base64)}`;
          const { status, body } = await exchange(port, { target });
          expect([name, spelling, status, statusOf(parseOcspResponse(body))]).toEqual([
            name,
            spelling,
            200,
            'good',
          ]);
        }
      }
    }
  });

  it('a proxy that merges slashes itself gets an error, never an answer about another serial number', async () => {
    const merging = await startNginx(made.port, '/');
    for (let n = 0; n < 20; n += 1) {
      const { base64 } = requestWith(/\/\//);
      const { body } = await exchange(merging, { target: `/${base64}` });
      expect(body.toString('hex')).toBe('30030a0101');
    }
  });

  it('GET and POST of the same question get the same octets', async () => {
    const request = requestFor([known]);
    const target = `/${encodeURIComponent(Buffer.from(request).toString('base64'))}`;
    const got = await exchange(made.port, { target });
    expect((await post(made.port, request)).body).toEqual(got.body);
    expect((await exchange(made.port, { target })).body).toEqual(got.body);
  });

  it('what is no request is malformedRequest', async () => {
    for (const target of ['/', '/favicon.ico', '/%', '/M', '/..%2f', '/MEIw?x']) {
      const { status, body } = await exchange(made.port, { target });
      expect([target, status, body.toString('hex')]).toEqual([target, 200, '30030a0101']);
    }
  });

  it('a path past the bound is 414', async () => {
    expect((await exchange(made.port, { target: `/${'M'.repeat(5000)}` })).status).toBe(414);
  });
});

describe('O20 A.1: methods, types, sizes', () => {
  const ocsp = { 'Content-Type': 'application/ocsp-request' };

  it.each(['PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s is 405', async (method) => {
    const { status, headers } = await exchange(made.port, { method });
    expect(status).toBe(405);
    expect(headers['allow']).toBe('GET, HEAD, POST');
  });

  it.each([undefined, 'application/octet-stream', 'text/plain', 'application/ocsp-response'])(
    'POST of type %s is 415',
    async (type) => {
      const headers = type === undefined ? {} : { 'Content-Type': type };
      const body = requestFor([known]);
      expect((await exchange(made.port, { method: 'POST', body, headers })).status).toBe(415);
    },
  );

  it('the type may have capitals and parameters', async () => {
    const headers = { 'Content-Type': 'Application/OCSP-Request; charset=binary' };
    const answer = await exchange(made.port, {
      method: 'POST',
      body: requestFor([known]),
      headers,
    });
    expect(statusOf(parseOcspResponse(answer.body))).toBe('good');
  });

  it('a body past the bound is 413, with its length told or not', async () => {
    const body = new Uint8Array(maxRequestBody + 1);
    const told = await exchange(made.port, {
      method: 'POST',
      body,
      headers: { ...ocsp, 'Content-Length': String(body.length) },
    });
    expect(told.status).toBe(413);
    const chunked = await exchange(made.port, {
      method: 'POST',
      body,
      headers: { ...ocsp, 'Transfer-Encoding': 'chunked' },
    });
    expect(chunked.status).toBe(413);
  });

  it('a body in pieces is put together', async () => {
    const request = Buffer.from(requestFor([known]));
    const text = await new Promise<string>((resolve, reject) => {
      const socket = connect(made.port, '127.0.0.1');
      let received = '';
      socket.on('data', (chunk) => {
        received += chunk.toString('latin1');
      });
      socket.on('close', () => resolve(received));
      socket.on('error', reject);
      socket.write(
        `POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/ocsp-request\r\nContent-Length: ${request.length}\r\n\r\n`,
      );
      socket.write(request.subarray(0, 10), () => {
        setImmediate(() => socket.write(request.subarray(10)));
      });
    });
    expect(text).toMatch(/^HTTP\/1\.1 200/);
  });

  it('is answered as application/ocsp-response with its length', async () => {
    const { headers, body } = await post(made.port, requestFor([known]));
    expect(headers['content-type']).toBe('application/ocsp-response');
    expect(headers['content-length']).toBe(String(body.length));
  });
});

describe('health stands beside OCSP', () => {
  it('/healthz and /readyz', async () => {
    const health = await exchange(made.port, { target: '/healthz' });
    expect([health.status, health.body.toString()]).toEqual([200, '{"status":"alive"}\n']);
    const ready = await exchange(made.port, { target: '/readyz' });
    expect([ready.status, ready.body.toString()]).toEqual([200, '{"ready":true,"reasons":[]}\n']);
    expect((await exchange(made.port, { method: 'POST', target: '/readyz' })).status).toBe(405);
  });
});
