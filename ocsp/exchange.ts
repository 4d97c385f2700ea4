import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { type Clock, isChanceryError } from '../src/domain/index.ts';
import { responseType, validatorFields } from './answer-headers.ts';
import type { CacheSource } from './cache-source.ts';
import { type ErrorStatus, errorResponse, errorStatusOf } from './error-response.ts';
import type { MemoryPath } from './memory-path.ts';
import type { Log } from './ports.ts';
import type { RequestReader } from './request-filter.ts';
import { decodeRequestPath, maxRequestPathLength } from './request-path.ts';
import { countAnswer, type ResponderCounts } from './responder-metrics.ts';
import type { SignedAnswer } from './source.ts';

/** Largest body of a POST: 128 certIDs with the longest hashes fit in well. */
export const maxRequestBody = 64 * 1024;

const requestType = 'application/ocsp-request';

export interface ExchangeParts {
  /** Absent where only signed requests are answered: each is read in full. */
  readonly memory?: MemoryPath | undefined;
  readonly source: CacheSource;
  readonly reader: RequestReader;
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
    const { memory, clock } = this.#parts;
    if (memory?.get(target, request, response, clock.now().getTime()) !== true) {
      void this.#answer(() => decodeRequestPath(target), request, response);
    }
  }

  #post(request: IncomingMessage, response: ServerResponse): void {
    const { rawHeaders } = request;
    const type = rawField(rawHeaders, 'Content-Type') ?? request.headers['content-type'];
    if (type !== requestType && type?.split(';')[0]?.trim().toLowerCase() !== requestType) {
      refuse(response, 415, `send Content-Type: ${requestType} (RFC 6960 A.1)`);
      return;
    }
    const length = rawField(rawHeaders, 'Content-Length') ?? request.headers['content-length'];
    if (Number(length ?? 0) > maxRequestBody) {
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
      const { memory, clock } = this.#parts;
      const [only] = chunks;
      const body = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, size);
      if (memory?.post(body, response, clock.now().getTime()) !== true) {
        void this.#answer(() => body, request, response);
      }
    });
  }

  async #answer(
    decode: () => Uint8Array,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { source, reader, clock } = this.#parts;
    try {
      const question = await reader.read(decode());
      const answer = await source.answer(question);
      const now = clock.now().getTime();
      this.#write(answer, now, kindOf(answer), request, response, question.restricted);
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
    restricted: boolean,
  ): void {
    if (response.destroyed) {
      return;
    }
    if (!answer.reusable || restricted) {
      countAnswer(this.#parts.counts, kind);
      const { body } = answer;
      const length = String(body.length);
      response.writeHead(200, ['Content-Type', responseType, 'Content-Length', length, ...noStore]);
      // As text, head and body go to the socket in one write.
      response.end(body.toString('latin1'), 'latin1');
      return;
    }
    const headers = validatorFields(answer, now, this.#parts.maxAgeSeconds);
    if (request.method !== 'POST' && unchanged(request.headers, answer)) {
      countAnswer(this.#parts.counts, 'notModified');
      response.writeHead(304, headers).end();
      return;
    }
    countAnswer(this.#parts.counts, kind);
    headers.push('Content-Type', responseType, 'Content-Length', String(answer.body.length));
    response.writeHead(200, headers).end(answer.body.toString('latin1'), 'latin1');
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
 * What no cache may keep: errors, an answer with a nonce (it is one client's), what is said of a
 * serial number that was not issued (it may be at any moment), and what only those may know who
 * sign their requests. RFC 9919 §7.2 forbids it on
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

/** What an answer is counted as. */
function kindOf(answer: SignedAnswer): string {
  if (!answer.reusable) {
    return 'signedOnce';
  }
  return 'refreshAt' in answer ? 'memory' : 'signed';
}

/** The value of a header field that is written just so; reading it needs no object of all fields. */
function rawField(rawHeaders: readonly string[], name: string): string | undefined {
  const at = rawHeaders.indexOf(name);
  return at >= 0 && at % 2 === 0 ? rawHeaders[at + 1] : undefined;
}
