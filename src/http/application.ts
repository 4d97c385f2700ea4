import { randomUUID } from 'node:crypto';
import type { Express, NextFunction, Request, Response } from 'express';
import express from 'express';
import helmet from 'helmet';
import { ChanceryError, isChanceryError } from '../domain/index.ts';
import type { HttpMetrics, Logger } from '../telemetry/index.ts';
import { fromExpress, problemOf } from './problem.ts';

/** What every application of ours has. */
export interface ApplicationOptions {
  readonly logger: Logger;
  readonly metrics: HttpMetrics;
  /** Once true, answers close their connections. */
  readonly draining: () => boolean;
}

/** Facts of a request in `response.locals`; the keys are ours alone. */
export interface RequestFacts {
  requestId: string;
  /** As declared, never as requested. */
  route: string;
  /** Name of the authenticated principal. */
  principal?: string | undefined;
}

/** The facts of the request that this response answers. */
export function factsOf(response: Response): RequestFacts {
  return response.locals as RequestFacts;
}

/**
 * An express application with what we never want to forget: security headers, a request id, a time
 * measured by route, no trust in proxies' or Host headers.
 */
export function createApplication(options: ApplicationOptions): Express {
  const application = express();
  application.disable('x-powered-by');
  application.disable('etag');
  application.set('query parser', false);
  application.set('trust proxy', false);
  application.set('case sensitive routing', true);
  application.set('strict routing', true);
  application.use((request, response, next) => {
    const started = performance.now();
    const facts: RequestFacts = { requestId: randomUUID(), route: 'unknown' };
    Object.assign(response.locals, facts);
    response.setHeader('x-request-id', facts.requestId);
    if (options.draining()) response.setHeader('connection', 'close');
    response.once('close', () => {
      const { route, requestId, principal } = factsOf(response);
      const seconds = (performance.now() - started) / 1000;
      options.metrics.observe(route, request.method, response.statusCode, seconds);
      const fields = { requestId, route, principal, status: response.statusCode, seconds };
      options.logger.debug({ ...fields, method: request.method }, 'request');
    });
    next();
  });
  application.use(
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
      },
      // HSTS covers every port of a host name, and the CRLs of this one are served by plain HTTP.
      strictTransportSecurity: false,
      crossOriginResourcePolicy: { policy: 'same-origin' },
    }),
  );
  return application;
}

/** The end of an application: unknown paths, then whatever was thrown. */
export function finishApplication(application: Express, options: ApplicationOptions): void {
  application.use((_request, _response) => {
    throw new ChanceryError('notFound', {
      message: 'there is nothing at this path; /api/v1/openapi.json lists what there is',
    });
  });
  // Express knows an error handler by its four parameters.
  application.use((error: unknown, request: Request, response: Response, next: NextFunction) => {
    const thrown = fromExpress(error);
    const { requestId, route, principal } = factsOf(response);
    const problem = problemOf(thrown, requestId);
    const fields = { requestId, route, principal, method: request.method, err: thrown };
    if (problem.status >= 500) {
      options.logger.error(fields, `answered ${problem.status}`);
    } else if (problem.status === 401 || problem.status === 403) {
      const reason = isChanceryError(thrown) ? thrown.message : '';
      options.logger.warn({ ...fields, err: undefined, reason }, `answered ${problem.status}`);
    }
    if (response.headersSent) {
      next(error);
      return;
    }
    response.status(problem.status).set(problem.headers);
    // What a body still holds is not read: the connection can't be used again.
    if (problem.status === 413) response.setHeader('connection', 'close');
    response.end(JSON.stringify(problem.body));
  });
}

/** Answers 405 with what would be allowed, for every other method of a path. */
export function refuseMethod(allowed: readonly string[]) {
  return (request: Request, response: Response): void => {
    response.setHeader('allow', allowed.join(', '));
    throw new ChanceryError('methodNotAllowed', {
      message: `${request.method.slice(0, 20)} is not allowed here; allowed: ${allowed.join(', ')}`,
    });
  };
}
