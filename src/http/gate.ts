import type { Request, RequestHandler } from 'express';
import { isAuthorized } from '../access/index.ts';
import type { Authority } from '../authority/index.ts';
import type { Principal } from '../domain/index.ts';
import { ChanceryError, isChanceryError } from '../domain/index.ts';
import { factsOf } from './application.ts';
import { authenticate } from './authentication.ts';
import type { Route } from './route.ts';
import { unauthenticated } from './route.ts';

/** What the gate asks of the authority. */
type Guard = Pick<
  Authority,
  'authenticateCertificate' | 'authenticateToken' | 'authorize' | 'recordUnauthenticated'
>;

/** Who passed the gate; kept apart from anything that a request can write to. */
const principals = new WeakMap<Request, Principal>();

/** Undefined for a public route. */
export function principalOf(request: Request): Principal | undefined {
  return principals.get(request);
}

/**
 * Authentication and permission, before a body is read. The use case checks the permission again;
 * here a refusal goes through the authority, which records it.
 */
export function gate(
  row: Pick<Route, 'method' | 'path' | 'access'>,
  authority: Guard,
): RequestHandler {
  return async (request, response, next) => {
    if (row.access !== 'public') {
      const described = {
        act: `${row.method} ${row.path}`,
        object: request.path.slice(0, 300),
      };
      const principal = await somebody(request, authority, described);
      factsOf(response).principal = principal.name;
      if (row.access !== 'authenticated') {
        await authority.authorize(principal, row.access, described);
        // Not on the authority's word alone: a defect there must not open a door here.
        if (!isAuthorized(principal, row.access)) {
          throw new ChanceryError('forbidden', { message: `${row.access} is not granted` });
        }
      }
      principals.set(request, principal);
    }
    next();
  };
}

/** @throws ChanceryError unauthenticated, once the refusal is recorded */
async function somebody(
  request: Request,
  authority: Guard,
  described: { readonly act: string; readonly object: string },
): Promise<Principal> {
  try {
    const principal = await authenticate(request, authority);
    if (principal === undefined) throw unauthenticated();
    return principal;
  } catch (error) {
    if (isChanceryError(error) && error.code === 'unauthenticated') {
      await authority.recordUnauthenticated(described);
    }
    throw error;
  }
}

/** Gives metrics and logs the path as declared. */
export function labelled(route: string): RequestHandler {
  return (_request, response, next) => {
    factsOf(response).route = route;
    next();
  };
}
