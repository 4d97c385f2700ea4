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
  extendedRevokeExtension,
  hashKey,
  type KeyAlgorithmName,
  nonceExtension,
  type ResponderID,
  type SingleResponse,
} from '../src/pkix/index.ts';
import type { IssuerDirectory } from './issuers.ts';
import {
  certStatusOf,
  isExtendedRevoked,
  isNotIssued,
  singleResponse,
  wholeSeconds,
} from './single-response.ts';
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
  readonly delegate: (
    issuerId: IssuerId,
    at: Date,
    keyAlgorithm: KeyAlgorithmName | undefined,
  ) => OcspDelegate | undefined;
  /** How the responder names itself in its answers (RFC 6960 §4.2.2.3). */
  readonly responderId: 'key' | 'name';
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
    const delegate = this.#delegate(issuer.issuerId, asOf, question.keyAlgorithm);
    const { notAfter } = delegate.certificate.validity;
    // Not the question's: the policy may have changed since it was read.
    const { policy } = issuers.byId(issuer.issuerId) ?? issuer;
    const producedAt = wholeSeconds(now);
    const responses = certIDs.map((certID) => {
      const record = records.get(certID.serialNumber);
      const certStatus = certStatusOf(record, compromise, asOf, policy);
      return singleResponse({
        ...{ certID, certStatus, record, policy, asOf, producedAt, validitySeconds },
        latest: notAfter,
      });
    });
    const nextUpdate = Math.min(...responses.map((one) => one.nextUpdate?.getTime() ?? 0));
    if (nextUpdate <= now.getTime()) {
      throw new ChanceryError('databaseUnavailable', {
        message:
          'the CRL that the status comes from has expired, and its successor is not here yet',
        clause: 'RFC 6960 §4.2.2.1',
        retryAfter: 60,
      });
    }
    const timesOfCrl = serialNumbers.some(
      (serialNumber) => records.get(serialNumber)?.validity !== undefined,
    );
    const body = await this.#sign(responses, delegate, producedAt, timesOfCrl, question);
    this.#parts.signed();
    return {
      body,
      tail: delegate.certificate.der,
      issuerId: issuer.issuerId,
      serialNumbers,
      thisUpdate: Math.min(...responses.map((one) => one.thisUpdate.getTime())),
      nextUpdate,
      etag: `"${createHash('sha256').update(body).digest('hex')}"`,
      good: responses.every((one) => one.certStatus.type === 'good'),
      // Whoever asks for serial numbers that nobody has fills no memory.
      reusable:
        nonce === undefined &&
        serialNumbers.every((serialNumber) => records.has(serialNumber)) &&
        !responses.some((one) => isNotIssued(one.certStatus)),
    };
  }

  /** @throws ChanceryError `tokenUnavailable` when none is valid long enough to sign with. */
  #delegate(
    issuerId: IssuerId,
    at: Date,
    keyAlgorithm: KeyAlgorithmName | undefined,
  ): OcspDelegate {
    const delegate = this.#parts.delegate(issuerId, at, keyAlgorithm);
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
    delegate: OcspDelegate,
    producedAt: Date,
    timesOfCrl: boolean,
    question: StatusQuestion,
  ): Promise<Buffer> {
    const { nonce } = question;
    const extensions: Extension[] = [];
    if (nonce !== undefined) extensions.push(nonceExtension(nonce));
    if (responses.some((one) => isExtendedRevoked(one.certStatus))) {
      extensions.push(extendedRevokeExtension);
    }
    const responderID: ResponderID =
      this.#parts.responderId === 'name'
        ? { type: 'byName', name: delegate.certificate.subject }
        : { type: 'byKey', keyHash: responderKeyHash(delegate) };
    const prepared = prepareOcspResponse({
      data: { responderID, producedAt, responses, extensions },
      issuer: question.issuer.certificate,
      delegate,
      now: producedAt,
      nonce,
      requested: question.certIDs,
      timesOfCrl,
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
