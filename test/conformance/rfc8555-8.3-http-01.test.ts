/** RFC 8555 §8.3: http-01, and what §10.4 says about where validation may be led (row A31, I39). */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { challengeCertificate } from '../support/challenge-certificate.ts';
import {
  keyAuthorization,
  problemOf,
  startValidationTrial,
  token,
} from '../support/validation-trial.ts';

const trial = await startValidationTrial(
  { hosts: ['127.0.0.1', '::1'] },
  { timeoutMilliseconds: 20_000 },
);
const { dns, server } = trial;
const path = `/.well-known/acme-challenge/${token}`;
afterAll(async () => trial.close());

beforeEach(() => {
  server.removeHttp(token);
  server.handle((_, response) => response.writeHead(404).end('the secret of the host'));
  dns.set('www.example.test', 'A', ['127.0.0.1']);
});

/** Answers the challenge's path with a redirect to `location`. */
function redirectTo(location: string, status = 302): void {
  server.handle((_, response) => response.writeHead(status, { Location: location }).end());
}

describe('A31 §8.3: the request', () => {
  it('asks for the well-known path at the name, plainly, and accepts the key authorization', async () => {
    server.answerHttp(token, keyAuthorization);
    const outcome = await trial.attempt('http-01', 'www.example.test');
    expect(outcome).toEqual({ valid: true, address: '127.0.0.1' });
    const seen = server.requests.at(-1);
    expect(seen).toMatchObject({ url: path, host: 'www.example.test' });
    expect(seen?.headers).toMatchObject({ 'accept-encoding': 'identity', connection: 'close' });
    expect(seen?.headers['user-agent']).toMatch(/^Chancery/);
  });

  it.each(['\n', '\r\n', ' \t\r\n\n'])('white space at the end (%j) is ignored', async (end) => {
    server.answerHttp(token, `${keyAuthorization}${end}`);
    const outcome = await trial.attempt('http-01', 'www.example.test');
    expect(outcome.valid).toBe(true);
  });

  it.each([
    ['white space before it', ` ${keyAuthorization}`],
    ['a byte order mark', `\uFEFF${keyAuthorization}`],
    ['another case', keyAuthorization.toUpperCase()],
    ['the token alone', token],
    ['something after it', `${keyAuthorization}\nx`],
    ['a padded one', `${keyAuthorization}=`],
    ['nothing', ''],
  ])('%s is no key authorization', async (_, body) => {
    server.answerHttp(token, body);
    const problem = problemOf(await trial.attempt('http-01', 'www.example.test'));
    expect(problem).toMatchObject({ type: 'incorrectResponse', retryable: true });
    expect(problem.detail).toContain('www.example.test (127.0.0.1 port ');
  });

  it.each([201, 204, 206, 400, 401, 403, 404, 500, 503])(
    'status %i is no answer',
    async (status) => {
      server.handle((_, response) => response.writeHead(status).end(keyAuthorization));
      const problem = problemOf(await trial.attempt('http-01', 'www.example.test'));
      expect(problem).toMatchObject({ type: 'incorrectResponse', retryable: true });
      expect(problem.detail).toContain(`answered ${status}`);
    },
  );

  it('a body that is compressed although that was not asked for is not unpacked', async () => {
    server.handle((_, response) =>
      response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync(keyAuthorization)),
    );
    const problem = problemOf(await trial.attempt('http-01', 'www.example.test'));
    expect(problem.type).toBe('incorrectResponse');
  });

  it('a name without addresses, an unknown one and a failing DNS server are dns problems', async () => {
    dns.set('text.example.test', 'TXT', ['only this']);
    dns.fail('broken.example.test', 'SERVFAIL');
    dns.fail('refused.example.test', 'REFUSED');
    for (const [name, words] of [
      ['text.example.test', 'neither an AAAA nor an A record'],
      ['unknown.example.test', 'NXDOMAIN'],
      ['broken.example.test', 'SERVFAIL'],
      ['refused.example.test', 'REFUSED'],
    ] as const) {
      const problem = problemOf(await trial.attempt('http-01', name));
      expect(problem, name).toMatchObject({ type: 'dns', retryable: true });
      expect(problem.detail).toContain(name);
      expect(problem.detail).toContain(words);
    }
  });

  it('a DNS server that never answers ends as a dns problem in time', async () => {
    dns.fail('silent.example.test', 'silent');
    const outcome = await trial.attempt('http-01', 'silent.example.test', {
      timeoutMilliseconds: 1000,
    });
    expect(problemOf(outcome)).toMatchObject({ type: 'dns', retryable: true });
    expect(problemOf(outcome).detail).toContain('no answer in time');
  });

  it('a closed port is a connection problem that names host, address and port', async () => {
    const outcome = await trial.attempt('http-01', 'www.example.test', { http01Port: 1 });
    const problem = problemOf(outcome);
    expect(problem).toMatchObject({ type: 'connection', retryable: true });
    expect(problem.detail).toMatch(/www\.example\.test at port 1: 127\.0\.0\.1 refused/);
  });
});

describe('§8.3: addresses', () => {
  it('IPv6 comes first', async () => {
    dns.set('both.example.test', 'A', ['127.0.0.1']);
    dns.set('both.example.test', 'AAAA', ['::1']);
    server.answerHttp(token, keyAuthorization);
    const outcome = await trial.attempt('http-01', 'both.example.test');
    expect(outcome).toEqual({ valid: true, address: '::1' });
  });

  it('where nobody listens on IPv6, or AAAA alone fails in the DNS, IPv4 is taken', async () => {
    const onlyIpv4 = await startValidationTrial();
    try {
      onlyIpv4.server.answerHttp(token, keyAuthorization);
      onlyIpv4.dns.set('both.example.test', 'A', ['127.0.0.1']);
      onlyIpv4.dns.set('both.example.test', 'AAAA', ['::1']);
      const fallback = await onlyIpv4.attempt('http-01', 'both.example.test');
      expect(fallback).toEqual({ valid: true, address: '127.0.0.1' });
      onlyIpv4.dns.fail('both.example.test', 'SERVFAIL', 'AAAA');
      const stumbling = await onlyIpv4.attempt('http-01', 'both.example.test');
      expect(stumbling).toEqual({ valid: true, address: '127.0.0.1' });
    } finally {
      await onlyIpv4.close();
    }
  });

  it('an answer on IPv6 counts, right or wrong: IPv4 is not asked as well', async () => {
    dns.set('both.example.test', 'A', ['127.0.0.1']);
    dns.set('both.example.test', 'AAAA', ['::1']);
    const before = server.requests.length;
    const problem = problemOf(await trial.attempt('http-01', 'both.example.test'));
    expect(problem.detail).toContain('::1');
    expect(server.requests.length).toBe(before + 1);
  });

  it('the connection comes from the source address, and only to addresses of its kind', async () => {
    dns.set('both.example.test', 'A', ['127.0.0.1']);
    dns.set('both.example.test', 'AAAA', ['::1']);
    server.answerHttp(token, keyAuthorization);
    const source = { sourceAddress: '127.0.0.77' };
    const outcome = await trial.attempt('http-01', 'both.example.test', source);
    expect(outcome).toEqual({ valid: true, address: '127.0.0.1' });
    expect(server.requests.at(-1)?.remoteAddress).toBe('127.0.0.77');
    dns.set('six.example.test', 'AAAA', ['::1']);
    const problem = problemOf(await trial.attempt('http-01', 'six.example.test', source));
    expect(problem.type).toBe('connection');
    expect(problem.detail).toContain('no IPv4 address');
  });

  it('RFC 6761 §6.3: localhost and what is below it are loopback without a question to the DNS', async () => {
    server.answerHttp(token, keyAuthorization);
    const before = dns.queries.length;
    for (const name of ['localhost', 'www.localhost', 'a.b.localhost']) {
      expect((await trial.attempt('http-01', name)).valid, name).toBe(true);
      expect(server.requests.at(-1)?.host).toBe(name);
    }
    expect(dns.queries.length).toBe(before);
  });
});

describe('§8.3, §10.4: redirects', () => {
  it.each([301, 302, 303, 307, 308])(
    'status %i is followed, to another host too',
    async (status) => {
      dns.set('other.example.test', 'A', ['127.0.0.1']);
      server.handle((request, response) => {
        if (request.headers.host === 'www.example.test') {
          response.writeHead(status, {
            Location: `http://other.example.test:${server.httpPort}/moved?a=b#part`,
          });
          response.end();
        } else response.end(keyAuthorization);
      });
      const outcome = await trial.attempt('http-01', 'www.example.test');
      expect(outcome.valid).toBe(true);
      expect(server.requests.at(-1)).toMatchObject({
        url: '/moved?a=b',
        host: 'other.example.test',
      });
    },
  );

  it('a relative Location keeps host and port', async () => {
    server.handle((request, response) => {
      if (request.url === '/elsewhere') response.end(keyAuthorization);
      else response.writeHead(302, { Location: '/elsewhere' }).end();
    });
    const outcome = await trial.attempt('http-01', 'www.example.test');
    expect(outcome.valid).toBe(true);
  });

  it('a redirect to https is followed without verifying its certificate; SNI is the name', async () => {
    const identity = challengeCertificate({ identifier: 'wrong.example.test', keyAuthorization });
    const secure = await startValidationTrial({
      protocols: ['http/1.1'],
      tls: { ...identity },
    });
    try {
      const requests: string[] = [];
      secure.server.setCertificate('www.example.test', identity);
      secure.dns.set('www.example.test', 'A', ['127.0.0.1']);
      secure.server.handle((_, response) => {
        const location = `https://www.example.test:${secure.server.tlsPort}/secure`;
        response.writeHead(301, { Location: location }).end();
      });
      secure.server.onTls((socket) => {
        socket.once('data', (data) => {
          requests.push(data.toString('latin1').split('\r\n', 1)[0] ?? '');
          socket.end(`HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${keyAuthorization}`);
        });
      });
      const outcome = await secure.attempt('http-01', 'www.example.test');
      expect(outcome.valid).toBe(true);
      expect(requests).toEqual(['GET /secure HTTP/1.1']);
      expect(secure.server.handshakes.at(-1)?.serverName).toBe('www.example.test');
    } finally {
      await secure.close();
    }
  });

  it('10 redirects are followed, the 11th is not', async () => {
    let last = 10;
    server.handle((request, response) => {
      const hop = Number(request.url?.split('?')[1] ?? '0');
      if (hop === last) response.end(keyAuthorization);
      else response.writeHead(302, { Location: `/hop?${hop + 1}` }).end();
    });
    expect((await trial.attempt('http-01', 'www.example.test')).valid).toBe(true);
    last = 11;
    const problem = problemOf(await trial.attempt('http-01', 'www.example.test'));
    expect(problem).toMatchObject({ type: 'incorrectResponse', retryable: false });
    expect(problem.detail).toContain('redirect 11');
  });

  it('a circle ends at its first return', async () => {
    const before = server.requests.length;
    server.handle((request, response) => {
      response.writeHead(302, { Location: request.url === '/a' ? '/b' : '/a' }).end();
    });
    const problem = problemOf(await trial.attempt('http-01', 'www.example.test'));
    expect(problem.detail).toContain('circle');
    expect(server.requests.length).toBe(before + 3);
  });

  it.each([
    ['file', 'file:///etc/passwd', 'scheme'],
    ['ftp', 'ftp://www.example.test/', 'scheme'],
    ['gopher', 'gopher://127.0.0.1:6379/_x', 'scheme'],
    ['data', 'data:text/plain,x', 'scheme'],
    ['port 22', 'http://www.example.test:22/', 'port 22'],
    ['port 8080', 'http://www.example.test:8080/', 'port 8080'],
    ['a password', 'http://user:secret@www.example.test/', 'password'],
    ['a user name', 'http://user@www.example.test/', 'user name'],
    ['a path of 2001 characters', `/${'a'.repeat(2001)}`, '2000 characters'],
    ['no URL', 'http://', 'no URL'],
    ['a bad host', 'http://a..b..c:80:80/', 'no URL'],
  ])('not to %s', async (_, location, words) => {
    const before = server.requests.length;
    redirectTo(location);
    const problem = problemOf(await trial.attempt('http-01', 'www.example.test'));
    expect(problem).toMatchObject({ type: 'incorrectResponse', retryable: false });
    expect(problem.detail).toContain(words);
    expect(problem.detail).not.toContain('secret');
    expect(server.requests.length).toBe(before + 1);
  });

  it('a redirect without a Location is no answer', async () => {
    server.handle((_, response) => response.writeHead(302).end(keyAuthorization));
    const problem = problemOf(await trial.attempt('http-01', 'www.example.test'));
    expect(problem.detail).toContain('Location');
  });
});

describe('T-SSRF-4 §10.4: what strangers send is bounded and never echoed', () => {
  it('a body is cut at 16 KiB, with and without Content-Length', async () => {
    for (const headers of [{}, { 'Content-Length': String(2 ** 30) }]) {
      let sent = 0;
      server.handle((_, response) => {
        response.writeHead(200, headers);
        const more = (): void => {
          while (!response.destroyed && sent < 2 ** 26) {
            sent += 65_536;
            if (!response.write(Buffer.alloc(65_536, 0x78))) break;
          }
        };
        response.on('drain', more);
        more();
      });
      const problem = problemOf(await trial.attempt('http-01', 'www.example.test'));
      expect(problem.type).toBe('incorrectResponse');
      expect(problem.detail).toContain('16 KiB');
      expect(sent).toBeLessThan(2 ** 26);
    }
  });

  it('headers are cut at 16 KiB, and endless interim answers too', async () => {
    server.handle((request) =>
      request.socket.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`),
    );
    const headers = problemOf(await trial.attempt('http-01', 'www.example.test'));
    expect(headers.detail).toContain('headers of more than 16 KiB');
    server.handle((request) =>
      request.socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(1000)),
    );
    const interim = problemOf(await trial.attempt('http-01', 'www.example.test'));
    expect(interim).toMatchObject({ type: 'incorrectResponse' });
  });

  it('a body that drips is cut at the deadline', async () => {
    let dripping = true;
    server.handle((_, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write('x'), 20);
      response.on('close', () => {
        clearInterval(drip);
        dripping = false;
      });
    });
    const outcome = await trial.attempt('http-01', 'www.example.test', {
      timeoutMilliseconds: 600,
    });
    expect(problemOf(outcome)).toMatchObject({ type: 'connection', retryable: true });
    expect(problemOf(outcome).detail).toContain('in full within 600 ms');
    await expect.poll(() => dripping).toBe(false);
  });

  it('a host that accepts and says nothing is cut at the deadline', async () => {
    server.handle(() => undefined);
    const outcome = await trial.attempt('http-01', 'www.example.test', {
      timeoutMilliseconds: 400,
    });
    expect(problemOf(outcome).type).toBe('connection');
  });

  it('a host that hangs up, or does not speak HTTP, is said to', async () => {
    server.handle((request) => request.socket.destroy());
    const closed = problemOf(await trial.attempt('http-01', 'www.example.test'));
    expect(closed).toMatchObject({ type: 'connection', retryable: true });
    server.handle((_, response) => {
      response.writeHead(200, { 'Content-Length': '500' });
      response.write('half of it', () => response.destroy());
    });
    const half = problemOf(await trial.attempt('http-01', 'www.example.test'));
    expect(half).toMatchObject({ type: 'connection', retryable: true });
    server.handle((request) => request.socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    const other = problemOf(await trial.attempt('http-01', 'www.example.test'));
    expect(other).toMatchObject({ type: 'incorrectResponse' });
    expect(other.detail).not.toContain('OpenSSH');
  });

  it('neither problem nor log holds a byte of what was fetched', async () => {
    const secret = 'ami-id-0123456789';
    for (const handler of [
      () => secret,
      () => `${keyAuthorization} ${secret}`,
      () => secret.repeat(2000),
    ]) {
      server.handle((_, response) =>
        response.writeHead(200, 'OK', { 'X-Secret': secret }).end(handler()),
      );
      const problem = problemOf(await trial.attempt('http-01', 'www.example.test'));
      expect(JSON.stringify(problem)).not.toContain('ami-id');
    }
    server.handle((request) => request.socket.end(`HTTP/1.1 999999 ${secret}\r\n\r\n`));
    const problem = problemOf(await trial.attempt('http-01', 'www.example.test'));
    expect(JSON.stringify(problem)).not.toContain('ami-id');
    expect(trial.log.join('\n')).not.toMatch(/ami-id|secret of the host/);
    expect(trial.log.join('\n')).not.toContain('alarm');
  });
});
