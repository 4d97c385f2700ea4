import type { Request, Response, Router } from 'express';
import express from 'express';
import type { Acme, AcmeRequest } from '../acme/index.ts';
import { isChanceryError } from '../domain/index.ts';
import { factsOf } from './application.ts';
import { fromExpress, statusOfCode } from './problem.ts';

export interface AcmeRouterOptions {
  readonly acme: Pick<Acme, 'answer'>;
  readonly maximumBodyBytes: number;
}

/**
 * `/acme/directory` and `/acme/{name}/…`: octets in, octets out. The protocol is `src/acme`'s alone;
 * here nothing is parsed, and no header but Content-Type is looked at (I10).
 *
 * On the HTTPS listener only (RFC 8555 §6.1). Requests from web pages are not invited: no CORS.
 */
export function acmeRouter({ acme, maximumBodyBytes }: AcmeRouterOptions): Router {
  const router = express.Router({ caseSensitive: true, strict: true });
  // Whatever a Content-Type says: what is no application/jose+json is refused by the protocol.
  router.use(express.raw({ limit: maximumBodyBytes, inflate: false, type: () => true }));
  router.use(async (request: Request, response: Response) => {
    const answer = await acme.answer(requestOf(request));
    factsOf(response).route = answer.route === 'none' ? 'unknown' : answer.route;
    response.status(answer.status);
    for (const [name, value] of Object.entries(answer.headers)) {
      response.setHeader(name, value);
    }
    const { body } = answer;
    response.end(request.method === 'HEAD' ? undefined : body);
  });
  // Express knows an error handler by its four parameters.
  router.use(
    (error: unknown, _request: Request, response: Response, next: (error: unknown) => void) => {
      const thrown = fromExpress(error);
      const status = isChanceryError(thrown) ? statusOfCode(thrown.code) : 500;
      if (!isChanceryError(thrown) || status >= 500 || response.headersSent) {
        next(error);
        return;
      }
      response.status(status).set({
        'content-type': 'application/problem+json',
        'cache-control': 'no-store',
      });
      // What a body still holds is not read: the connection can't be used again.
      if (status === 413) response.setHeader('connection', 'close');
      const detail =
        status === 415
          ? 'send the body as application/jose+json, without Content-Encoding (RFC 8555 §6.2)'
          : thrown.message;
      response.end(
        JSON.stringify({ type: 'urn:ietf:params:acme:error:malformed', detail, status }),
      );
    },
  );
  return router;
}

/** `path` as it was sent: an escape in it belongs to no URL that we hand out, and matches nothing. */
function requestOf(request: Request): AcmeRequest {
  const mark = request.url.indexOf('?');
  const path = (mark < 0 ? request.url : request.url.slice(0, mark)).replace(/^\//, '');
  const slash = path.indexOf('/');
  const isDefault = path === 'directory';
  const body: unknown = request.body;
  return {
    method: request.method,
    directory: isDefault ? '' : path.slice(0, slash < 0 ? undefined : slash),
    path: isDefault ? path : slash < 0 ? '' : path.slice(slash + 1),
    query: new URLSearchParams(mark < 0 ? '' : request.url.slice(mark + 1)),
    contentType: request.headers['content-type'],
    body: body instanceof Uint8Array ? body : new Uint8Array(),
    // An IPv4 client of a listener on :: (RFC 4291 §2.5.5.2).
    remoteAddress: (request.socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/i, ''),
  };
}
