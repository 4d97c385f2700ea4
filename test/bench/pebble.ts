/** Debian's pebble, the peer of ACME: a test server that keeps everything in memory. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, until } from '../support/quickstart-run.ts';
import type { OrderTarget } from './acme-load.ts';
import { answers, selfSigned } from './cfssl.ts';

/** A pebble that serves. */
export interface Pebble {
  readonly target: OrderTarget;
  processes(): readonly number[];
}

/** Runs some work beside a pebble that neither sleeps before it validates nor refuses good nonces. */
export async function withPebble<T>(
  ports: Pick<OrderTarget, 'http01Port' | 'dnsPort'>,
  work: (pebble: Pebble) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-bench-'));
  const file = (name: string): string => join(folder, name);
  const free = await freePorts();
  const port = Number(free['CHANCERY_HTTPS_PORT']);
  selfSigned(file('tls'), 'localhost', 'subjectAltName=DNS:localhost');
  const pebble = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${free['CHANCERY_HTTP_PORT']}`,
    certificate: file('tls.crt'),
    privateKey: file('tls.key'),
    httpPort: ports.http01Port,
    tlsPort: Number(free['CHANCERY_OCSP_PORT']),
  };
  writeFileSync(file('config.json'), JSON.stringify({ pebble }));
  const server = spawn(
    'pebble',
    ['-config', file('config.json'), '-dnsserver', `127.0.0.1:${ports.dnsPort}`],
    {
      stdio: 'ignore',
      cwd: folder,
      env: {
        PATH: process.env['PATH'],
        PEBBLE_VA_NOSLEEP: '1',
        PEBBLE_WFE_NONCEREJECT: '0',
        // It would give half of the authorizations again instead of validating.
        PEBBLE_AUTHZREUSE: '0',
      },
    },
  );
  const exited = new Promise((done) => {
    server.once('exit', done);
    server.once('error', done);
  });
  try {
    await until('pebble', async () => answers(port));
    return await work({
      target: {
        directory: `https://localhost:${port}/dir`,
        ca: readFileSync(file('tls.crt'), 'utf8'),
        ...ports,
      },
      processes: () => [server.pid ?? 0],
    });
  } finally {
    server.kill('SIGTERM');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  }
}
