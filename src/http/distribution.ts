import type { Response, Router } from 'express';
import express from 'express';
import type { Authority } from '../authority/index.ts';
import type { Clock } from '../domain/index.ts';
import { ChanceryError } from '../domain/index.ts';
import { refuseMethod } from './application.ts';
import { isNotModified } from './conditional.ts';
import { labelled } from './gate.ts';

export interface DistributionOptions {
  readonly authority: Pick<Authority, 'publishedFile' | 'trustBundle' | 'readiness'>;
  readonly clock: Clock;
}

/** A file with what caches need. */
interface CacheableFile {
  readonly content: string | Uint8Array;
  readonly contentType: string;
  /** Without quotes; strong: the same tag means the same octets. */
  readonly etag: string;
  readonly lastModified?: Date | undefined;
  readonly expires?: Date | undefined;
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
      const file = await authority.publishedFile(path((name) => partOf(request, name)));
      if (file === undefined) throw nothingHere();
      sendFile(request, response, { ...file, contentType }, clock.now());
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
    sendFile(request, response, { content: pem, etag, contentType }, clock.now());
  });
  router.get('/bundles/:name.p7b', labelled('/bundles/{name}.p7b'), async (request, response) => {
    const { p7b, etag } = await authority.trustBundle(partOf(request, 'name'));
    const contentType = 'application/x-pkcs7-certificates';
    sendFile(request, response, { content: p7b, etag, contentType }, clock.now());
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

/** Validators first, then either 304 or the octets (RFC 9110 §13, RFC 9111 §5). */
function sendFile(
  request: express.Request,
  response: Response,
  file: CacheableFile,
  now: Date,
): void {
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
  response.status(200);
  if (isNotModified(request.headers, file)) {
    response.status(304).end();
    return;
  }
  const octets =
    typeof file.content === 'string'
      ? Buffer.from(file.content)
      : Buffer.from(file.content.buffer, file.content.byteOffset, file.content.byteLength);
  response.set('content-type', file.contentType);
  response.set('content-length', String(octets.length));
  response.end(request.method === 'HEAD' ? undefined : octets);
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
