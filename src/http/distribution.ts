import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response, Router } from 'express';
import express from 'express';
import type { Authority } from '../authority/index.ts';
import type { Clock } from '../domain/index.ts';
import { ChanceryError, isChanceryError } from '../domain/index.ts';
import { refuseMethod } from './application.ts';
import { isNotModified } from './conditional.ts';
import { labelled } from './gate.ts';

export interface DistributionOptions {
  readonly authority: Pick<Authority, 'publishedFile' | 'trustBundle' | 'readiness'>;
  readonly clock: Clock;
}

/** A file with what caches need. */
interface CacheableFile {
  readonly contentType: string;
  /** Without quotes; strong: the same tag means the same octets. */
  readonly etag: string;
  readonly lastModified?: Date | undefined;
  readonly expires?: Date | undefined;
  readonly octets: number;
  chunks(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/**
 * Caches may keep a file this long before they ask again (a cheap 304): a suspension must reach
 * relying parties long before nextUpdate, which Expires still tells.
 */
const longestCacheSeconds = 60;

/** CRLs and CA certificates as RFC 2585 §4 types them. Public: relying parties have no credential. */
export function filesRouter({ authority, clock }: DistributionOptions): Router {
  const router = express.Router({ caseSensitive: true, strict: true });
  const serve =
    (path: (part: (name: string) => string) => string, contentType: string) =>
    async (request: express.Request, response: Response): Promise<void> => {
      const name = path((part) => partOf(request, part));
      for (let attempt = 1; ; attempt += 1) {
        const file = await authority.publishedFile(name);
        if (file === undefined) throw nothingHere();
        try {
          await sendFile(request, response, { ...file, contentType }, clock.now());
          return;
        } catch (error) {
          // Replaced between the look and the first octet; nothing was sent yet.
          const replaced = isChanceryError(error) && error.code === 'storeConflict';
          if (!replaced || response.headersSent || attempt >= 5) throw error;
        }
      }
    };
  router.get(
    '/crl/:issuerId/:shard.crl',
    labelled('/crl/{issuerId}/{shard}.crl'),
    serve((part) => `crl/${part('issuerId')}/${part('shard')}.crl`, 'application/pkix-crl'),
  );
  router.get(
    '/ca/:issuerId.cer',
    labelled('/ca/{issuerId}.cer'),
    serve((part) => `ca/${part('issuerId')}.cer`, 'application/pkix-cert'),
  );
  for (const path of ['/crl/:issuerId/:shard.crl', '/ca/:issuerId.cer']) {
    router.all(path, refuseMethod(['GET', 'HEAD']));
  }
  return router;
}

/** Trust anchors as files; on both listeners. */
export function bundlesRouter({ authority, clock }: DistributionOptions): Router {
  const router = express.Router({ caseSensitive: true, strict: true });
  router.get('/bundles/:name.pem', labelled('/bundles/{name}.pem'), async (request, response) => {
    const { pem, etag } = await authority.trustBundle(partOf(request, 'name'));
    const contentType = 'application/x-pem-file';
    await sendFile(
      request,
      response,
      { ...whole(Buffer.from(pem)), etag, contentType },
      clock.now(),
    );
  });
  router.get('/bundles/:name.p7b', labelled('/bundles/{name}.p7b'), async (request, response) => {
    const { p7b, etag } = await authority.trustBundle(partOf(request, 'name'));
    const contentType = 'application/x-pkcs7-certificates';
    await sendFile(request, response, { ...whole(p7b), etag, contentType }, clock.now());
  });
  for (const path of ['/bundles/:name.pem', '/bundles/:name.p7b']) {
    router.all(path, refuseMethod(['GET', 'HEAD']));
  }
  return router;
}

/** Alive and ready, from memory: asking costs nothing and asks nobody. */
export function healthRouter({ authority }: DistributionOptions): Router {
  const router = express.Router({ caseSensitive: true, strict: true });
  router.get('/healthz', labelled('/healthz'), (_request, response) => {
    sendStatus(response, 200, { status: 'alive' });
  });
  router.get('/readyz', labelled('/readyz'), (_request, response) => {
    const { ready, reasons } = authority.readiness();
    sendStatus(response, ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', reasons });
  });
  for (const path of ['/healthz', '/readyz']) router.all(path, refuseMethod(['GET', 'HEAD']));
  return router;
}

function sendStatus(response: Response, status: number, body: unknown): void {
  response.status(status).set('cache-control', 'no-store');
  if (status === 503) response.set('retry-after', '5');
  response.type('application/json').end(`${JSON.stringify(body)}\n`);
}

/**
 * Validators first, then either 304 or the octets (RFC 9110 §13, RFC 9111 §5). The octets go out as
 * the client takes them: one who is slow holds a few of them in memory, never the file. A transfer
 * that breaks off is shorter than its Content-Length, so no client takes it for whole.
 */
async function sendFile(
  request: express.Request,
  response: Response,
  file: CacheableFile,
  now: Date,
): Promise<void> {
  // The first octets before the first header: what fails until then is still a plain error.
  const chunks = Readable.from(file.chunks(), { objectMode: true, highWaterMark: 1 });
  const notModified = isNotModified(request.headers, file);
  const hasBody = !notModified && request.method !== 'HEAD';
  if (hasBody) await readable(chunks);
  response.set({
    etag: `"${file.etag}"`,
    'cache-control': cacheControl(file.expires, now),
    // Any site may fetch what is public anyway.
    'cross-origin-resource-policy': 'cross-origin',
  });
  if (file.lastModified !== undefined) {
    response.set('last-modified', file.lastModified.toUTCString());
  }
  if (file.expires !== undefined) response.set('expires', file.expires.toUTCString());
  if (notModified) {
    response.status(304).end();
    return;
  }
  response.status(200);
  response.set({
    'content-type': file.contentType,
    'content-length': String(file.octets),
    // Whole files only: a part of a CRL is of no use to anyone (RFC 9110 §14.3).
    'accept-ranges': 'none',
  });
  if (!hasBody) response.end();
  else await pipeline(chunks, response).catch((error: unknown) => endOfTransfer(response, error));
}

/** Waits for the first chunk, or fails as the source does. */
async function readable(chunks: Readable): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    chunks.once('readable', resolve);
    chunks.once('error', reject);
  });
}

/** A client that goes away is no error; a store that fails in the middle ends the connection. */
function endOfTransfer(response: Response, error: unknown): void {
  const gone = error instanceof Error && 'code' in error;
  response.destroy();
  if (!gone || error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
}

function whole(content: Uint8Array): Pick<CacheableFile, 'octets' | 'chunks'> {
  return { octets: content.length, chunks: () => [content] };
}

/** No cache may answer with a CRL past its nextUpdate. */
function cacheControl(expires: Date | undefined, now: Date): string {
  const left = expires === undefined ? Infinity : (expires.getTime() - now.getTime()) / 1000;
  const seconds = Math.max(0, Math.min(longestCacheSeconds, Math.floor(left) - 1));
  return `public, max-age=${seconds}, must-revalidate, no-transform`;
}

function partOf(request: express.Request, name: string): string {
  const part = request.params[name];
  return typeof part === 'string' ? part : '';
}

function nothingHere(): ChanceryError {
  return new ChanceryError('notFound', {
    message:
      'no such file: CRLs are /crl/{issuerId}/{shard}.crl, CA certificates /ca/{issuerId}.cer',
  });
}
