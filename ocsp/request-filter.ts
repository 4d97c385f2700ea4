import { ChanceryError, type IssuerId } from '../src/domain/index.ts';
import {
  type CertID,
  type Extension,
  findExtension,
  type KeyAlgorithmName,
  type OcspRequest,
  oids,
  type PreferredSignatureAlgorithm,
  parseAcceptableResponses,
  parseOcspRequest,
  parsePreferredSignatureAlgorithms,
} from '../src/pkix/index.ts';
import type { IssuerDirectory, KnownIssuer } from './issuers.ts';
import type { Requesters } from './requesters.ts';
import type { StatusQuestion } from './source.ts';

/** Most certIDs of one request; each may cost a row and an octet string in the answer. */
export const maxCertIDs = 128;

/** Request extensions that are understood. */
const understood: ReadonlySet<string> = new Set([
  oids.ocspNonce,
  oids.ocspPreferredSignatureAlgorithms,
  oids.ocspResponse,
]);

export interface RequestReaderParts {
  readonly issuers: IssuerDirectory;
  /** The kind of delegate key for those wishes; undefined is the default. */
  readonly choose: (
    issuerId: IssuerId,
    preferences: readonly PreferredSignatureAlgorithm[],
  ) => KeyAlgorithmName | undefined;
  /** Set where only those that sign their requests are answered. */
  readonly requesters?: Requesters | undefined;
}

/** What stands before every lookup: reads a request and answers the question in it. */
export class RequestReader {
  readonly #parts: RequestReaderParts;

  constructor(parts: RequestReaderParts) {
    this.#parts = parts;
  }

  /**
   * Where signatures are not required, one is ignored together with the requestorName, as if the
   * request were plain (RFC 9919 §3.1.2).
   *
   * @throws ChanceryError `malformed` (also for a nonce outside 1 to 128 octets and for a critical
   * extension that is not understood, RFC 6960 §4.1.2), `notFound` when an issuer is not ours,
   * `ambiguous` when the certIDs name several issuers: one delegate signs one answer, and it may
   * speak for one issuer only (§4.2.2.2); what `Requesters.admit` throws.
   */
  async read(der: Uint8Array): Promise<StatusQuestion> {
    const request = parse(der);
    await this.#parts.requesters?.admit(request);
    return this.#questionOf(request);
  }

  /** As `read`, for a request that the responder asks itself: to renew or to sign ahead. */
  readOwn(der: Uint8Array): StatusQuestion {
    return this.#questionOf(parse(der));
  }

  #questionOf(request: OcspRequest): StatusQuestion {
    const { requesters, choose } = this.#parts;
    const preferences = preferencesOf(request.extensions);
    const issuer = this.#issuerOf(request);
    const keyAlgorithm =
      preferences.length === 0 ? undefined : choose(issuer.issuerId, preferences);
    const certIDs = request.requests.map((single) => single.certID);
    return {
      issuer,
      certIDs,
      serialNumbers: [...new Set(certIDs.map((certID) => certID.serialNumber))],
      nonce: request.nonce,
      keyAlgorithm,
      key: keyOf(certIDs, keyAlgorithm),
      restricted: requesters !== undefined,
    };
  }

  #issuerOf(request: OcspRequest): KnownIssuer {
    let issuer: KnownIssuer | undefined;
    for (const { certID } of request.requests) {
      const found = this.#parts.issuers.find(certID);
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
    }
    if (issuer === undefined) {
      throw new ChanceryError('malformed', {
        message: 'the request list is empty',
        clause: 'RFC 6960 §4.1.1',
      });
    }
    return issuer;
  }
}

function parse(der: Uint8Array): OcspRequest {
  const request = parseOcspRequest(der, { maxRequests: maxCertIDs });
  refuseUnknownCritical(request.extensions, understood);
  refuseOtherResponses(request.extensions);
  for (const { extensions } of request.requests) {
    // serviceLocator (§4.4.6) asks to relay to another responder, which this one does not do.
    refuseUnknownCritical(extensions, new Set());
  }
  return request;
}

/** Latin-1 of the certIDs, each of which tells its own length, so that the name behind them is no part of one. */
function keyOf(certIDs: readonly CertID[], keyAlgorithm: KeyAlgorithmName | undefined): string {
  let key = '';
  for (const { der } of certIDs) {
    key += Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('latin1');
  }
  return keyAlgorithm === undefined ? key : key + keyAlgorithm;
}

function preferencesOf(extensions: readonly Extension[]): readonly PreferredSignatureAlgorithm[] {
  const extension = findExtension(extensions, oids.ocspPreferredSignatureAlgorithms);
  return extension === undefined ? [] : parsePreferredSignatureAlgorithms(extension.value);
}

/** A client that insists on another response can't be answered; every client must take a basic one (§4.4.3). */
function refuseOtherResponses(extensions: readonly Extension[]): void {
  const extension = findExtension(extensions, oids.ocspResponse);
  if (
    extension?.critical === true &&
    !parseAcceptableResponses(extension.value).includes(oids.basicOcspResponse)
  ) {
    throw new ChanceryError('malformed', {
      message: 'the acceptable responses leave the basic one out',
      clause: 'RFC 6960 §4.4.3',
    });
  }
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
