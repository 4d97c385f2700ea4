import { type ErrorCode, errorCodes, isChanceryError } from '../src/domain/index.ts';
import { encodeOcspError, type OcspResponseStatus } from '../src/pkix/index.ts';

/** An unsigned answer: a status other than successful, and no responseBytes (RFC 6960 §4.2.1). */
export type ErrorStatus = Exclude<OcspResponseStatus, 'successful'>;

const statusByClass: Readonly<Record<(typeof errorCodes)[ErrorCode], ErrorStatus>> = {
  request: 'malformedRequest',
  tooLarge: 'malformedRequest',
  mediaType: 'malformedRequest',
  method: 'malformedRequest',
  // No authoritative record: another CA's certificate, or several issuers in one request (RFC 9919 §3.2.3).
  notFound: 'unauthorized',
  ambiguous: 'unauthorized',
  forbidden: 'unauthorized',
  unauthenticated: 'unauthorized',
  unavailable: 'tryLater',
  rateLimited: 'tryLater',
  refused: 'internalError',
  conflict: 'internalError',
  configuration: 'internalError',
  internal: 'internalError',
} as Readonly<Record<(typeof errorCodes)[ErrorCode], ErrorStatus>>;

/** The one mapper from errors to OCSP: anything that is not a ChanceryError is a defect, `internalError`. */
export function errorStatusOf(error: unknown): ErrorStatus {
  return isChanceryError(error) ? statusByClass[errorCodes[error.code]] : 'internalError';
}

const encoded = new Map<ErrorStatus, Buffer>();

/** The whole OCSPResponse of an error, five octets. */
export function errorResponse(status: ErrorStatus): Buffer {
  let der = encoded.get(status);
  if (der === undefined) {
    der = Buffer.from(encodeOcspError(status));
    encoded.set(status, der);
  }
  return der;
}
