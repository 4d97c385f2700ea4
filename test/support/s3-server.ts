/**
 * A small S3-compatible bucket in memory for the faults that a real server can't be asked for. It
 * honours If-Match and If-None-Match on PUT and checks x-amz-content-sha256; signatures are the real
 * server's to check.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { S3Options } from '../../src/storage/s3-client.ts';

interface StoredObject {
  readonly content: Buffer;
  readonly tag: string;
  readonly sha256: string | undefined;
  readonly write?: string | undefined;
}

/** What goes wrong with the next request that it is asked about; undefined: nothing. */
export type Fault =
  /** The connection is cut before anything is stored, in the middle of the body. */
  | { readonly kind: 'cut' }
  /** All is done, and the connection is cut before the answer. */
  | { readonly kind: 'lostAnswer' }
  | { readonly kind: 'answer'; readonly status: number; readonly code: string }
  /** Stores something else than it was sent. */
  | { readonly kind: 'damage' };

export class S3Server {
  readonly objects = new Map<string, StoredObject>();
  readonly requests: string[] = [];
  /** Asked for every request; the path is without bucket and prefix. */
  fault: (method: string, path: string) => Fault | undefined = () => undefined;
  /** The ETag of a content; another function makes the server lie. */
  tagOf: (content: Buffer) => string = (content) => createHash('md5').update(content).digest('hex');
  honoursConditions = true;
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch(() => request.socket.destroy());
  });

  async start(): Promise<S3Options> {
    await new Promise<void>((done) => {
      this.#server.listen(0, '127.0.0.1', done);
    });
    const spoolFolder = mkdtempSync(join(tmpdir(), 'chancery-spool-'));
    afterAll(async () => {
      this.#server.closeAllConnections();
      await new Promise((done) => this.#server.close(done));
      rmSync(spoolFolder, { recursive: true, force: true });
    });
    return {
      endpoint: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`,
      bucket: 'b',
      prefix: 'pki/',
      region: 'eu-central-1',
      pathStyle: true,
      accessKeyId: 'key',
      secretAccessKey: 'a secret that no message shows',
      timeoutMilliseconds: 2000,
      attempts: 4,
      spoolFolder,
    };
  }

  /** Puts an object there as another writer would. */
  put(path: string, text: string): void {
    const content = Buffer.from(text);
    const sha256 = createHash('sha256').update(content).digest('hex');
    this.objects.set(`/b/pki/${path}`, { content, tag: this.tagOf(content), sha256 });
  }

  text(path: string): string | undefined {
    return this.objects.get(`/b/pki/${path}`)?.content.toString();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://x');
    const method = request.method ?? '';
    this.requests.push(`${method} ${pathname}`);
    const fault = this.fault(method, pathname.replace('/b/pki/', ''));
    const refuse = (status: number, code: string): void => {
      response.writeHead(status, { 'content-type': 'application/xml' });
      response.end(`<?xml version="1.0"?><Error><Code>${code}</Code></Error>`);
    };
    if (fault?.kind === 'cut') {
      request.once('data', () => request.socket.destroy());
      if (method !== 'PUT') request.socket.destroy();
      return;
    }
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    if (fault?.kind === 'answer') return refuse(fault.status, fault.code);
    const found = this.objects.get(pathname);
    if (this.honoursConditions && !holds(request, found)) {
      return refuse(412, 'PreconditionFailed');
    }
    if (method === 'PUT') {
      const sha256 = createHash('sha256').update(body).digest('hex');
      if (request.headers['x-amz-content-sha256'] !== sha256) {
        return refuse(400, 'XAmzContentSHA256Mismatch');
      }
      const content = fault?.kind === 'damage' ? Buffer.alloc(body.length) : body;
      const noted = (name: string) => request.headers[`x-amz-meta-${name}`]?.toString();
      const tag = this.tagOf(body);
      this.objects.set(pathname, { content, tag, sha256: noted('sha256'), write: noted('write') });
      if (fault?.kind === 'lostAnswer') return void request.socket.destroy();
      response.writeHead(200, { etag: `"${this.tagOf(body)}"` }).end();
    } else if (method === 'DELETE') {
      this.objects.delete(pathname);
      response.writeHead(204).end();
    } else if (found === undefined) refuse(404, 'NoSuchKey');
    else {
      response.writeHead(200, {
        etag: `"${found.tag}"`,
        'content-length': found.content.length,
        ...(found.sha256 === undefined ? {} : { 'x-amz-meta-sha256': found.sha256 }),
        ...(found.write === undefined ? {} : { 'x-amz-meta-write': found.write }),
      });
      response.end(method === 'HEAD' ? undefined : found.content);
    }
  }
}

function holds({ headers }: IncomingMessage, found: StoredObject | undefined): boolean {
  if (headers['if-none-match'] === '*' && found !== undefined) return false;
  const wanted = headers['if-match'];
  return wanted === undefined || wanted === `"${found?.tag ?? ''}"`;
}
