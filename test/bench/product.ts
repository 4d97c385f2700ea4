/** A whole installation, started by quickstart's supervisor, for one benchmark. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type RequestOptions, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runningEmbeddedPostgres } from '../../scripts/supervisor/embedded-postgres.ts';
import { freePorts, pidOf, startQuickstart, until } from '../support/quickstart-run.ts';
import type { Target } from './load.ts';
import { withChildren } from './process-statistics.ts';
import { say } from './progress.ts';

/** The installation and ways to reach it. */
export interface Product {
  /** REST over mutual TLS, as the first administrator. */
  readonly rest: Target;
  readonly ocsp: Target;
  /** The HTTPS port's URL, and what its certificate is verified with. */
  readonly https: { readonly url: string; readonly ca: string };
  readonly dataFolder: string;
  /** One call of REST as the first administrator. @throws Error for a status of 400 or more */
  call<T>(method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown): Promise<T>;
  /** The only active issuing CA: its id, and its certificate as DER. */
  issuer(): Promise<{ readonly issuerId: string; readonly certificate: Uint8Array }>;
  /** Of the CA or the responder. */
  pid(name: 'ca' | 'ocsp'): number;
  ownerUrl(): string;
  /** The CA with its signer process, and the database's server with its sessions. */
  processes(): readonly number[];
}

/** Runs a benchmark on a fresh installation, durable and with SoftHSM as users have it. */
export async function withProduct<T>(
  work: (product: Product) => Promise<T>,
  settings: Readonly<Record<string, string>> = {},
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-bench-'));
  const data = join(folder, 'data');
  const ports = await freePorts();
  say('starting Chancery: its database, tokens, CA and responder');
  const extra = process.env['CHANCERY_BENCH_NODE_OPTIONS'];
  const quickstart = startQuickstart('scripts/supervisor/main.ts', {
    CHANCERY_DATA: data,
    ...ports,
    ...settings,
    ...(extra === undefined ? {} : { NODE_OPTIONS: extra }),
  });
  try {
    await until(
      'the line ready',
      () => {
        if (quickstart.process.exitCode !== null)
          throw new Error(quickstart.standardOutput() + quickstart.standardError());
        return /^ready/m.test(quickstart.standardOutput());
      },
      120_000,
    );
    return await work(productOf(data, ports));
  } finally {
    quickstart.process.kill('SIGTERM');
    await quickstart.exited;
    rmSync(folder, { recursive: true, force: true });
  }
}

function productOf(dataFolder: string, ports: Readonly<Record<string, string>>): Product {
  const read = (...path: string[]): string => readFileSync(join(dataFolder, ...path), 'utf8');
  const tls = {
    ca: read('trust', 'root.pem'),
    cert: read('admin', 'cert.pem'),
    key: read('admin', 'key.pem'),
  };
  const https = Number(ports['CHANCERY_HTTPS_PORT']);
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> =>
    JSON.parse(await restCall({ ...tls, port: https, method, path, agent: false }, body)) as T;
  return {
    dataFolder,
    https: { url: `https://localhost:${https}`, ca: tls.ca },
    rest: { host: '127.0.0.1', port: https, tls, expectedStatus: 201 },
    ocsp: { host: '127.0.0.1', port: Number(ports['CHANCERY_OCSP_PORT']), expectedStatus: 200 },
    call,
    issuer: async () => {
      const { items } = await call<{
        items: { issuerId: string; kind: string; state: string }[];
      }>('GET', '/api/v1/issuers');
      const { issuerId = '' } =
        items.find(({ kind, state }) => kind !== 'root' && state === 'active') ?? {};
      const url = `http://127.0.0.1:${ports['CHANCERY_HTTP_PORT']}/ca/${issuerId}.cer`;
      return { issuerId, certificate: new Uint8Array(await (await fetch(url)).arrayBuffer()) };
    },
    pid: (name) => {
      const pid = pidOf(dataFolder, name);
      if (pid === undefined) throw new Error(`${name} does not run`);
      return pid;
    },
    processes: () => {
      const pids = [pidOf(dataFolder, 'ca'), pidOf(dataFolder, 'postgres')];
      return pids.flatMap((pid) => (pid === undefined ? [] : withChildren(pid)));
    },
    ownerUrl: () => {
      const server = runningEmbeddedPostgres(join(dataFolder, 'postgres'));
      if (server === undefined) throw new Error('the database does not run');
      return server.url('owner');
    },
  };
}

async function restCall(options: RequestOptions, body: unknown): Promise<string> {
  return await new Promise((done, fail) => {
    const sent = request(
      {
        ...options,
        host: 'localhost',
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('error', fail);
        response.on('end', () => {
          const { statusCode = 0 } = response;
          if (statusCode < 400) done(text);
          else fail(new Error(`${statusCode}: ${text}`));
        });
      },
    );
    sent.on('error', fail);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
