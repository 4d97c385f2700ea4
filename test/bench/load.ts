/** Runs the load client and keeps what it measured. */
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where to send what. */
export interface LoadSpecification {
  readonly host: string;
  readonly port: number;
  /** PEM; undefined: plain TCP. */
  readonly tls?: { readonly ca: string; readonly cert?: string; readonly key?: string } | undefined;
  /** Keep-alive connections, each with one request under way. */
  readonly connections: number;
  readonly requestsFile: string;
  /** Random requests for so long; undefined: each request once, in order. */
  readonly seconds?: number | undefined;
  /** Requests a second offered by all connections together; undefined: as many as are answered. */
  readonly offeredPerSecond?: number | undefined;
  /** Not measured. */
  readonly warmUpSeconds?: number | undefined;
  readonly expectedStatus: number;
}

/** Times in milliseconds. */
export interface LoadResult {
  readonly answers: number;
  /** Answers with another status than expected. */
  readonly wrong: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
  /** Base64 of the first right answer's body. */
  readonly sampleBody: string;
  readonly bodyBytes: number;
}

/** A server under load. */
export type Target = Pick<LoadSpecification, 'host' | 'port' | 'tls' | 'expectedStatus'>;

/**
 * Sends these raw requests from a process of its own.
 *
 * @throws Error when an answer was not the expected one: such a figure means nothing
 */
export async function load(
  target: Target,
  requests: readonly Buffer[],
  how: Pick<LoadSpecification, 'connections' | 'seconds' | 'warmUpSeconds' | 'offeredPerSecond'>,
): Promise<LoadResult> {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-bench-'));
  const requestsFile = join(folder, 'requests');
  writeFileSync(
    requestsFile,
    Buffer.concat(
      requests.flatMap((request) => {
        const length = Buffer.alloc(4);
        length.writeUInt32BE(request.length);
        return [length, request];
      }),
    ),
  );
  try {
    const result = await inOwnProcess({ ...target, ...how, requestsFile });
    if (result.wrong > 0 || result.answers === 0) {
      throw new Error(`${result.wrong} of ${result.answers} answers were not as expected`);
    }
    return result;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function inOwnProcess(specification: LoadSpecification): Promise<LoadResult> {
  const child = fork(new URL('./load-client.ts', import.meta.url), { stdio: 'inherit' });
  return await new Promise((done, fail) => {
    child.once('message', (result: LoadResult) => done(result));
    child.once('error', fail);
    child.once('exit', (code) => fail(new Error(`the load client ended with ${code}`)));
    child.send(specification);
  });
}

/** A raw HTTP/1.1 request. */
export function rawRequest(
  method: 'GET' | 'POST',
  path: string,
  contentType?: string,
  body: string | Uint8Array = '',
): Buffer {
  const octets = Buffer.from(body as string);
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: localhost'];
  if (contentType !== undefined) {
    lines.push(`Content-Type: ${contentType}`, `Content-Length: ${octets.length}`);
  }
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), octets]);
}
