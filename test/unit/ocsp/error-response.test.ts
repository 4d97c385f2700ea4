import { describe, expect, it } from 'vitest';
import { errorResponse, errorStatusOf } from '../../../ocsp/error-response.ts';
import { ChanceryError, type ErrorCode, errorCodes } from '../../../src/domain/index.ts';

describe('errors as OCSP statuses', () => {
  const expected: Readonly<Record<string, string>> = {
    request: 'malformedRequest',
    tooLarge: 'malformedRequest',
    mediaType: 'malformedRequest',
    method: 'malformedRequest',
    notFound: 'unauthorized',
    forbidden: 'unauthorized',
    unauthenticated: 'unauthorized',
    unavailable: 'tryLater',
    rateLimited: 'tryLater',
    refused: 'internalError',
    configuration: 'internalError',
    internal: 'internalError',
  };

  it.each(Object.keys(errorCodes) as ErrorCode[])('%s has its status', (code) => {
    const status = errorStatusOf(new ChanceryError(code, { message: 'x' }));
    const byClass = expected[errorCodes[code]] ?? 'internalError';
    const ofCode: Partial<Record<ErrorCode, string>> = {
      ambiguous: 'unauthorized',
      signatureRequired: 'sigRequired',
    };
    expect(status).toBe(ofCode[code] ?? byClass);
  });

  it('anything else is a defect, and says nothing of itself', () => {
    expect(errorStatusOf(new TypeError('secret'))).toBe('internalError');
    expect(errorResponse('internalError').toString('hex')).toBe('30030a0102');
  });
});
