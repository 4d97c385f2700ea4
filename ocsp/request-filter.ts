import { ChanceryError } from '../src/domain/index.ts';
import { type Extension, oids, parseOcspRequest } from '../src/pkix/index.ts';
import type { IssuerDirectory, KnownIssuer } from './issuers.ts';
import type { StatusQuestion } from './source.ts';

/** Most certIDs of one request; each may cost a row and an octet string in the answer. */
export const maxCertIDs = 128;

/** AcceptableResponses (RFC 6960 §4.4.3): a basic response is always acceptable. */
const acceptableResponses = '1.3.6.1.5.5.7.48.1.4';

/**
 * Request extensions that are understood. Preferred signature algorithms (§4.4.7) are a wish:
 * the delegate has one key, so they change nothing.
 */
const understood: ReadonlySet<string> = new Set([
  oids.ocspNonce,
  oids.ocspPreferredSignatureAlgorithms,
  acceptableResponses,
]);

/**
 * What stands before every lookup: reads a request and answers the question in it.
 *
 * A signature and a requestorName are ignored, as if the request were plain (RFC 9919 §3.1.2).
 *
 * @throws ChanceryError `malformed` (also for a nonce outside 1 to 128 octets and for a critical
 * extension that is not understood, RFC 6960 §4.1.2), `notFound` when an issuer is not ours,
 * `ambiguous` when the certIDs name several issuers: one delegate signs one answer, and it may
 * speak for one issuer only (§4.2.2.2).
 */
export function readQuestion(der: Uint8Array, issuers: IssuerDirectory): StatusQuestion {
  const request = parseOcspRequest(der, { maxRequests: maxCertIDs });
  refuseUnknownCritical(request.extensions, understood);
  if (request.nonce !== undefined && (request.nonce.length < 1 || request.nonce.length > 128)) {
    throw new ChanceryError('malformed', {
      message: `the nonce has ${request.nonce.length} octets; send 1 to 128, best 32`,
      clause: 'RFC 9654 §2.1',
    });
  }
  let issuer: KnownIssuer | undefined;
  let key = '';
  for (const { certID, extensions } of request.requests) {
    // serviceLocator (§4.4.6) asks to relay to another responder, which this one does not do.
    refuseUnknownCritical(extensions, new Set());
    const found = issuers.find(certID);
    if (found === undefined) {
      throw new ChanceryError('notFound', {
        message: 'a certID names an issuer that this responder does not serve',
        clause: 'RFC 9919 §3.2.3',
      });
    }
    if (issuer !== undefined && issuer !== found) {
      throw new ChanceryError('ambiguous', {
        message: 'the certIDs name several issuers; send one request an issuer',
        clause: 'RFC 6960 §4.2.2.2',
      });
    }
    issuer = found;
    key += Buffer.from(certID.der).toString('latin1');
  }
  if (issuer === undefined) {
    throw new ChanceryError('malformed', {
      message: 'the request list is empty',
      clause: 'RFC 6960 §4.1.1',
    });
  }
  const certIDs = request.requests.map((single) => single.certID);
  const serialNumbers = [...new Set(certIDs.map((certID) => certID.serialNumber))];
  return { issuer, certIDs, serialNumbers, nonce: request.nonce, key };
}

function refuseUnknownCritical(extensions: readonly Extension[], known: ReadonlySet<string>): void {
  const unknown = extensions.find((extension) => extension.critical && !known.has(extension.oid));
  if (unknown !== undefined) {
    throw new ChanceryError('malformed', {
      message: `critical extension ${unknown.oid} is not understood`,
      clause: 'RFC 6960 §4.1.2',
    });
  }
}
