/** An ACME client for tests (RFC 8555), made of node:crypto alone, that can break every rule. */

import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { expect } from 'vitest';
import { type FlattenedJws, type JwsKey, jwsKey, signJws } from './acme-keys.ts';
import { until } from './quickstart-run.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
}

export interface Call {
  readonly method: string;
  readonly url: string;
  readonly contentType?: string | undefined;
  readonly body?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export type Transport = (call: Call) => Promise<Answer>;

export interface Identifier {
  readonly type: string;
  readonly value: string;
}

export interface Problem {
  readonly type: string;
  readonly detail: string;
  readonly status?: number;
  readonly identifier?: Identifier;
  readonly subproblems?: readonly Problem[];
  readonly algorithms?: readonly string[];
  readonly instance?: string;
}

export interface Order {
  readonly status: string;
  readonly expires?: string;
  readonly identifiers: readonly Identifier[];
  readonly authorizations: readonly string[];
  readonly finalize: string;
  readonly certificate?: string;
  readonly error?: Problem;
  readonly profile?: string;
  readonly replaces?: string;
  readonly notBefore?: string;
  readonly notAfter?: string;
}

export interface Challenge {
  readonly type: string;
  readonly url: string;
  readonly status: string;
  readonly token: string;
  readonly validated?: string;
  readonly error?: Problem;
}

export interface Authorization {
  readonly status: string;
  readonly expires?: string;
  readonly identifier: Identifier;
  readonly challenges: readonly Challenge[];
  readonly wildcard?: boolean;
}

export interface Directory {
  readonly newNonce: string;
  readonly newAccount: string;
  readonly newOrder: string;
  readonly newAuthz?: string;
  readonly revokeCert: string;
  readonly keyChange: string;
  readonly renewalInfo: string;
  readonly meta?: {
    readonly termsOfService?: string;
    readonly website?: string;
    readonly externalAccountRequired?: boolean;
    readonly profiles?: Readonly<Record<string, string>>;
  };
}

/** What a test changes of a request that would be right. */
export interface Change {
  /** Merged into the protected header; undefined removes a member. */
  readonly header?: Readonly<Record<string, unknown>>;
  /** Signs with this key instead. */
  readonly key?: JwsKey;
  /** True: `jwk` instead of `kid`. */
  readonly jwk?: boolean;
  /** Another body made of the signed one. */
  readonly body?: ((jws: FlattenedJws) => unknown) | undefined;
  readonly contentType?: string | undefined;
  /** Sent to this URL, while the header names the first. */
  readonly sendTo?: string;
}

export function json<T>(answer: Answer): T {
  return JSON.parse(answer.text) as T;
}

export function headerOf(answer: Answer, name: string): string | undefined {
  const value = answer.headers[name.toLowerCase()];
  return typeof value === 'object' ? value.join(', ') : value;
}

/** Targets of a link relation (RFC 8288), in their order. */
export function links(answer: Answer, relation: string): readonly string[] {
  const found: string[] = [];
  for (const [, target = '', parameters = ''] of (headerOf(answer, 'link') ?? '').matchAll(
    /<([^>]*)>((?:\s*;\s*[^,<]*)*)/g,
  )) {
    if (new RegExp(`rel="?${relation}"?(\\s|;|$)`).test(parameters)) found.push(target);
  }
  return found;
}

/** One account of one directory, and its nonces. */
export class AcmeClient {
  readonly transport: Transport;
  readonly directoryUrl: string;
  key: JwsKey;
  /** Account URL, once registered. */
  kid = '';
  /** Requests that were sent again for their nonce. */
  staleNonces = 0;
  #directory: Directory | undefined;
  #nonces: string[] = [];

  constructor(transport: Transport, directoryUrl: string, key: JwsKey = jwsKey()) {
    this.transport = transport;
    this.directoryUrl = directoryUrl;
    this.key = key;
  }

  async directory(): Promise<Directory> {
    this.#directory ??= json<Directory>(
      await this.transport({ method: 'GET', url: this.directoryUrl }),
    );
    return this.#directory;
  }

  /** A nonce that was not used: one from the last answer, else a new one. */
  async nonce(): Promise<string> {
    const kept = this.#nonces.pop();
    if (kept !== undefined) return kept;
    const { newNonce } = await this.directory();
    return headerOf(await this.transport({ method: 'HEAD', url: newNonce }), 'replay-nonce') ?? '';
  }

  /** Body of a request, signed, as text. */
  async sign(url: string, payload: unknown, change: Change = {}): Promise<string> {
    const key = change.key ?? this.key;
    const identity = change.jwk === true || this.kid === '' ? { jwk: key.jwk } : { kid: this.kid };
    const header: Record<string, unknown> = { alg: key.alg, url, ...identity, ...change.header };
    if (!('nonce' in header)) header['nonce'] = await this.nonce();
    const jws = signJws(key, header, payload);
    const body = change.body === undefined ? jws : change.body(jws);
    return typeof body === 'string' ? body : JSON.stringify(body);
  }

  /** As real clients do, a nonce that grew old is replaced once; one that the test gave is not. */
  async post(url: string, payload: unknown, change: Change = {}): Promise<Answer> {
    const contentType = 'contentType' in change ? change.contentType : 'application/jose+json';
    const call = { method: 'POST', url: change.sendTo ?? url, contentType };
    const answer = await this.send({ ...call, body: await this.sign(url, payload, change) });
    if ('nonce' in (change.header ?? {}) || !answer.text.includes('error:badNonce"')) return answer;
    this.#nonces.splice(0, this.#nonces.length - 1);
    this.staleNonces += 1;
    return this.send({ ...call, body: await this.sign(url, payload, change) });
  }

  async send(call: Call): Promise<Answer> {
    const answer = await this.transport(call);
    const nonce = headerOf(answer, 'replay-nonce');
    if (nonce !== undefined) this.#nonces.push(nonce);
    return answer;
  }

  /** POST-as-GET (RFC 8555 §6.3). */
  async get(url: string): Promise<Answer> {
    return this.post(url, '');
  }

  async fetch<T>(url: string): Promise<T> {
    const answer = await this.get(url);
    expect(answer.status, `${url}: ${answer.text}`).toBe(200);
    return json<T>(answer);
  }

  async register(payload: unknown = { termsOfServiceAgreed: true }): Promise<Answer> {
    const answer = await this.post((await this.directory()).newAccount, payload, { jwk: true });
    expect(answer.status, answer.text).toBeOneOf([200, 201]);
    this.kid = headerOf(answer, 'location') ?? '';
    return answer;
  }

  async newOrder(
    names: readonly (string | Identifier)[],
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<Answer> {
    const { newOrder } = await this.directory();
    return this.post(newOrder, { identifiers: names.map(identifierOf), ...more });
  }

  /** A new order and its URL. */
  async order(
    names: readonly (string | Identifier)[],
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<{ readonly url: string; readonly order: Order }> {
    const answer = await this.newOrder(names, more);
    expect(answer.status, answer.text).toBe(201);
    return { url: headerOf(answer, 'location') ?? '', order: json<Order>(answer) };
  }

  async authorizations(order: Order): Promise<readonly Authorization[]> {
    const found: Authorization[] = [];
    for (const url of order.authorizations) found.push(await this.fetch<Authorization>(url));
    return found;
  }

  /** The first authorization of an order, with its URL. */
  async authorizationOf(order: Order): Promise<Authorization & { readonly url: string }> {
    const url = order.authorizations[0] ?? '';
    return { ...(await this.fetch<Authorization>(url)), url };
  }

  /** Answers one challenge. */
  async respond(challenge: Challenge | undefined): Promise<Answer> {
    return this.post(challenge?.url ?? 'none', {});
  }

  /** Answers a challenge of each pending authorization and waits until none is pending. */
  async authorize(order: Order, type = 'http-01'): Promise<readonly Authorization[]> {
    for (const authorization of await this.authorizations(order)) {
      if (authorization.status !== 'pending') continue;
      const challenge =
        authorization.challenges.find((one) => one.type === type) ?? authorization.challenges[0];
      const answer = await this.respond(challenge);
      expect(answer.status, answer.text).toBe(200);
    }
    let found: readonly Authorization[] = [];
    await until('the authorizations to be final', async () => {
      found = await this.authorizations(order);
      return found.every(({ status }) => status !== 'pending');
    });
    return found;
  }

  async finalize(order: Order, csr: Uint8Array): Promise<Answer> {
    return this.post(order.finalize, { csr: Buffer.from(csr).toString('base64url') });
  }

  /** Polls an order until it is neither pending nor processing. */
  async settled(url: string): Promise<Order> {
    let order: Order | undefined;
    await until(`order ${url} to be final`, async () => {
      order = await this.fetch<Order>(url);
      return !['pending', 'processing'].includes(order.status);
    });
    if (order === undefined) throw new Error('unreachable');
    return order;
  }

  /** A whole order: PEM chain and the leaf. */
  async obtain(
    names: readonly (string | Identifier)[],
    csr: Uint8Array,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<Obtained> {
    const { url, order } = await this.order(names, more);
    await this.authorize(order, names.some(isWildcard) ? 'dns-01' : 'http-01');
    const answer = await this.finalize(order, csr);
    expect(answer.status, answer.text).toBe(200);
    const done = await this.settled(url);
    expect(done.status, JSON.stringify(done.error)).toBe('valid');
    const chain = await this.get(done.certificate ?? 'no certificate');
    expect(chain.status, chain.text).toBe(200);
    return { url, order: done, pem: chain.text, certificate: new X509Certificate(chain.text) };
  }
}

export interface Obtained {
  readonly url: string;
  readonly order: Order;
  readonly pem: string;
  readonly certificate: X509Certificate;
}

function isWildcard(name: string | Identifier): boolean {
  return identifierOf(name).value.startsWith('*.');
}

export function challengeOf(authorization: Authorization, type: string): Challenge {
  const found = authorization.challenges.find((challenge) => challenge.type === type);
  if (found === undefined) throw new Error(`no ${type} among the challenges`);
  return found;
}

export function identifierOf(name: string | Identifier): Identifier {
  return typeof name === 'string' ? { type: 'dns', value: name } : name;
}

/** The answer is this problem, in the form of §6.7, with a fresh nonce for the next request. */
export function expectProblem(answer: Answer, status: number, type: string): Problem {
  expect(answer.status, answer.text).toBe(status);
  expect(headerOf(answer, 'content-type')).toMatch(/^application\/problem\+json\b/);
  const problem = json<Problem>(answer);
  expect(problem.type, answer.text).toBe(`urn:ietf:params:acme:error:${type}`);
  expect(problem.detail, answer.text).toMatch(/\S/);
  expect(problem, '§6.7.1: no identifier at the top').not.toHaveProperty('identifier');
  expect(problem.status ?? status).toBe(status);
  return problem;
}

/** Over real TLS, trusting this root only. */
export function httpsTransport(rootFile: string): Transport {
  const agent = new Agent({ keepAlive: true });
  return async (call) =>
    await new Promise((done, fail) => {
      const sent = request(
        call.url,
        {
          method: call.method,
          agent,
          ca: readFileSync(rootFile),
          headers: {
            'user-agent': 'chancery-test/1',
            ...(call.contentType === undefined ? {} : { 'content-type': call.contentType }),
            ...(call.body === undefined
              ? {}
              : { 'content-length': String(Buffer.byteLength(call.body)) }),
            ...call.headers,
          },
          timeout: 40_000,
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('error', fail);
          response.on('end', () =>
            done({ status: response.statusCode ?? 0, headers: response.headers, text }),
          );
        },
      );
      sent.on('timeout', () => sent.destroy(new Error('no answer in 40 s')));
      sent.on('error', fail);
      sent.end(call.body);
    });
}
