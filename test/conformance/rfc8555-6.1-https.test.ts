/** RFC 8555 §6.1 and what else is HTTP's: octets on the wire, through the real listener (A1, A6, A9, A12, I10). */
import { request as plainRequest } from 'node:http';
import { Agent, request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { connect } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import type { Configuration } from '../../src/config/index.ts';
import { listenHttp, listenHttps } from '../../src/http/listeners.ts';
import { distributionApplication, restApplication } from '../../src/http/start.ts';
import { createLogger, createMetrics, httpMetrics } from '../../src/telemetry/index.ts';
import {
  AcmeClient,
  type Answer,
  expectProblem,
  headerOf,
  json,
  links,
  type Order,
  type Transport,
} from '../support/acme-client.ts';
import { csr } from '../support/acme-csr.ts';
import { judged } from '../support/acme-exchanges.ts';
import { baseUrl } from '../support/acme-node.ts';
import { acmeUnderTest } from '../support/acme-under-test.ts';
import { privateKeyPem, testCertificate, testIssuer } from '../support/test-hierarchy.ts';

const under = await acmeUnderTest('acme-6-1');
const { authority } = under.authority;
const logger = createLogger({ level: 'fatal', process: 'ca' });
const metrics = createMetrics('ca');
const maximumBodyBytes = 65_536;
const configuration = { maximumBodyBytes, urls: { https: baseUrl } } as Configuration;
const of = { authority, acme: under.server.acme, clock: under.clock, configuration, metrics };
const applicationOptions = { logger, metrics: httpMetrics(metrics), draining: () => false };
const limits = { requestTimeoutMilliseconds: 10_000 };
const root = testIssuer('Root of the listener');
const own = testCertificate(root, { subject: 'CN=ca.example.test' });
const credential = { key: privateKeyPem(own.privateKey), cert: own.pem };
const local = { addresses: ['127.0.0.1'], port: 0, variable: 'none' };
const https = await listenHttps(restApplication(of, applicationOptions), local, limits, {
  current: () => credential,
  onRenewal: () => undefined,
  close: () => undefined,
});
const http = await listenHttp(distributionApplication(of, applicationOptions), local, limits);
const agent = new Agent({ keepAlive: true });

afterAll(async () => {
  agent.destroy();
  await Promise.all([https.close(0), http.close(0)]);
});

const at = {
  host: '127.0.0.1',
  port: https.port,
  servername: 'ca.example.test',
  rejectUnauthorized: false,
};

/** As a client whose DNS says that ca.example.test is this listener. */
const wire: Transport = async ({ method, url, contentType, body, headers }) =>
  await new Promise<Answer>((done, fail) => {
    const { host, pathname, search } = new URL(url);
    const sent = request(
      {
        ...at,
        agent,
        method,
        path: `${pathname}${search}`,
        headers: {
          host,
          ...(contentType === undefined ? {} : { 'content-type': contentType }),
          ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
          ...headers,
        },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () =>
          done({ status: response.statusCode ?? 0, headers: response.headers, text }),
        );
        response.on('error', fail);
      },
    );
    sent.on('error', fail);
    sent.end(body);
  });

const client = new AcmeClient(judged(wire), under.directoryUrl());
await client.register();
const directory = await client.directory();

/** Octets as they are, until the other side closes or half a second passes in silence. */
async function raw(octets: string): Promise<string> {
  return await new Promise((done, fail) => {
    const socket = connect(at);
    let text = '';
    socket.setTimeout(1000, () => socket.end());
    socket.on('secureConnect', () => socket.write(octets));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('close', () => done(text));
    socket.on('error', fail);
  });
}

describe('§6.1', () => {
  it('A1: a whole order over TLS', async () => {
    const names = ['wire.example.test'];
    const { certificate, pem } = await client.obtain(names, csr(names).der);
    expect(certificate.subjectAltName).toBe('DNS:wire.example.test');
    expect(pem.match(/BEGIN/g)?.length).toBe(2);
  });

  it('A1: the plain listener knows no ACME, and the TLS port no plain HTTP', async () => {
    const status = await new Promise<number>((done, fail) => {
      const call = plainRequest(
        { host: '127.0.0.1', port: http.port, path: '/acme/directory' },
        (response) => {
          response.resume();
          done(response.statusCode ?? 0);
        },
      );
      call.on('error', fail);
      call.end();
    });
    expect(status).toBe(404);
    const said = await new Promise<string>((done) => {
      const socket = connectTcp(https.port, '127.0.0.1');
      let text = '';
      socket.on('connect', () => socket.write('GET /acme/directory HTTP/1.1\r\nHost: x\r\n\r\n'));
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
      });
      socket.on('error', () => undefined);
      socket.on('close', () => done(text));
    });
    expect(said).not.toContain('newNonce');
  });

  it('§6.1, RFC 7525: TLS 1.1 is not spoken', async () => {
    await expect(
      new Promise((done, fail) => {
        const socket = connect({
          ...at,
          minVersion: 'TLSv1',
          maxVersion: 'TLSv1.1',
          ciphers: 'ALL@SECLEVEL=0',
        });
        socket.on('secureConnect', () => done('spoken'));
        socket.on('error', fail);
      }),
    ).rejects.toThrow();
  });

  it('A9: HEAD and GET of newNonce, octet for octet', async () => {
    const path = new URL(directory.newNonce).pathname;
    for (const [method, line] of [
      ['HEAD', 'HTTP/1.1 200 OK'],
      ['GET', 'HTTP/1.1 204 No Content'],
    ]) {
      const said = await raw(
        `${method} ${path} HTTP/1.1\r\nHost: ca.example.test\r\nConnection: close\r\n\r\n`,
      );
      const [head = '', body] = said.split('\r\n\r\n');
      expect(head.split('\r\n')[0]).toBe(line);
      expect(head).toMatch(/^replay-nonce: [A-Za-z0-9_-]+$/im);
      expect(head).toMatch(/^cache-control: .*\bno-store\b/im);
      expect(body).toBe('');
    }
  });

  it('A1: 415 for another media type, and for a body that is encoded', async () => {
    const payload = { identifiers: [{ type: 'dns', value: 'a.example.test' }] };
    for (const contentType of [undefined, 'application/json', 'text/plain']) {
      const answer = await client.post(directory.newOrder, payload, { contentType });
      expect(answer.status).toBe(415);
    }
    const body = await client.sign(directory.newOrder, payload);
    const answer = await wire({
      method: 'POST',
      url: directory.newOrder,
      contentType: 'application/jose+json',
      body,
      headers: { 'content-encoding': 'gzip' },
    });
    expect(answer.status).toBe(415);
    expect(headerOf(answer, 'content-type')).toMatch(/^application\/problem\+json/);
  });

  it('I38: a body that is too large is 413, and the server lives', async () => {
    const answer = await wire({
      method: 'POST',
      url: directory.newOrder,
      contentType: 'application/jose+json',
      body: 'a'.repeat(maximumBodyBytes + 1),
    });
    expect(answer.status).toBe(413);
    expect((await client.newOrder(['b.example.test'])).status).toBe(201);
  });

  it('A6: other methods are 405 with Allow', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND']) {
      const answer = await client.send({ method, url: directory.newOrder });
      expectProblem(answer, 405, 'malformed');
      expect(headerOf(answer, 'allow')).toBe('POST');
    }
  });

  it('a path that is written otherwise is another path', async () => {
    for (const path of [
      '/acme/default/new%2Dnonce',
      '/ACME/default/new-nonce',
      '/acme/default/new-nonce/',
      '//acme/default/new-nonce',
      '/acme//default/new-nonce',
      '/acme/default/./new-nonce',
      '/acme/x/../default/new-nonce',
      '/acme/default;x/new-nonce',
    ]) {
      const said = await raw(
        `GET ${path} HTTP/1.1\r\nHost: ca.example.test\r\nConnection: close\r\n\r\n`,
      );
      expect(said.split('\r\n')[0], path).toMatch(/ 40[04] /);
    }
  });
});

describe('I10: URLs come from the configuration', () => {
  const spoofed = {
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'http',
    'x-forwarded-for': '203.0.113.66',
    'x-forwarded-prefix': '/evil',
    'x-original-url': '/evil',
    'x-rewrite-url': '/evil',
    forwarded: 'host=evil.example;proto=http',
  };

  it('Host and X-Forwarded-* change nothing: directory, Location, Link, body', async () => {
    const direct = await wire({ method: 'GET', url: client.directoryUrl });
    for (const host of ['evil.example', 'evil.example:8443', 'ca.example.test@evil.example', '']) {
      const answer = await wire({
        method: 'GET',
        url: client.directoryUrl,
        headers: { ...spoofed, host },
      });
      expect(answer.text).toBe(direct.text);
      const nonce = await wire({
        method: 'HEAD',
        url: directory.newNonce,
        headers: { ...spoofed, host },
      });
      expect(links(nonce, 'index')).toEqual([client.directoryUrl]);
    }
    const answer = await wire({
      method: 'POST',
      url: directory.newOrder,
      contentType: 'application/jose+json',
      body: await client.sign(directory.newOrder, {
        identifiers: [{ type: 'dns', value: 'h.example.test' }],
      }),
      headers: { ...spoofed, host: 'evil.example' },
    });
    expect(answer.status).toBe(201);
    expect(JSON.stringify([answer.headers, json<Order>(answer)])).not.toContain('evil');
    expect(headerOf(answer, 'location')).toMatch(/^https:\/\/ca\.example\.test:8443\//);
  });

  it('nor does a request line with a host of its own', async () => {
    const said = await raw(
      'GET https://evil.example/acme/directory HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
    );
    expect(said).not.toContain('evil');
  });

  it('the address that limits count is the connection’s', async () => {
    const key = under.client().key;
    const stranger = new AcmeClient(
      async (call) => wire({ ...call, headers: spoofed }),
      under.directoryUrl(),
      key,
    );
    await stranger.register();
    const [row] = await under.authority.sql(
      'SELECT created_from FROM acme_accounts WHERE account_id = $1',
      [stranger.kid.split('/').at(-1)],
    );
    expect(row?.['created_from']).toBe('127.0.0.1');
  });
});
