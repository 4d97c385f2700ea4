import { describe, expect, it } from 'vitest';
import {
  type AcmeErrorType,
  AcmeProblem,
  acmeErrorStatuses,
  problemDocument,
  toAcmeProblem,
} from '../../../src/acme/problem.ts';
import { ChanceryError, type ErrorCode, errorCodes } from '../../../src/domain/index.ts';

/** RFC 8555 §6.7 and its registry (RFC 9773 §7.4, draft-ietf-acme-profiles). */
const registered: readonly string[] = [
  ...['accountDoesNotExist', 'alreadyReplaced', 'alreadyRevoked', 'badCSR', 'badNonce'],
  ...['badPublicKey', 'badRevocationReason', 'badSignatureAlgorithm', 'caa', 'compound'],
  ...['connection', 'dns', 'externalAccountRequired', 'incorrectResponse', 'invalidContact'],
  ...['invalidProfile', 'malformed', 'orderNotReady', 'rateLimited', 'rejectedIdentifier'],
  ...['serverInternal', 'tls', 'unauthorized', 'unsupportedContact', 'unsupportedIdentifier'],
  'userActionRequired',
];

describe('RFC 8555 §6.7 (A11)', () => {
  it('no foreign type is in the namespace, and each has the status that its clause names', () => {
    expect(Object.keys(acmeErrorStatuses).toSorted()).toEqual([...registered].toSorted());
    expect(acmeErrorStatuses).toMatchObject({
      badNonce: 400,
      badSignatureAlgorithm: 400,
      accountDoesNotExist: 400,
      unauthorized: 401,
      orderNotReady: 403,
      userActionRequired: 403,
      alreadyReplaced: 409,
      rateLimited: 429,
      serverInternal: 500,
    });
  });

  it('the type is the whole URN, and the status stands in the document as in the answer', () => {
    const problem = new AcmeProblem('orderNotReady', { detail: 'wait' });
    expect(problem.document).toEqual({
      type: 'urn:ietf:params:acme:error:orderNotReady',
      detail: 'wait',
      status: 403,
    });
    expect(new AcmeProblem('unauthorized', { detail: 'x', status: 403 }).document.status).toBe(403);
  });

  it('§6.7.1: an identifier stands in a subproblem, never at the top', () => {
    const identifier = { type: 'dns', value: 'a.test' };
    const { document } = new AcmeProblem('rejectedIdentifier', { detail: 'no', identifier });
    expect(document).not.toHaveProperty('identifier');
    expect(document.subproblems).toEqual([
      { type: 'urn:ietf:params:acme:error:rejectedIdentifier', detail: 'no', identifier },
    ]);
  });

  it('what is not given is not there, so that JSON has no nulls', () => {
    expect(Object.keys(problemDocument('dns', 'x', { subproblems: [] }))).toEqual([
      'type',
      'detail',
    ]);
    expect(new AcmeProblem('dns', { detail: 'x' }).headers).toEqual({});
  });
});

describe('every error of the domain as an ACME problem', () => {
  const codes = Object.keys(errorCodes) as ErrorCode[];
  it.each(codes)('%s', (code) => {
    const secret = 'pg: password of 10.0.0.7';
    const problem = toAcmeProblem(
      new ChanceryError(code, { message: secret, violations: [], cause: new Error('inner') }),
    );
    expect(problem.document.type).toBe(`urn:ietf:params:acme:error:${problem.type}`);
    expect(registered).toContain(problem.type);
    expect(problem.document.status).toBe(problem.status);
    expect(problem.document.detail).not.toBe('');
    // What the client can't mend says nothing of the server's inside.
    if (problem.status >= 500) {
      expect(problem.type).toBe('serverInternal');
      expect(JSON.stringify(problem.document)).not.toContain('password');
    } else {
      expect(problem.document.detail).toBe(secret);
    }
    if (problem.status === 503 || problem.status === 429) {
      expect(problem.headers['retry-after']).toMatch(/^[1-9][0-9]*$/);
    }
    // A class of the domain keeps its sense: the client's fault stays the client's.
    const ours = ['unavailable', 'configuration', 'internal'].includes(errorCodes[code]);
    const askAgain = code === 'idempotencyInProgress' || code === 'purposeRefused';
    expect(problem.status >= 500).toBe(ours || askAgain);
  });

  it.each<[ErrorCode, AcmeErrorType, number]>([
    ['badCsr', 'badCSR', 400],
    ['badPublicKey', 'badCSR', 400],
    ['policyViolation', 'badCSR', 400],
    ['alreadyRevoked', 'alreadyRevoked', 400],
    ['certificateOnHold', 'unauthorized', 403],
    ['forbidden', 'unauthorized', 403],
    ['unauthenticated', 'unauthorized', 401],
    ['notFound', 'malformed', 404],
    ['rateLimited', 'rateLimited', 429],
    ['overloaded', 'serverInternal', 503],
    ['databaseUnavailable', 'serverInternal', 503],
    ['payloadTooLarge', 'malformed', 413],
    ['unsupportedMediaType', 'malformed', 415],
    ['methodNotAllowed', 'malformed', 405],
  ])('%s is told as %s, %i', (code, type, status) => {
    expect(toAcmeProblem(new ChanceryError(code, { message: 'x' }))).toMatchObject({
      type,
      status,
    });
  });

  it('Retry-After is the seconds that the error names, rounded up (§6.6, A10)', () => {
    const error = new ChanceryError('rateLimited', { message: 'x', retryAfter: 61.2 });
    expect(toAcmeProblem(error).headers).toEqual({ 'retry-after': '62' });
  });

  it('all broken rules are told at once, each with its mend', () => {
    const rule = { rule: 'r', field: 'names.dNSName', message: 'too long', clause: 'c' };
    const error = new ChanceryError('policyViolation', {
      message: 'refused',
      violations: [rule, { ...rule, field: 'subject', mend: 'leave it out' }],
    });
    expect(toAcmeProblem(error).document.detail).toBe(
      'refused: names.dNSName: too long; subject: too long (leave it out)',
    );
  });

  it('a defect says nothing about itself', () => {
    for (const thrown of [new TypeError('x is not a function'), 'text', undefined, null]) {
      const { type, status, document } = toAcmeProblem(thrown);
      expect([type, status]).toEqual(['serverInternal', 500]);
      expect(document.detail).not.toContain('function');
    }
  });

  it('a problem stays the one it is', () => {
    const problem = new AcmeProblem('caa', { detail: 'x' });
    expect(toAcmeProblem(problem)).toBe(problem);
  });
});
