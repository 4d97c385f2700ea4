import type { ErrorCode, Violation } from '../domain/index.ts';
import { ChanceryError, errorCodes, isChanceryError } from '../domain/index.ts';

type ErrorClass = (typeof errorCodes)[ErrorCode];

/** The answer to a refused or failed request (RFC 9457), before it is written. */
export interface Problem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: {
    readonly type: string;
    readonly title: string;
    readonly status: number;
    readonly detail: string;
    readonly code: ErrorCode;
    readonly field?: string | undefined;
    readonly clause?: string | undefined;
    readonly violations?: readonly Violation[] | undefined;
    /** Finds the request in the server's log. */
    readonly requestId: string;
  };
}

const statusOfClass: Readonly<Record<ErrorClass, number>> = {
  request: 400,
  unauthenticated: 401,
  forbidden: 403,
  notFound: 404,
  method: 405,
  conflict: 409,
  tooLarge: 413,
  mediaType: 415,
  refused: 422,
  rateLimited: 429,
  unavailable: 503,
  configuration: 500,
  internal: 500,
};

/** Short, fixed text for each code (RFC 9457 §3.1.3: the same for every occurrence). */
const titles: Readonly<Record<ErrorCode, string>> = {
  malformed: 'The input cannot be read',
  badCsr: 'The certification request is not acceptable',
  badPublicKey: 'The public key is refused',
  policyViolation: 'The request breaks its profile or name policy',
  lintFailed: 'The certificate would break a rule',
  invalidArgument: 'A parameter is wrong or missing',
  unauthenticated: 'Authentication is required',
  signatureRequired: 'The request must be signed',
  forbidden: 'The credential does not allow this',
  notFound: 'There is no such thing',
  ambiguous: 'Several things answer to this name',
  illegalTransition: 'The state does not allow this act',
  alreadyRevoked: 'The certificate is revoked already',
  certificateOnHold: 'The certificate is on hold',
  certificateRevoked: 'The certificate is revoked',
  alreadyExists: 'It exists already',
  countDiffers: 'The number of certificates differs from the one expected',
  storeConflict: 'Another writer was first',
  idempotencyMismatch: 'The Idempotency-Key was used for another request',
  idempotencyInProgress: 'The first request with this Idempotency-Key is still running',
  payloadTooLarge: 'The request body is too large',
  unsupportedMediaType: 'The media type is not supported',
  methodNotAllowed: 'The method is not allowed here',
  rateLimited: 'Too many requests',
  overloaded: 'The server has too much to do',
  tokenUnavailable: 'The token does not answer',
  tokenAbsent: 'The token is absent between ceremonies',
  databaseUnavailable: 'The database does not answer',
  issuanceHalted: 'Issuance is halted',
  keyBlocked: 'The key is blocked',
  purposeRefused: 'The key is not for this purpose',
  outcomeUnknown: 'The outcome is unknown',
  configuration: 'The server is configured wrongly',
  internal: 'Internal error',
};

/** All that a caller learns of a 5xx: what to do. The message itself stays in the log. */
const publicDetails: Readonly<Partial<Record<ErrorCode, string>>> = {
  overloaded: 'nothing was done; ask again after the time in Retry-After',
  storeConflict: 'nothing was done; ask again after the time in Retry-After',
  tokenUnavailable: 'nothing was issued; ask again in a few seconds',
  databaseUnavailable: 'nothing can be recorded now; ask again in a few seconds',
  issuanceHalted: 'an operator must act first; the server log and /readyz say why',
  keyBlocked: 'an operator must act first; the server log says why',
  outcomeUnknown:
    'ask again with the same Idempotency-Key; what may have been signed will be revoked',
  configuration: 'an operator must act; the server log says why',
  internal: 'the server log has the reason under this request id',
};

/**
 * The problem for anything thrown. What is no ChanceryError is a defect and says nothing about
 * itself; of a 5xx only a fixed sentence leaves the server.
 */
export function problemOf(error: unknown, requestId: string): Problem {
  const known = isChanceryError(error)
    ? error
    : new ChanceryError('internal', { message: 'defect', cause: error });
  const status = statusOfCode(known.code);
  const base = {
    type: `urn:chancery:error:${known.code}`,
    title: titles[known.code],
    status,
    code: known.code,
    requestId,
  };
  if (status >= 500) {
    const detail = publicDetails[known.code] ?? publicDetails.internal ?? '';
    return { status, headers: headersOf(known, status), body: { ...base, detail } };
  }
  return {
    status,
    headers: headersOf(known, status),
    body: {
      ...base,
      detail: known.message,
      field: known.field,
      clause: known.clause,
      violations: known.violations.length === 0 ? undefined : known.violations,
    },
  };
}

/** The HTTP status of a code. */
export function statusOfCode(code: ErrorCode): number {
  return statusOfClass[errorCodes[code]];
}

/**
 * What express, its body parser and its router throw, as our errors.
 * Anything else passes through unchanged.
 */
export function fromExpress(error: unknown): unknown {
  if (isChanceryError(error) || !(error instanceof Error)) return error;
  const type = 'type' in error ? error.type : undefined;
  switch (type) {
    case 'entity.too.large':
      return new ChanceryError('payloadTooLarge', {
        message: `the request body is larger than ${'limit' in error ? String(error.limit) : 'the limit of'} octets`,
      });
    case 'entity.parse.failed':
      return malformed('the request body is no JSON object in UTF-8');
    case 'encoding.unsupported':
    case 'charset.unsupported':
      return new ChanceryError('unsupportedMediaType', {
        message: 'send the body as application/json in UTF-8, without Content-Encoding',
      });
    case 'request.aborted':
    case 'request.size.invalid':
      return malformed('the request ended before its body did');
    default:
      break;
  }
  // The router throws a URIError with status 400 for a path with broken percent-encoding.
  if ('status' in error && error.status === 400) {
    return malformed('the path holds percent-encoding that is no UTF-8');
  }
  return error;
}

function malformed(message: string): ChanceryError {
  return new ChanceryError('malformed', { message });
}

function headersOf(error: ChanceryError, status: number): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
  };
  if (status === 401) headers['www-authenticate'] = 'Bearer realm="chancery"';
  const seconds =
    error.retryAfter ??
    (status === 503 || status === 429 || error.code === 'idempotencyInProgress' ? 1 : undefined);
  if (seconds !== undefined) headers['retry-after'] = String(Math.max(1, Math.ceil(seconds)));
  return headers;
}
