import type { AcmeDependencies } from './dependencies.ts';
import type { AccountKey } from './jwk.ts';
import type { OrderWork } from './order-work.ts';
import type { AccountAccess, AuthorizationRecord, DirectoryPolicy, OrderRecord } from './ports.ts';
import { AcmeProblem } from './problem.ts';
import type { JsonObject } from './strict-json.ts';
import type { Urls } from './urls.ts';

/** One HTTP request, as the listener hands it on. */
export interface AcmeRequest {
  readonly method: string;
  /** As in the path; empty for the default directory. */
  readonly directory: string;
  /** Below the directory, as it was sent, without a slash at its start: `order/abc/finalize`. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly contentType: string | undefined;
  readonly body: Uint8Array;
  readonly remoteAddress: string;
}

/** What the listener sends. Names of headers are in lower case. */
export interface AcmeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array | undefined;
  /** The route as it is declared, for metrics: `/acme/{directory}/order/{orderId}`. */
  readonly route: string;
}

/** What a handler answers; nonce, index link and caching are the frame's. */
export interface HandlerAnswer {
  readonly status: number;
  /** `location`, `retry-after` …, in lower case; `link` stands apart. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly links?: readonly string[] | undefined;
  /** An object is sent as application/json; text and octets need a `content-type` among the headers. */
  readonly body?: Readonly<Record<string, unknown>> | string | Uint8Array | undefined;
}

/** Of a request that nobody signed. */
export interface PublicContext {
  readonly deps: AcmeDependencies;
  readonly policy: DirectoryPolicy;
  readonly urls: Urls;
  /** When the request came: one moment for all that is decided about it. */
  readonly now: Date;
  readonly request: AcmeRequest;
  /** The `{…}` of the route's path. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Challenges and issuances under way in this process. */
  readonly work: OrderWork;
  /** A fresh nonce (RFC 8555 §6.5). */
  readonly makeNonce: () => string;
}

/** Of a request whose JWS verified with `key`: an account's, or the one that stands in it as `jwk`. */
export interface SignedContext extends PublicContext {
  readonly key: AccountKey;
  /** The account that the key belongs to. Absent for a `jwk` that is no account's, and for a certificate's key. */
  readonly access?: AccountAccess | undefined;
  /** The JSON object of the payload; undefined for POST-as-GET (RFC 8555 §6.3). */
  readonly payload: JsonObject | undefined;
  /** The JWS' own `url`, which was found to be the request's. */
  readonly signedUrl: string;
  /** What the path names, whoever's it is: read in the round trip that spent the nonce. */
  readonly named: Named;
}

/** The order or authorization of a path, as it was when the request was let in. */
export interface Named {
  readonly order?: OrderRecord | undefined;
  readonly authorization?: AuthorizationRecord | undefined;
}

/** Of a request that a valid account of this directory signed. */
export interface AccountContext extends SignedContext {
  readonly access: AccountAccess;
}

export type Handler<Context = AccountContext> = (context: Context) => Promise<HandlerAnswer>;

/** One answer for what is not there and for what is another account's: nothing can be enumerated (RFC 8555 §10.5). */
export function noSuch(what: string): AcmeProblem {
  return new AcmeProblem('malformed', {
    status: 404,
    detail: `this account has no such ${what} in this directory; take the URL from the answer that named it`,
  });
}

/** A link of RFC 8288, as RFC 8555 uses them. */
export function link(url: string, relation: string): string {
  return `<${url}>;rel="${relation}"`;
}
