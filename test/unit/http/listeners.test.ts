import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Listener, listenHttp } from '../../../src/http/listeners.ts';
import { ask, startEdge } from './edge.ts';

const limits = { requestTimeoutMilliseconds: 5000 };
const open: Listener[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((listener) => listener.close(0)));
});

async function listen(
  application: Parameters<typeof listenHttp>[0],
  port = 0,
  addresses = ['127.0.0.1'],
): Promise<Listener> {
  const listener = await listenHttp(
    application,
    { addresses, port, variable: 'CHANCERY_HTTP_PORT' },
    limits,
  );
  open.push(listener);
  return listener;
}

function get(port: number, host = '127.0.0.1'): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ port, host, agent: false }, (incoming) => {
      let text = '';
      incoming.on('data', (chunk) => (text += String(chunk)));
      incoming.once('end', () => resolve(text));
      incoming.once('error', reject);
    });
    outgoing.once('error', reject);
    outgoing.end();
  });
}

describe('binding', () => {
  it('says in one line that a port is in use and how to choose another', async () => {
    const { port } = await listen((_request, response) => response.end());
    await expect(listen(() => undefined, port)).rejects.toMatchObject({
      code: 'configuration',
      message: `port ${port} on 127.0.0.1 is in use; stop what uses it or choose another with CHANCERY_HTTP_PORT`,
    });
  });

  it('says that the machine lacks an address', async () => {
    await expect(listen(() => undefined, 0, ['192.0.2.1'])).rejects.toMatchObject({
      code: 'configuration',
      message: 'this machine has no address 192.0.2.1; change CHANCERY_LISTEN',
    });
  });

  it('leaves nothing bound when one of the addresses fails', async () => {
    const probe = createServer();
    const port = await new Promise<number>((resolve) => {
      probe.listen(0, '127.0.0.1', () => {
        const address = probe.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
        probe.close();
      });
    });
    await expect(listen(() => undefined, port, ['127.0.0.1', '192.0.2.1'])).rejects.toThrow();
    await expect(get(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('closing', () => {
  it('refuses new connections at once and lets requests under way finish', async () => {
    let finish: (() => void) | undefined;
    const { port, close } = await listen((_request, response) => {
      finish = () => response.end('finished');
    });
    const answer = get(port);
    await expect.poll(() => finish).toBeDefined();
    const closed = close(10_000);
    await expect
      .poll(() => get(port).catch((error: unknown) => (error as { code?: string }).code))
      .toBe('ECONNREFUSED');
    finish?.();
    expect(await answer).toBe('finished');
    await closed;
  });

  it('cuts what outlasts the drain', async () => {
    const { port, close } = await listen(() => undefined);
    const answer = get(port).catch(() => 'cut');
    await new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve();
      });
    });
    const started = performance.now();
    await close(100);
    expect(performance.now() - started).toBeLessThan(5000);
    expect(await answer).toBe('cut');
  });

  it('lets requests of both listeners finish, then is gone', async () => {
    let finish: ((value: unknown) => void) | undefined;
    const edge = await startEdge({
      overrides: { listProfiles: () => new Promise((resolve) => (finish = resolve)) },
    });
    const slow = ask(edge, { path: '/api/v1/profiles', as: 'auditor' });
    await expect.poll(() => finish).toBeDefined();
    const closed = edge.close();
    finish?.([]);
    expect((await slow).status).toBe(200);
    await closed;
    await expect(ask(edge, { path: '/healthz' }, true)).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
  });
});

describe('starting', () => {
  it('stops what it began when HTTPS can not start', async () => {
    const blocker = await listen((_request, response) => response.end());
    const probe = await listen((_request, response) => response.end());
    const httpPort = probe.port;
    await probe.close(0);
    await expect(
      startEdge({ configuration: { httpPort, httpsPort: blocker.port } }),
    ).rejects.toMatchObject({ code: 'configuration' });
    await expect(get(httpPort)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('serves metrics without authentication on a listener of its own, when told to', async () => {
    const probe = await listen((_request, response) => response.end());
    await probe.close(0);
    const edge = await startEdge({
      configuration: { metricsListen: { host: '127.0.0.1', port: probe.port } },
    });
    try {
      expect(await get(probe.port)).toContain('notFound');
      const metrics = await ask({ ...edge, httpPort: probe.port }, { path: '/metrics' }, true);
      expect(metrics.headers['content-type']).toMatch(/^text\/plain/);
      expect(metrics.body).toContain('chancery_http_request_duration_seconds');
    } finally {
      await edge.close();
    }
  });
});
