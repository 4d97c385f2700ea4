import { z } from 'zod';
import type { Acme } from '../acme/index.ts';
import type { Authority } from '../authority/index.ts';
import type { Permission, Principal } from '../domain/index.ts';
import { ChanceryError } from '../domain/index.ts';
import type { IssuerDirectory } from './issuer-directory.ts';

/** Who passes: holders of one permission, anyone with a valid credential, or everyone. */
export type Access = Permission | 'authenticated' | 'public';

/** What a handler answers. Exactly one of `json`, `content` and `stream`, or none for 204. */
export interface Answer {
  readonly status?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly json?: unknown;
  readonly content?: string | Uint8Array | undefined;
  /**
   * Writes the body piece by piece; each `write` waits for the reader. Status and headers go with the
   * first piece: what fails before it is a problem, what fails after it breaks the connection off.
   */
  readonly stream?: ((write: (piece: string) => Promise<void>) => Promise<void>) | undefined;
}

/** A request after the edge: strings only, nothing checked yet. */
export interface RawRequest {
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly idempotencyKey: string | undefined;
}

/** What handlers may use, beside the request. */
export interface RouteTools {
  readonly authority: Authority;
  readonly acme: Acme;
  readonly issuers: IssuerDirectory;
  /** The present, for filters relative to it. */
  readonly now: () => Date;
}

/** One row of the route table; also the source of the OpenAPI document. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** OpenAPI style below /api/v1: `/certificates/{serialNumber}`. */
  readonly path: string;
  readonly access: Access;
  readonly summary: string;
  readonly parameters: z.ZodObject;
  readonly query: z.ZodObject;
  /** Undefined: a body is not read. */
  readonly body: z.ZodObject | undefined;
  /** Whether an Idempotency-Key header counts. */
  readonly idempotent: boolean;
  /** Larger than the setting for all others. */
  readonly maximumBodyBytes?: number | undefined;
  readonly answer: AnswerShape;
  run(raw: RawRequest, principal: Principal | undefined, tools: RouteTools): Promise<Answer>;
}

/** For the document: the status and body of success. */
export interface AnswerShape {
  readonly status: number;
  readonly schema?: z.ZodType | undefined;
  /** Media types of an answer that is not JSON. */
  readonly mediaTypes?: readonly string[] | undefined;
}

/** The request as its schemas made it. */
export interface RouteInput<P, Q, B> extends RouteTools {
  readonly parameters: P;
  readonly query: Q;
  readonly body: B;
  readonly idempotencyKey: string | undefined;
}

const nothing = z.strictObject({});
type Nothing = typeof nothing;

interface Definition<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodObject> {
  readonly method: Route['method'];
  readonly path: string;
  readonly summary: string;
  readonly parameters?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly idempotent?: boolean;
  readonly maximumBodyBytes?: number;
  readonly answer: AnswerShape;
}

/** A route for authenticated principals: `access` is a permission or `authenticated`. */
export function route<
  P extends z.ZodObject = Nothing,
  Q extends z.ZodObject = Nothing,
  B extends z.ZodObject = Nothing,
>(
  definition: Definition<P, Q, B> & {
    readonly access: Permission | 'authenticated';
    handle(
      input: RouteInput<z.output<P>, z.output<Q>, z.output<B>> & { readonly principal: Principal },
    ): Promise<Answer>;
  },
): Route {
  return {
    ...shape(definition, definition.access),
    run: async (raw, principal, tools) => {
      // The edge has refused already; a route never trusts that alone.
      if (principal === undefined) throw unauthenticated();
      return definition.handle({ ...read(definition, raw), ...tools, principal });
    },
  };
}

/** A route for everyone. Its handler is given no principal, so it can do nothing in a name. */
export function publicRoute<P extends z.ZodObject = Nothing, Q extends z.ZodObject = Nothing>(
  definition: Definition<P, Q, Nothing> & {
    handle(input: RouteInput<z.output<P>, z.output<Q>, unknown>): Promise<Answer>;
  },
): Route {
  return {
    ...shape(definition, 'public'),
    run: async (raw, _principal, tools) =>
      definition.handle({ ...read(definition, raw), ...tools }),
  };
}

/** @returns the error for a caller who is nobody */
export function unauthenticated(): ChanceryError {
  return new ChanceryError('unauthenticated', {
    message:
      'no valid credential: present a client certificate that is bound to a principal and good now, or Authorization: Bearer with a current token',
  });
}

function shape<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodObject>(
  definition: Definition<P, Q, B>,
  access: Access,
): Omit<Route, 'run'> {
  const { method, path, summary, answer } = definition;
  return {
    method,
    path,
    access,
    summary,
    answer,
    parameters: definition.parameters ?? nothing,
    query: definition.query ?? nothing,
    body: definition.body,
    idempotent: definition.idempotent ?? false,
    maximumBodyBytes: definition.maximumBodyBytes,
  };
}

function read<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodObject>(
  definition: Definition<P, Q, B>,
  raw: RawRequest,
): {
  parameters: z.output<P>;
  query: z.output<Q>;
  body: z.output<B>;
  idempotencyKey: string | undefined;
} {
  return {
    parameters: parse((definition.parameters ?? nothing) as P, raw.parameters, 'path'),
    query: parse((definition.query ?? nothing) as Q, queryObject(raw.query), 'query'),
    body: parse((definition.body ?? nothing) as B, definition.body ? raw.body : {}, 'body'),
    idempotencyKey: definition.idempotent === true ? raw.idempotencyKey : undefined,
  };
}

/** Each parameter at most once: two values of one filter have no one meaning. */
function queryObject(query: URLSearchParams): Record<string, string> {
  const names = [...query.keys()];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new ChanceryError('invalidArgument', {
      message: `the query parameter ${JSON.stringify(twice.slice(0, 60))} is given twice; give it once`,
      field: 'query',
    });
  }
  return Object.fromEntries(query);
}

function parse<T extends z.ZodType>(schema: T, value: unknown, part: string): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const violations = parsed.error.issues.slice(0, 20).map((issue) => ({
    rule: issue.code,
    field: issue.path.map(String).join('.') || part,
    message: issue.message,
    clause: 'OpenAPI document at /api/v1/openapi.json',
  }));
  const first = violations[0];
  throw new ChanceryError('invalidArgument', {
    message: `the ${part} is not as the interface wants it: ${first?.field ?? ''}: ${first?.message ?? ''}`,
    field: first?.field,
    violations,
  });
}
