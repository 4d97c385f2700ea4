import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { type Clock, isChanceryError } from '../src/domain/index.ts';
import { type CacheSource, leastRest } from './cache-source.ts';
import { type ErrorStatus, errorResponse, errorStatusOf } from './error-response.ts';
import type { IssuerDirectory } from './issuers.ts';
import type { Log } from './ports.ts';
import { readQuestion } from './request-filter.ts';
import { decodeRequestPath, maxRequestPathLength } from './request-path.ts';
import { countAnswer, type ResponderCounts } from './responder-metrics.ts';
import { longestAlias } from './response-cache.ts';
import type { SignedAnswer } from './source.ts';

/** Largest body of a POST: 128 certIDs with the longest hashes fit in well. */
export const maxRequestBody = 64 * 1024;

const requestType = 'application/ocsp-request';
const responseType = 'application/ocsp-response';

export interface ExchangeParts {
  readonly source: CacheSource;
  readonly issuers: IssuerDirectory;
  readonly counts: ResponderCounts;
  readonly clock: Clock;
  readonly log: Log;
  /** Longest time that a cache between us and the relying party may keep an answer, in seconds. */
  readonly maxAgeSeconds: number;
}

/**
 * OCSP over HTTP (RFC 6960 A.1, RFC 9919 §7): GET with the request in the raw target, POST with it
 * in the body. OCSP errors go out with status 200, because clients read the body of that only;
 * what is wrong with HTTP itself gets HTTP's own status.
 */
export class OcspExchange {
  readonly #parts: ExchangeParts;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    if (request.method === 'POST') {
      this.#post(request, response);
    } else if (request.method === 'GET' || request.method === 'HEAD') {
      // HEAD is GET whose content node:http leaves out (RFC 9110 §9.3.2): caches revalidate with it.
      this.#get(request, response);
    } else {
      refuse(response, 405, 'use GET or POST (RFC 6960 A.1)', ['Allow', 'GET, HEAD, POST']);
    }
  }

  #get(request: IncomingMessage, response: ServerResponse): void {
    const target = request.url ?? '/';
    if (target.length > maxRequestPathLength) {
      refuse(response, 414, `more than ${maxRequestPathLength} octets in the path; use POST`);
      return;
    }
    if (!this.#fromMemory(target, request, response)) {
      void this.#answer(() => decodeRequestPath(target), target, request, response);
    }
  }

  #post(request: IncomingMessage, response: ServerResponse): void {
    const type = request.headers['content-type'];
    if (type !== requestType && type?.split(';')[0]?.trim().toLowerCase() !== requestType) {
      refuse(response, 415, `send Content-Type: ${requestType} (RFC 6960 A.1)`);
      return;
    }
    if (Number(request.headers['content-length'] ?? 0) > maxRequestBody) {
      refuse(response, 413, `more than ${maxRequestBody} octets`);
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxRequestBody) {
        chunks.push(chunk);
      } else if (!response.headersSent) {
        refuse(response, 413, `more than ${maxRequestBody} octets`);
      }
    });
    request.on('end', () => {
      if (size > maxRequestBody) {
        return;
      }
      const [only] = chunks;
      const body = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, size);
      const alias = body.length > longestAlias ? '' : body.toString('latin1');
      if (!this.#fromMemory(alias, request, response)) {
        void this.#answer(() => body, alias, request, response);
      }
    });
  }

  /** The hot path: the same raw request was answered before, and the answer still stands. */
  #fromMemory(alias: string, request: IncomingMessage, response: ServerResponse): boolean {
    const now = this.#parts.clock.now().getTime();
    const answer = this.#parts.source.remembered(alias, now);
    if (answer === undefined) {
      return false;
    }
    this.#write(answer, now, 'memory', request, response);
    return true;
  }

  async #answer(
    decode: () => Uint8Array,
    alias: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { source, issuers, clock } = this.#parts;
    try {
      const question = readQuestion(decode(), issuers);
      const answer = await source.answer(question);
      source.remember(alias, question);
      const now = clock.now().getTime();
      this.#write(answer, now, answer.reusable ? 'signed' : 'signedOnce', request, response);
    } catch (error) {
      const status = errorStatusOf(error);
      if (status === 'internalError') {
        this.#parts.log('error', 'a request could not be answered', { error });
      }
      const retryAfter = isChanceryError(error) ? error.retryAfter : undefined;
      this.#writeError(status, retryAfter, response);
    }
  }

  #write(
    answer: SignedAnswer,
    now: number,
    kind: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    if (response.destroyed) {
      return;
    }
    if (!answer.reusable) {
      countAnswer(this.#parts.counts, kind);
      const { body } = answer;
      const length = String(body.length);
      response.writeHead(200, ['Content-Type', responseType, 'Content-Length', length, ...noStore]);
      response.end(body);
      return;
    }
    const headers = this.#validators(answer, now);
    if (request.method !== 'POST' && unchanged(request.headers, answer)) {
      countAnswer(this.#parts.counts, 'notModified');
      response.writeHead(304, headers).end();
      return;
    }
    countAnswer(this.#parts.counts, kind);
    headers.push('Content-Type', responseType, 'Content-Length', String(answer.body.length));
    response.writeHead(200, headers).end(answer.body);
  }

  /** RFC 9919 §7.2; Date is written by the server. max-age ends before nextUpdate. */
  #validators(answer: SignedAnswer, now: number): string[] {
    const rest = Math.floor((answer.nextUpdate - leastRest - now) / 1000);
    const maxAge = Math.max(0, Math.min(this.#parts.maxAgeSeconds, rest));
    return [
      'Last-Modified',
      httpDate(answer.thisUpdate),
      'Expires',
      httpDate(answer.nextUpdate),
      'ETag',
      answer.etag,
      'Cache-Control',
      `max-age=${maxAge}, public, no-transform, must-revalidate`,
    ];
  }

  #writeError(status: ErrorStatus, retryAfter: number | undefined, response: ServerResponse): void {
    countAnswer(this.#parts.counts, status);
    if (response.destroyed || response.headersSent) {
      return;
    }
    const body = errorResponse(status);
    const headers = [
      'Content-Type',
      responseType,
      'Content-Length',
      String(body.length),
      ...noStore,
    ];
    if (status === 'tryLater') {
      headers.push('Retry-After', String(retryAfter ?? 1));
    }
    response.writeHead(200, headers).end(body);
  }
}

/** HTTP's own refusals; the connection closes, so that an unread body is not taken for a request. */
function refuse(
  response: ServerResponse,
  status: number,
  text: string,
  extra: readonly string[] = [],
): void {
  const body = `${text}\n`;
  response
    .writeHead(status, [
      'Content-Type',
      'text/plain; charset=utf-8',
      'Content-Length',
      String(Buffer.byteLength(body)),
      'Cache-Control',
      'no-store',
      'Connection',
      'close',
      ...extra,
    ])
    .end(body);
}

/**
 * What no cache may keep: errors, an answer with a nonce (it is one client's) and what is said of a
 * serial number that was not issued (it may be at any moment). RFC 9919 §7.2 forbids it on
 * authoritative answers, which these are not.
 */
const noStore: readonly string[] = ['Cache-Control', 'no-cache, no-store'];

/**
 * Whether the client holds this answer already: If-None-Match, and If-Modified-Since only without
 * it (RFC 9110 §13.2.2). A date has no more than seconds: an answer that is not good may have
 * replaced a good one within the second, so a date alone confirms good answers only.
 */
function unchanged(headers: IncomingHttpHeaders, answer: SignedAnswer): boolean {
  const tags = headers['if-none-match'];
  if (tags !== undefined) {
    return matches(tags, answer.etag);
  }
  const date = headers['if-modified-since'];
  return date !== undefined && answer.good && answer.thisUpdate <= imfDate(date);
}

/** NaN, which compares with nothing, for what is no IMF-fixdate: such a field is ignored (RFC 9110 §13.1.3). */
function imfDate(text: string): number {
  return imfFixdate.test(text) ? Date.parse(text) : Number.NaN;
}

const imfFixdate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** If-None-Match with the weak comparison (RFC 9110 §13.1.2). */
function matches(condition: string, etag: string): boolean {
  return condition
    .split(',')
    .map((tag) => tag.trim().replace(/^W\//, ''))
    .some((tag) => tag === '*' || tag === etag);
}

let lastDate = { time: -1, text: '' };

/** IMF-fixdate (RFC 9110 §5.6.7); neighbours in time share one rendering. */
function httpDate(time: number): string {
  if (lastDate.time !== time) {
    lastDate = { time, text: new Date(time).toUTCString() };
  }
  return lastDate.text;
}
