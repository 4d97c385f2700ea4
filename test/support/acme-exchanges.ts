/**
 * What holds for every exchange, whatever a test is about (RFC 8555 §6.5, §6.7, §7.1, §7.1.6): the
 * conformance tests send all their requests through `judged`, which remembers what it saw.
 */
import { expect } from 'vitest';
import {
  type Answer,
  type Authorization,
  type Challenge,
  headerOf,
  json,
  links,
  type Order,
  type Problem,
  type Transport,
} from './acme-client.ts';

/** The IANA registry "ACME Error Types" (RFC 8555 §9.7.3, RFC 9773 §7.4), and the profiles draft's. */
const errorTypes = new Set(
  [
    ...['accountDoesNotExist', 'alreadyReplaced', 'alreadyRevoked', 'badCSR', 'badNonce'],
    ...['badPublicKey', 'badRevocationReason', 'badSignatureAlgorithm', 'caa', 'compound'],
    ...['connection', 'dns', 'externalAccountRequired', 'incorrectResponse', 'invalidContact'],
    ...['invalidProfile', 'malformed', 'orderNotReady', 'rateLimited', 'rejectedIdentifier'],
    ...['serverInternal', 'tls', 'unauthorized', 'unsupportedContact', 'unsupportedIdentifier'],
    ...['userActionRequired'],
  ].map((type) => `urn:ietf:params:acme:error:${type}`),
);

/** What may be seen after a state; steps between two looks may stay unseen (§7.1.6, A15). */
const later: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  order: {
    pending: ['ready', 'processing', 'valid', 'invalid'],
    ready: ['processing', 'valid', 'invalid'],
    processing: ['valid', 'invalid'],
    valid: [],
    invalid: [],
  },
  authorization: {
    pending: ['valid', 'invalid', 'revoked', 'deactivated', 'expired'],
    valid: ['revoked', 'deactivated', 'expired'],
    invalid: [],
    revoked: [],
    deactivated: [],
    expired: [],
  },
  challenge: {
    pending: ['processing', 'valid', 'invalid'],
    processing: ['valid', 'invalid'],
    valid: [],
    invalid: [],
  },
  account: { valid: ['deactivated', 'revoked'], deactivated: [], revoked: [] },
};

interface Seen {
  readonly states: Map<string, string>;
  readonly arrays: Map<string, string>;
  readonly nonces: Set<string>;
}

/** Looks at every answer that passes. */
export function judged(transport: Transport): Transport {
  const seen: Seen = { states: new Map(), arrays: new Map(), nonces: new Set() };
  return async (call) => {
    // Two looks that overlap may arrive in either order: only what was sent later must not be earlier.
    const before = new Map(seen.states);
    const answer = await transport(call);
    judgeHeaders(call.method, call.url, answer, seen);
    const type = headerOf(answer, 'content-type') ?? '';
    if (type.startsWith('application/problem+json')) judgeProblem(json<Problem>(answer));
    else if (type.startsWith('application/json')) {
      judgeObject(call.url, answer, { ...seen, states: before });
      for (const [url, state] of before)
        seen.states.set(url, furthest(seen.states.get(url), state));
    }
    return answer;
  };
}

/** The one of two states that can follow the other. */
function furthest(known: string | undefined, state: string): string {
  if (known === undefined) return state;
  const follows = Object.values(later).some((kind) => kind[known]?.includes(state) ?? false);
  return follows ? state : known;
}

function judgeHeaders(method: string, url: string, answer: Answer, seen: Seen): void {
  const nonce = headerOf(answer, 'replay-nonce');
  if (method === 'POST' && answer.status < 300) {
    expect(nonce, `A8: POST ${url} answers without a Replay-Nonce`).toBeDefined();
  }
  if (nonce !== undefined) {
    expect(nonce, 'A8: base64url').toMatch(/^[A-Za-z0-9_-]{22,}$/);
    expect(seen.nonces.has(nonce), 'A8: a nonce was given twice').toBe(false);
    seen.nonces.add(nonce);
  }
  if (!url.endsWith('/directory')) {
    expect(links(answer, 'index'), `A12: ${method} ${url} names its directory`).toEqual([
      expect.stringMatching(/\/directory$/),
    ]);
  }
  if (answer.status >= 400 && method !== 'HEAD') {
    expect(headerOf(answer, 'content-type'), `A11: ${url}`).toMatch(/^application\/problem\+json/);
  }
  if (answer.status === 429) {
    expect(Number(headerOf(answer, 'retry-after')), 'A10: Retry-After').toBeGreaterThan(0);
  }
}

function judgeProblem(problem: Problem): void {
  expect(problem, 'A11, §6.7.1: identifier at the top').not.toHaveProperty('identifier');
  judgeMembers(problem);
}

function judgeMembers(problem: Problem): void {
  expect(errorTypes, `A11: ${problem.type} is in no registry`).toContain(problem.type);
  expect(problem.detail, 'A11: detail').toMatch(/\S/);
  if (problem.type.endsWith(':badSignatureAlgorithm')) {
    expect(problem.algorithms?.length, 'A4: algorithms').toBeGreaterThan(0);
  }
  for (const one of problem.subproblems ?? []) {
    judgeMembers(one);
    if (one.identifier !== undefined) expect(typeof one.identifier.value).toBe('string');
  }
}

function judgeObject(url: string, answer: Answer, seen: Seen): void {
  const body = json<Record<string, unknown>>(answer);
  const at = headerOf(answer, 'location') ?? url;
  if ('finalize' in body) judgeOrder(at.replace(/\/finalize$/, ''), body, seen);
  else if ('challenges' in body) judgeAuthorization(at, body, seen);
  else if ('token' in body) judgeChallenge(body as unknown as Challenge, seen);
  else if ('orders' in body && 'status' in body) {
    judgeState('account', at, String(body['status']), seen);
  }
}

function judgeState(kind: string, url: string, status: string, seen: Seen): void {
  const known = later[kind] ?? {};
  expect(Object.keys(known), `A15: ${kind} ${status}`).toContain(status);
  const before = seen.states.get(url);
  if (before !== undefined && before !== status) {
    expect(known[before], `A15: ${kind} ${url} went from ${before}`).toContain(status);
  }
  seen.states.set(url, status);
}

function judgeOrder(url: string, body: unknown, seen: Seen): void {
  const order = body as Order;
  judgeState('order', url, order.status, seen);
  const arrays = JSON.stringify([order.identifiers, order.authorizations]);
  expect(seen.arrays.get(url) ?? arrays, 'A14: identifiers and authorizations').toBe(arrays);
  seen.arrays.set(url, arrays);
  if (['pending', 'valid'].includes(order.status)) expectTime(order.expires, 'order expires');
  expect(order.certificate !== undefined, `certificate URL while ${order.status}`).toBe(
    order.status === 'valid',
  );
  if (order.error !== undefined) judgeProblem(order.error);
}

function judgeAuthorization(url: string, body: unknown, seen: Seen): void {
  const authorization = body as Authorization;
  judgeState('authorization', url, authorization.status, seen);
  expect(authorization.identifier.value, 'A14').not.toMatch(/^\*/);
  expect([undefined, true], 'A14: wildcard is true or absent').toContain(authorization.wildcard);
  if (authorization.status === 'valid') expectTime(authorization.expires, 'A26: expires');
  if (authorization.wildcard === true) {
    const types = authorization.challenges.map(({ type }) => type);
    expect(
      types.filter((type) => type !== 'dns-01'),
      'A32: wildcards by dns-01',
    ).toEqual([]);
  }
  for (const challenge of authorization.challenges) judgeChallenge(challenge, seen);
}

function judgeChallenge(challenge: Challenge, seen: Seen): void {
  judgeState('challenge', challenge.url, challenge.status, seen);
  expect(challenge.token, 'A29: at least 128 bits, base64url').toMatch(/^[A-Za-z0-9_-]{22,}$/);
  if (challenge.status === 'valid') expectTime(challenge.validated, '§8: validated');
  if (challenge.status === 'invalid') expect(challenge.error, '§8: error').toBeDefined();
  if (challenge.error !== undefined) judgeProblem(challenge.error);
}

/** RFC 3339, in UTC. */
export function expectTime(text: string | undefined, what: string): void {
  expect(text, what).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
}
