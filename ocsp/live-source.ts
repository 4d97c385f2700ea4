import { createHash } from 'node:crypto';
import { ChanceryError, type Clock, type IssuerId } from '../src/domain/index.ts';
import {
  issueOcspResponse,
  type OcspDelegate,
  prepareOcspResponse,
} from '../src/issuance/index.ts';
import type { Signer } from '../src/issuance/ports.ts';
import {
  type Certificate,
  type Extension,
  hashKey,
  nonceExtension,
  type SingleResponse,
} from '../src/pkix/index.ts';
import type { IssuerDirectory } from './issuers.ts';
import { certStatusOf, singleResponse, wholeSeconds } from './single-response.ts';
import type { AnswerSource, SignedAnswer, StatusQuestion } from './source.ts';
import type { StatusLookup } from './status-lookup.ts';

/** Shortest time that an answer must still be valid for when it is signed, in seconds. */
const leastValiditySeconds = 60;

export interface LiveSourceParts {
  readonly lookup: StatusLookup;
  readonly issuers: IssuerDirectory;
  readonly signer: Signer;
  readonly clock: Clock;
  /** Whether the change feed is followed; a cut-off responder signs nothing new. */
  readonly fresh: () => boolean;
  /** The delegate to sign with at that moment (RFC 6960 §4.2.2.2), or undefined when there is none. */
  readonly delegate: (issuerId: IssuerId, at: Date) => OcspDelegate | undefined;
  readonly validitySeconds: number;
  /** Milliseconds that a signature may take. */
  readonly signDeadline: number;
  /** Milliseconds: a status read longer ago is not signed. */
  readonly statusDeadline: number;
  readonly signed: () => void;
}

/** Reads the status, fixes the ResponseData, has it linted and signed. */
export class LiveSource implements AnswerSource {
  readonly #parts: LiveSourceParts;

  constructor(parts: LiveSourceParts) {
    this.#parts = parts;
  }

  async answer(question: StatusQuestion): Promise<SignedAnswer> {
    const { lookup, issuers, clock, fresh, validitySeconds } = this.#parts;
    const { issuer, certIDs, serialNumbers, nonce } = question;
    if (!fresh()) {
      throw new ChanceryError('databaseUnavailable', {
        message: 'the responder is cut off from the database and signs nothing new',
        retryAfter: 2,
      });
    }
    if (!issuers.isJudged(issuer.issuerId)) {
      throw new ChanceryError('databaseUnavailable', {
        message: "the status of the issuer's own certificate is not known yet",
        retryAfter: 1,
      });
    }
    const { asOf, records } = await lookup.lookup(issuer.issuerId, serialNumbers);
    const compromise = issuers.compromiseOf(issuer.issuerId);
    const now = clock.now();
    // producedAt may be later than the reading by this much only, so that no answer shows a status
    // that was replaced longer ago.
    const age = now.getTime() - asOf.getTime();
    if (age > this.#parts.statusDeadline || age < 0) {
      throw new ChanceryError('databaseUnavailable', {
        message: 'the status was read too long ago to be signed',
        retryAfter: 1,
      });
    }
    const delegate = this.#delegate(issuer.issuerId, asOf);
    const { notAfter } = delegate.certificate.validity;
    const responses = certIDs.map((certID) =>
      singleResponse({
        certID,
        certStatus: certStatusOf(records.get(certID.serialNumber), compromise, asOf),
        thisUpdate: asOf,
        validitySeconds,
        latest: notAfter,
      }),
    );
    const body = await this.#sign(
      responses,
      issuer.certificate,
      delegate,
      wholeSeconds(now),
      question,
    );
    this.#parts.signed();
    return {
      body,
      tail: delegate.certificate.der,
      issuerId: issuer.issuerId,
      serialNumbers,
      thisUpdate: wholeSeconds(asOf).getTime(),
      nextUpdate: Math.min(...responses.map((one) => one.nextUpdate?.getTime() ?? 0)),
      etag: `"${createHash('sha256').update(body).digest('hex')}"`,
      good: responses.every((one) => one.certStatus.type === 'good'),
      reusable: nonce === undefined && responses.every((one) => one.certStatus.type !== 'unknown'),
    };
  }

  /** @throws ChanceryError `tokenUnavailable` when none is valid long enough to sign with. */
  #delegate(issuerId: IssuerId, at: Date): OcspDelegate {
    const delegate = this.#parts.delegate(issuerId, at);
    const rest = (delegate?.certificate.validity.notAfter.getTime() ?? 0) - at.getTime();
    if (delegate === undefined || rest < leastValiditySeconds * 1000) {
      throw new ChanceryError('tokenUnavailable', {
        message: `no valid OCSP signing certificate of issuer ${issuerId} is at hand yet`,
        clause: 'RFC 6960 §4.2.2.2',
        retryAfter: 2,
      });
    }
    return delegate;
  }

  async #sign(
    responses: readonly SingleResponse[],
    issuer: Certificate,
    delegate: OcspDelegate,
    producedAt: Date,
    question: StatusQuestion,
  ): Promise<Buffer> {
    const extensions: Extension[] =
      question.nonce === undefined ? [] : [nonceExtension(question.nonce)];
    const keyHash = responderKeyHash(delegate);
    const prepared = prepareOcspResponse({
      data: { responderID: { type: 'byKey', keyHash }, producedAt, responses, extensions },
      issuer,
      delegate,
      now: producedAt,
      nonce: question.nonce,
      requested: question.certIDs,
    });
    const der = await issueOcspResponse(prepared, this.#parts.signer, this.#parts.signDeadline);
    return Buffer.from(der.buffer, der.byteOffset, der.byteLength);
  }
}

const keyHashes = new WeakMap<Certificate, Uint8Array>();

/** responderID byKey: SHA-1 of the delegate's key, without tag, length and unused bits (RFC 6960 §4.2.1). */
function responderKeyHash(delegate: OcspDelegate): Uint8Array {
  let hash = keyHashes.get(delegate.certificate);
  if (hash === undefined) {
    hash = hashKey(delegate.certificate.subjectPublicKeyInfo, 'sha1');
    keyHashes.set(delegate.certificate, hash);
  }
  return hash;
}
