import { type ErrorCode, errorCodes, isChanceryError } from '../src/domain/index.ts';
import { encodeOcspError, type OcspResponseStatus } from '../src/pkix/index.ts';

/** An unsigned answer: a status other than successful, and no responseBytes (RFC 6960 §4.2.1). */
export type ErrorStatus = Exclude<OcspResponseStatus, 'successful'>;

type ErrorClass = (typeof errorCodes)[ErrorCode];

const statusByClass: Readonly<Record<ErrorClass, ErrorStatus>> = {
  request: 'malformedRequest',
  tooLarge: 'malformedRequest',
  mediaType: 'malformedRequest',
  method: 'malformedRequest',
  // No authoritative record: another CA's certificate (RFC 9919 §3.2.3).
  notFound: 'unauthorized',
  forbidden: 'unauthorized',
  unauthenticated: 'unauthorized',
  unavailable: 'tryLater',
  rateLimited: 'tryLater',
  refused: 'internalError',
  conflict: 'internalError',
  configuration: 'internalError',
  internal: 'internalError',
};

/** The one mapper from errors to OCSP: anything that is not a ChanceryError is a defect, `internalError`. */
export function errorStatusOf(error: unknown): ErrorStatus {
  if (!isChanceryError(error)) {
    return 'internalError';
  }
  switch (error.code) {
    case 'ambiguous':
      // Several issuers in one request: there is no delegate that may answer for all of them.
      return 'unauthorized';
    case 'signatureRequired':
      return 'sigRequired';
    default:
      return statusByClass[errorCodes[error.code]];
  }
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
