/**
 * Where ACME clients of a test live: a DNS server in which every name below `.test` is this machine,
 * trial ports for http-01 and tls-alpn-01, and a door through which a client's hook sets TXT records.
 * No public name is ever looked up.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll } from 'vitest';
import { startDnsServer, type TestDnsServer } from './dns-server.ts';
import { acmePorts } from './quickstart-run.ts';

export interface TrialNetwork {
  readonly dns: TestDnsServer;
  readonly http01Port: number;
  readonly tlsAlpn01Port: number;
  /** What quickstart must be told, so that validation looks here. */
  readonly environment: Readonly<Record<string, string>>;
  /** A program: `present NAME VALUE` and `cleanup NAME VALUE`, as lego's exec provider calls it. */
  readonly hook: string;
  setText(name: string, value: string): void;
  removeText(name: string, value: string): void;
}

/** Starts it for one test file; it ends with the file. */
export async function startTrialNetwork(): Promise<TrialNetwork> {
  const ports = await acmePorts();
  const dns = await startDnsServer({ port: ports.dns });
  dns.set('*.test', 'A', ['127.0.0.1']);
  const texts = new Map<string, readonly string[]>();
  const change = (name: string, next: (values: readonly string[]) => readonly string[]): void => {
    const key = name.toLowerCase().replace(/\.$/, '');
    const values = next(texts.get(key) ?? []);
    texts.set(key, values);
    if (values.length > 0) dns.set(key, 'TXT', values);
    else dns.remove(key);
  };
  const setText = (name: string, value: string): void =>
    change(name, (values) => [...values, value]);
  const removeText = (name: string, value: string): void =>
    change(name, (values) => values.filter((other) => other !== value));

  const door = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://door.invalid');
    const name = url.searchParams.get('name') ?? '';
    const value = url.searchParams.get('value') ?? '';
    (url.pathname === '/present' ? setText : removeText)(name, value);
    response.end();
  });
  await new Promise<void>((done) => door.listen(0, '127.0.0.1', done));
  const folder = mkdtempSync(join(tmpdir(), 'chancery-hook-'));
  const hook = join(folder, 'dns-hook');
  writeFileSync(
    hook,
    `#!/bin/sh
exec curl --silent --fail --get "http://127.0.0.1:${(door.address() as AddressInfo).port}/$1" \\
  --data-urlencode "name=$2" --data-urlencode "value=$3"
`,
  );
  chmodSync(hook, 0o755);

  // That validation may reach this machine itself is for quickstart to allow.
  const { CHANCERY_ACME_ALLOW_LOOPBACK: _, ...environment } = ports.environment;
  afterAll(async () => {
    door.close();
    await dns.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    dns,
    http01Port: ports.http01,
    tlsAlpn01Port: ports.tlsAlpn01,
    hook,
    setText,
    removeText,
    environment,
  };
}

/** A plain web server on the port of http-01 for a client that only writes files: one folder, by name. */
export async function serveChallengeFiles(
  network: TrialNetwork,
  folder: string,
): Promise<{ close(): Promise<void> }> {
  const server = createServer((request, response) => {
    try {
      response.end(readFileSync(join(folder, basename(request.url ?? ''))));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(network.http01Port, '127.0.0.1', done);
  });
  return {
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
}
