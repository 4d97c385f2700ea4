import type { Request, RequestHandler, Response, Router } from 'express';
import express from 'express';
import type { Acme } from '../acme/index.ts';
import type { Authority } from '../authority/index.ts';
import type { Clock } from '../domain/index.ts';
import { ChanceryError, isChanceryError, permissions } from '../domain/index.ts';
import { refuseMethod } from './application.ts';
import { gate, labelled, principalOf } from './gate.ts';
import { issuerDirectory } from './issuer-directory.ts';
import { refuseDeepJson } from './json-body.ts';
import { openApiDocument } from './openapi.ts';
import type { Answer, Route, RouteTools } from './route.ts';

export interface RestOptions {
  readonly authority: Authority;
  readonly acme: Acme;
  readonly clock: Clock;
  readonly routes: readonly Route[];
  readonly maximumBodyBytes: number;
  /** `https://HOST:8443`, from the configuration and never from a Host header (I10). */
  readonly baseUrl: string;
}

/**
 * The REST interface below /api/v1 from its table.
 *
 * @throws Error for a table that must not start: a route without a known permission, or twice there
 */
export function restRouter(options: RestOptions): Router {
  checkRoutes(options.routes);
  const router = express.Router({ caseSensitive: true, strict: true });
  const tools: RouteTools = {
    authority: options.authority,
    acme: options.acme,
    issuers: issuerDirectory(options.authority),
    now: () => options.clock.now(),
  };
  for (const row of mostLiteralFirst(options.routes)) {
    const path = expressPath(row.path);
    const handler = routeHandler(row, tools);
    const limit = Math.max(options.maximumBodyBytes, row.maximumBodyBytes ?? 0);
    const steps = row.body === undefined ? [handler] : [bodyReader(limit), handler];
    const method = row.method.toLowerCase() as 'get' | 'post' | 'patch' | 'delete';
    router[method](path, labelled(row.path), gate(row, options.authority), ...steps);
  }
  const document = JSON.stringify(openApiDocument(options.routes, options.baseUrl));
  router.get('/openapi.json', labelled('/openapi.json'), (_request, response) => {
    response.type('application/json').set('cache-control', 'no-cache').end(document);
  });
  for (const [path, methods] of methodsByPath(options.routes)) {
    router.all(expressPath(path), labelled(path), refuseMethod(methods));
  }
  router.all('/openapi.json', refuseMethod(['GET', 'HEAD']));
  return router;
}

/** Deny by default: nothing starts unless each row names who may pass (invariant 8, I15). */
export function checkRoutes(routes: readonly Route[]): void {
  const seen = new Set<string>();
  for (const row of routes) {
    const name = `${row.method} ${row.path}`;
    const known: readonly string[] = [...permissions, 'authenticated', 'public'];
    if (!known.includes(row.access)) {
      throw new Error(`route ${name} names no known permission (${String(row.access)})`);
    }
    if (row.access === 'public' && row.method !== 'GET') {
      throw new Error(`route ${name} changes something and is public`);
    }
    if (seen.has(name)) throw new Error(`route ${name} stands in the table twice`);
    seen.add(name);
  }
}

function routeHandler(row: Route, tools: RouteTools): RequestHandler {
  return async (request, response) => {
    const answer = await row.run(
      {
        parameters: request.params,
        query: queryOf(request),
        body: (request.body as unknown) ?? {},
        idempotencyKey: idempotencyKeyOf(request),
      },
      principalOf(request),
      tools,
    );
    await send(request, response, answer);
  };
}

async function send(request: Request, response: Response, answer: Answer): Promise<void> {
  const begin = (): void => {
    response.status(answer.status ?? 200).set('cache-control', 'no-store');
    if (answer.headers !== undefined) response.set(answer.headers);
  };
  // HEAD has no content (RFC 9110 §9.3.2), so none is made: it may be the whole inventory.
  if (answer.stream !== undefined && request.method !== 'HEAD') {
    await sendStream(response, answer.stream, begin);
    return;
  }
  begin();
  if (answer.json !== undefined) {
    response.type('application/json').end(JSON.stringify(answer.json));
  } else if (answer.content !== undefined) {
    response.end(answer.content);
  } else {
    response.end();
  }
}

async function sendStream(
  response: Response,
  stream: NonNullable<Answer['stream']>,
  begin: () => void,
): Promise<void> {
  try {
    await stream(async (piece) => {
      if (!response.headersSent) begin();
      if (response.destroyed) throw readerGone();
      if (!response.write(piece)) await drained(response);
    });
  } catch (error) {
    if (!response.headersSent) throw error;
    // Without its last chunk the body is seen to be cut off (RFC 9112 §8).
    response.destroy();
    if (!isChanceryError(error) || error.code !== readerGone().code) throw error;
    return;
  }
  if (!response.headersSent) begin();
  response.end();
}

/** Milliseconds for which a reader may take nothing; the database holds a snapshot for it meanwhile. */
const longestStall = 30_000;

/** Waits until the reader took what is buffered; one who stalls is cut off. */
async function drained(response: Response): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const stalled = setTimeout(() => response.destroy(), longestStall);
    const settle = (): void => {
      clearTimeout(stalled);
      response.off('drain', settle);
      response.off('close', settle);
      if (response.destroyed) reject(readerGone());
      else resolve();
    };
    response.on('drain', settle);
    response.on('close', settle);
  });
}

function readerGone(): ChanceryError {
  return new ChanceryError('outcomeUnknown', { message: 'the reader has gone' });
}

function bodyReader(limit: number): RequestHandler {
  const parse = express.json({
    limit,
    inflate: false,
    strict: true,
    type: 'application/json',
    verify: (_request, _response, octets, charset) => {
      // RFC 8259 §8.1; the parser would also take UTF-16 and UTF-32.
      if (charset !== 'utf-8') throw wrongMediaType();
      refuseDeepJson(octets);
    },
  });
  return (request, response, next) => {
    const hasBody =
      request.headers['transfer-encoding'] !== undefined ||
      Number(request.headers['content-length'] ?? 0) > 0;
    if (hasBody && typeof request.is('application/json') !== 'string') {
      throw wrongMediaType();
    }
    parse(request, response, next);
  };
}

function wrongMediaType(): ChanceryError {
  return new ChanceryError('unsupportedMediaType', {
    message: 'send the body as application/json in UTF-8',
  });
}

/** 1 to 255 visible ASCII characters. */
function idempotencyKeyOf(request: Request): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new ChanceryError('invalidArgument', {
      message: 'Idempotency-Key must be 1 to 255 visible ASCII characters, for example a UUID',
      field: 'Idempotency-Key',
    });
  }
  return key;
}

function queryOf(request: Request): URLSearchParams {
  const mark = request.url.indexOf('?');
  return new URLSearchParams(mark < 0 ? '' : request.url.slice(mark + 1));
}

function expressPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

/** `/profiles/check` before `/profiles/{name}`. */
function mostLiteralFirst(routes: readonly Route[]): readonly Route[] {
  const variables = ({ path }: Route) => path.split('{').length;
  return routes.toSorted((a, b) => variables(a) - variables(b));
}

function methodsByPath(routes: readonly Route[]): ReadonlyMap<string, readonly string[]> {
  const methods = new Map<string, string[]>();
  for (const { path, method } of mostLiteralFirst(routes)) {
    const known = methods.get(path) ?? [];
    methods.set(path, [...known, method, ...(method === 'GET' ? ['HEAD'] : [])]);
  }
  return methods;
}
