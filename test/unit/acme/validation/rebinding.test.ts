/** I39, T-SSRF: names, redirects and changing DNS answers that lead to where validation must not go. */
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { formatIpAddress, parseIpAddress } from '../../../../src/pkix/index.ts';
import {
  keyAuthorization,
  problemOf,
  startValidationTrial,
  token,
} from '../../../support/validation-trial.ts';

// The subscriber is at 127.0.0.2, which is listed; 127.0.0.1 and ::1 are the CA's own loopback.
const trial = await startValidationTrial(
  { hosts: ['127.0.0.2', '127.0.0.1', '::1'] },
  { targets: ['127.0.0.2/32', '10.0.0.0/8'], allowLoopback: false },
);
const { dns, server } = trial;
afterAll(async () => trial.close());

/** Requests that reached another address than the subscriber's. */
function strayRequests(): number {
  return server.requests.filter(({ localAddress }) => localAddress !== '127.0.0.2').length;
}

beforeEach(() => {
  server.answerHttp(token, keyAuthorization);
  server.answerTls('www.example.test', keyAuthorization);
  dns.remove('www.example.test');
  dns.set('www.example.test', 'A', ['127.0.0.2']);
});

const forbidden = [
  ...['127.0.0.1', '127.0.0.3', '0.0.0.0', '169.254.169.254', '100.64.0.1', '255.255.255.255'],
  ...['224.0.0.1', '192.168.0.1', '8.8.8.8'],
];
const forbiddenIpv6 = [
  ...['::1', '::', 'fd00::1', 'fd00:ec2::254', 'fe80::1', 'ff02::1', '::ffff:127.0.0.1'],
  ...[
    '::ffff:127.0.0.2',
    '::127.0.0.2',
    '64:ff9b::7f00:2',
    '2002:7f00:2::',
    '2001:0:1:2:3:4:80ff:fffd',
  ],
];

describe('I39 T-SSRF-1: what a name may point to', () => {
  it.each([
    ...forbidden.map((address) => ['A', address] as const),
    ...forbiddenIpv6.map((address) => ['AAAA', address] as const),
  ])('%s %s is not connected to, by either method', async (type, address) => {
    dns.remove('www.example.test');
    dns.set('www.example.test', type, [address]);
    for (const method of ['http-01', 'tls-alpn-01'] as const) {
      const problem = problemOf(await trial.attempt(method, 'www.example.test'));
      expect(problem).toMatchObject({ type: 'unauthorized', retryable: false });
      expect(problem.detail).toContain('www.example.test');
      expect(problem.detail).toContain(formatIpAddress(parseIpAddress(address)));
    }
    expect(strayRequests()).toBe(0);
  });

  it('a forbidden address beside an allowed one is left out', async () => {
    dns.set('www.example.test', 'A', ['127.0.0.1', '127.0.0.2', '0.0.0.0']);
    dns.set('www.example.test', 'AAAA', ['::1', '::ffff:127.0.0.1']);
    const outcome = await trial.attempt('http-01', 'www.example.test');
    expect(outcome).toEqual({ valid: true, address: '127.0.0.2' });
    expect(strayRequests()).toBe(0);
  });

  it('an alias leads nowhere else', async () => {
    dns.remove('www.example.test');
    dns.set('www.example.test', 'CNAME', ['inner.test']);
    dns.set('inner.test', 'A', ['127.0.0.1']);
    const problem = problemOf(await trial.attempt('http-01', 'www.example.test'));
    expect(problem.type).toBe('unauthorized');
  });

  it.each(['localhost', 'localhost.', 'LOCALHOST', 'www.localhost', 'www.localhost.'])(
    '%s is loopback whatever the DNS says',
    async (name) => {
      dns.set(name, 'A', ['127.0.0.2']);
      const before = dns.queries.length;
      const problem = problemOf(await trial.attempt('http-01', name));
      expect(problem).toMatchObject({ type: 'unauthorized', retryable: false });
      expect(dns.queries.length).toBe(before);
    },
  );

  it.each([
    '2130706434',
    '0x7f000002',
    '0x7f.2',
    '127.2',
    '0177.0.0.2',
    'www.2',
    'www.0x2',
    '127.0.0.2.',
  ])('%s looks like a number and is no DNS name', async (name) => {
    dns.set(name, 'A', ['127.0.0.2']);
    const before = dns.queries.length;
    for (const method of ['http-01', 'dns-01', 'tls-alpn-01'] as const) {
      const problem = problemOf(await trial.attempt(method, name));
      expect(problem).toMatchObject({ type: 'dns', retryable: false });
    }
    expect(dns.queries.length).toBe(before);
  });

  it.each(['a b.test', 'a/b.test', 'user@host.test', 'host.test:80', 'host.test#x', 'a..test', ''])(
    '%j is no host name and goes into no URL',
    async (name) => {
      const problem = problemOf(await trial.attempt('http-01', name));
      expect(problem).toMatchObject({ type: 'dns', retryable: false });
    },
  );
});

describe('I39 T-SSRF-2: DNS rebinding', () => {
  it.each(['http-01', 'tls-alpn-01'] as const)(
    '%s looks the name up once and connects to what it checked',
    async (method) => {
      let asked = 0;
      dns.set('rebind.test', 'A', () => {
        asked += 1;
        return [asked === 1 ? '127.0.0.2' : '127.0.0.1'];
      });
      server.answerTls('rebind.test', keyAuthorization);
      const outcome = await trial.attempt(method, 'rebind.test');
      expect(outcome).toEqual({ valid: true, address: '127.0.0.2' });
      expect(asked).toBe(1);
      // The next attempt looks again, and finds the forbidden address.
      const problem = problemOf(await trial.attempt(method, 'rebind.test'));
      expect(problem.type).toBe('unauthorized');
      expect(strayRequests()).toBe(0);
    },
  );

  it('a redirect to the same name looks it up, and checks it, anew', async () => {
    let asked = 0;
    dns.set('again.test', 'A', () => {
      asked += 1;
      return [asked === 1 ? '127.0.0.2' : '127.0.0.1'];
    });
    server.removeHttp(token);
    server.handle((_, response) => response.writeHead(302, { Location: '/again' }).end());
    const problem = problemOf(await trial.attempt('http-01', 'again.test'));
    expect(problem).toMatchObject({ type: 'unauthorized', retryable: false });
    expect(problem.detail).toContain('127.0.0.1');
    expect(strayRequests()).toBe(0);
  });
});

describe('I39 T-SSRF-3: what a redirect may point to', () => {
  it.each([
    ...forbidden,
    ...forbiddenIpv6.map((address) => `[${address}]`),
    // Forms that URLs turn into 127.0.0.1.
    ...['2130706433', '0x7f.1', '0177.0.0.1', '127.1', '127.0.0.1.', '%31%32%37.0.0.1'],
    ...['localhost', 'localhost.', 'LOCALHOST', 'a.localhost', 'inner.test', 'inner.test.'],
  ])('%s is not connected to', async (host) => {
    dns.set('inner.test', 'A', ['127.0.0.1']);
    server.removeHttp(token);
    server.handle((_, response) => {
      response.writeHead(302, { Location: `http://${host}:${server.httpPort}/latest/meta-data/` });
      response.end();
    });
    const before = server.requests.length;
    const problem = problemOf(await trial.attempt('http-01', 'www.example.test'));
    expect(problem).toMatchObject({ type: 'unauthorized', retryable: false });
    expect(server.requests.length).toBe(before + 1);
    expect(strayRequests()).toBe(0);
  });

  it('https targets are checked alike', async () => {
    server.removeHttp(token);
    server.handle((_, response) => {
      response.writeHead(302, { Location: `https://127.0.0.1:${server.tlsPort}/` }).end();
    });
    const before = server.handshakes.length;
    const problem = problemOf(await trial.attempt('http-01', 'www.example.test'));
    expect(problem.type).toBe('unauthorized');
    expect(server.handshakes.length).toBe(before);
  });
});
