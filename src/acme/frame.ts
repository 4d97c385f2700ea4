import { isChanceryError } from '../domain/index.ts';
import { createAdmission } from './admission.ts';
import {
  type AccountContext,
  type AcmeAnswer,
  type AcmeRequest,
  type HandlerAnswer,
  link,
  type PublicContext,
  type SignedContext,
} from './context.ts';
import type { AcmeDependencies } from './dependencies.ts';
import { createNonces } from './nonces.ts';
import type { OrderWork } from './order-work.ts';
import type { DirectoryPolicy } from './ports.ts';
import { AcmeProblem, toAcmeProblem } from './problem.ts';
import { type ProtocolRoute, protocolRoutes } from './protocol.ts';
import { urlsOf } from './urls.ts';

interface Found {
  readonly route: ProtocolRoute;
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * What all exchanges have in common: the route, who signed, and what every answer carries
 * (RFC 8555 §6). Nothing that is thrown gets past it.
 */
export function createFrame(
  deps: AcmeDependencies,
  work: OrderWork,
): (request: AcmeRequest) => Promise<AcmeAnswer> {
  const nonces = createNonces(deps.secrets, deps.clock, deps.randomBytes);
  const admit = createAdmission(nonces);

  const answerAt = async (
    { route, parameters }: Found,
    policy: DirectoryPolicy,
    request: AcmeRequest,
  ): Promise<HandlerAnswer> => {
    const context: PublicContext = {
      deps,
      policy,
      urls: urlsOf(deps.baseUrl, policy.name),
      now: deps.clock.now(),
      request,
      parameters,
      work,
      makeNonce: () => nonces.make(),
    };
    if (route.signedBy === 'nobody') return route.handler(context);
    const signed = await admit(route, context);
    return route.signedBy === 'account'
      ? route.handler(requireAccount(signed))
      : route.handler(signed);
  };

  return async (request) => {
    const policy = deps.directories.get(
      request.directory === '' ? deps.defaultDirectory : request.directory,
    );
    let declared = 'none';
    let answer: HandlerAnswer;
    try {
      const found = findRoute(request, policy);
      declared = found.route.path;
      if (policy === undefined) throw unknownPath();
      answer = await answerAt(found, policy, request);
    } catch (error) {
      answer = problemAnswer(deps, declared, error);
    }
    const isPost = request.method === 'POST';
    const links = [
      ...(answer.links ?? []),
      // RFC 8555 §7.1: on all but the directory.
      ...(policy === undefined || declared === 'directory'
        ? []
        : [link(urlsOf(deps.baseUrl, policy.name).directory, 'index')]),
    ];
    const body = isPlain(answer.body) ? JSON.stringify(answer.body) : answer.body;
    return {
      status: answer.status,
      route: declared === 'none' ? declared : `/acme/{directory}/${declared}`,
      headers: {
        'cache-control': 'no-store',
        ...(isPlain(answer.body) ? { 'content-type': 'application/json' } : {}),
        ...(isPost ? { 'replay-nonce': nonces.make() } : {}),
        ...answer.headers,
        ...(links.length === 0 ? {} : { link: links }),
      },
      body: request.method === 'HEAD' ? undefined : body,
    };
  };
}

function isPlain(body: HandlerAnswer['body']): body is Readonly<Record<string, unknown>> {
  return typeof body === 'object' && !(body instanceof Uint8Array);
}

function requireAccount(context: SignedContext): AccountContext {
  const { access } = context;
  if (access === undefined) throw new TypeError('a route signed by an account was given none');
  return { ...context, access };
}

/** @throws AcmeProblem 404 for a path that is in no line, 405 for a method that no line of the path has. */
function findRoute(request: AcmeRequest, policy: DirectoryPolicy | undefined): Found {
  // The default directory's second address has nothing below it: all its URLs carry the name.
  if (policy === undefined || (request.directory === '' && request.path !== 'directory')) {
    throw unknownPath();
  }
  const found: Found[] = [];
  for (const candidate of compiledRoutes) {
    const parameters = candidate.match(request.path);
    if (parameters !== undefined) found.push({ route: candidate.route, parameters });
  }
  if (found.length === 0) throw unknownPath();
  const methods = new Set(found.map(({ route }) => route.method));
  const method = request.method === 'HEAD' && !methods.has('HEAD') ? 'GET' : request.method;
  const right = found.find(({ route }) => route.method === method);
  if (right === undefined) {
    const allowed = [...(methods.has('GET') ? methods.add('HEAD') : methods)];
    throw new AcmeProblem('malformed', {
      status: 405,
      detail: `${request.method.slice(0, 20)} is not answered here, ${allowed.join(' and ')} is; what GET would read is read by a signed POST with an empty payload (RFC 8555 §6.3)`,
      headers: { allow: allowed.join(', ') },
    });
  }
  return right;
}

function unknownPath(): AcmeProblem {
  return new AcmeProblem('malformed', {
    status: 404,
    detail: 'there is nothing at this path; the directory lists where to begin',
  });
}

const compiledRoutes = protocolRoutes.map((route) => {
  const segments = route.path.split('/');
  return {
    route,
    match(path: string): Readonly<Record<string, string>> | undefined {
      const given = path.split('/');
      if (given.length !== segments.length) return undefined;
      const parameters: Record<string, string> = {};
      for (const [index, segment] of segments.entries()) {
        const value = given[index] ?? '';
        if (segment.startsWith('{')) {
          if (value === '') return undefined;
          parameters[segment.slice(1, -1)] = value;
        } else if (segment !== value) {
          return undefined;
        }
      }
      return parameters;
    },
  };
});

/** An error with those behind it: a problem only wraps what went wrong. */
function traceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? error.message;
  return error.cause === undefined ? own : `${own}\ncaused by ${traceOf(error.cause)}`;
}

/** RFC 8555 §6.7. What lies behind a 5xx is for the log alone. */
function problemAnswer({ log }: AcmeDependencies, route: string, error: unknown): HandlerAnswer {
  const problem = toAcmeProblem(error);
  if (problem.status >= 500) {
    log(isChanceryError(error) ? 'warn' : 'alarm', 'an ACME request failed', {
      route,
      cause: traceOf(error),
    });
  }
  const { link: linked, ...headers } = lowerCase(problem.headers);
  return {
    status: problem.status,
    headers: { ...headers, 'content-type': 'application/problem+json' },
    links: linked === undefined ? [] : [linked],
    body: JSON.stringify(problem.document),
  };
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}
