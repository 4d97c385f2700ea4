import { describe, expect, it } from 'vitest';
import { ChanceryError, type ErrorCode, errorCodes } from '../../../src/domain/index.ts';
import { fromExpress, problemOf, statusOfCode } from '../../../src/http/problem.ts';

const codes = Object.keys(errorCodes) as ErrorCode[];
const secret = 'connect postgresql://app:hunter2@db failed at /srv/pin';

describe('problemOf', () => {
  it.each(codes)('maps %s to a problem with the same stable type', (code) => {
    const { status, headers, body } = problemOf(
      new ChanceryError(code, {
        message: 'what and how to mend it',
        field: 'csr',
        clause: 'RFC 1',
      }),
      'r1',
    );
    expect(status).toBe(statusOfCode(code));
    expect(status).toBeGreaterThanOrEqual(400);
    expect(headers['content-type']).toBe('application/problem+json');
    expect(body).toMatchObject({
      type: `urn:chancery:error:${code}`,
      status,
      code,
      requestId: 'r1',
    });
    expect(body.title).toMatch(/^[A-Z].+[^.]$/);
    expect(body.detail.length).toBeGreaterThan(10);
    if (status < 500) {
      expect(body).toMatchObject({
        detail: 'what and how to mend it',
        field: 'csr',
        clause: 'RFC 1',
      });
    }
  });

  it.each(codes.filter((code) => statusOfCode(code) >= 500))(
    'keeps everything that %s says inside',
    (code) => {
      const error = new ChanceryError(code, {
        message: secret,
        field: secret,
        clause: secret,
        violations: [{ rule: secret, field: secret, message: secret, clause: secret }],
        cause: new Error(secret),
      });
      const problem = JSON.stringify(problemOf(error, 'r1'));
      expect(problem).not.toContain('hunter2');
      expect(problem).not.toContain('/srv');
    },
  );

  it('keeps the statuses that clients rely on', () => {
    const expected: Partial<Record<ErrorCode, number>> = {
      malformed: 400,
      unauthenticated: 401,
      forbidden: 403,
      notFound: 404,
      methodNotAllowed: 405,
      ambiguous: 409,
      countDiffers: 409,
      idempotencyInProgress: 409,
      payloadTooLarge: 413,
      unsupportedMediaType: 415,
      policyViolation: 422,
      idempotencyMismatch: 422,
      overloaded: 503,
      tokenUnavailable: 503,
      internal: 500,
    };
    for (const [code, status] of Object.entries(expected)) {
      expect(statusOfCode(code as ErrorCode), code).toBe(status);
    }
  });

  it('says when to ask again', () => {
    const headers = (code: ErrorCode, retryAfter?: number) =>
      problemOf(new ChanceryError(code, { message: 'm', retryAfter }), 'r').headers;
    expect(headers('overloaded')['retry-after']).toBe('1');
    expect(headers('overloaded', 2.2)['retry-after']).toBe('3');
    expect(headers('idempotencyInProgress')['retry-after']).toBe('1');
    expect(headers('notFound')['retry-after']).toBeUndefined();
    expect(headers('unauthenticated')['www-authenticate']).toBe('Bearer realm="chancery"');
  });

  it.each([
    ['a defect', new TypeError(secret)],
    ['text', secret],
    ['nothing', undefined],
    ['something that only looks like ours', { code: 'notFound', message: secret }],
  ])('answers %s with 500 and no word of it', (_, thrown) => {
    const { status, body } = problemOf(thrown, 'r1');
    expect(status).toBe(500);
    expect(body.code).toBe('internal');
    expect(JSON.stringify(body)).not.toContain('hunter2');
  });
});

describe('fromExpress', () => {
  it.each([
    ['entity.too.large', 'payloadTooLarge'],
    ['entity.parse.failed', 'malformed'],
    ['encoding.unsupported', 'unsupportedMediaType'],
    ['charset.unsupported', 'unsupportedMediaType'],
    ['request.aborted', 'malformed'],
  ])('reads %s as %s, without its message', (type, code) => {
    const mapped = fromExpress(Object.assign(new Error(secret), { type, status: 400 }));
    expect(mapped).toMatchObject({ code });
    expect((mapped as Error).message).not.toContain('hunter2');
  });

  it('leaves defects as they are', () => {
    const defect = new Error(secret);
    expect(fromExpress(defect)).toBe(defect);
  });
});
