import type { IssuerId, SerialNumber } from '../src/domain/index.ts';
import { CertIdForms } from './cert-id-forms.ts';
import { CompactAnswers } from './compact-answers.ts';
import { MappedAnswers } from './mapped-answers.ts';
import type { SignedAnswer, StatusQuestion } from './source.ts';

/** An answer in memory. */
export interface CachedAnswer extends SignedAnswer {
  /** Milliseconds since 1970 from which a new one is asked for. */
  readonly refreshAt: number;
}

/** An answer that a change of status took out of memory. */
export interface EvictedAnswer {
  readonly certID: Uint8Array;
  /** How often it was given since it was signed. */
  readonly uses: number;
}

/** Of the answers that are kept by their whole question: one in so many of all, and some at least. */
const mappedShare = 200;
const leastMapped = 100;

/**
 * Answers in memory, bounded. Nearly all are about one certificate, named in a way that clients
 * use: those are kept compactly, and found without decoding a request. The others (several
 * certIDs, an algorithm that the client prefers) are kept by their question's key.
 *
 * `unknown` and answers with a nonce are never kept.
 */
export class ResponseCache {
  /** For the shortest way from a request to its answer. */
  readonly compact: CompactAnswers;
  readonly #mapped: MappedAnswers;
  readonly #forms = new Map<IssuerId, CertIdForms>();

  /**
   * @param limit answers kept at most, about 420 octets each
   * @param seed of the table's hash, 32 bits
   */
  constructor(limit: number, seed = 0) {
    this.compact = new CompactAnswers(limit, seed);
    this.#mapped = new MappedAnswers(Math.max(leastMapped, Math.ceil(limit / mappedShare)));
  }

  get size(): number {
    return this.compact.size + this.#mapped.size;
  }

  get(question: StatusQuestion): CachedAnswer | undefined {
    const certID = onlyCertID(question);
    const reference = certID === undefined ? 0 : this.compact.find(certID, 0, certID.length);
    if (reference === 0) {
      return this.#mapped.get(question.key);
    }
    const { compact } = this;
    compact.countUse(reference);
    return {
      body: compact.body(reference),
      issuerId: question.issuer.issuerId,
      serialNumbers: question.serialNumbers,
      thisUpdate: compact.thisUpdate(reference),
      nextUpdate: compact.nextUpdate(reference),
      refreshAt: compact.refreshAt(reference),
      etag: compact.etag(reference),
      reusable: true,
      good: compact.good(reference),
    };
  }

  set(question: StatusQuestion, signed: SignedAnswer, refreshAt: number): void {
    if (!this.#setCompact(question, signed, refreshAt)) {
      this.#mapped.set(question.key, signed, refreshAt);
    }
  }

  /** Forgets whatever speaks about this certificate. */
  evict(issuerId: IssuerId, serialNumber: SerialNumber): readonly EvictedAnswer[] {
    this.#mapped.evict(issuerId, serialNumber);
    const evicted: EvictedAnswer[] = [];
    for (const certID of this.#forms.get(issuerId)?.of(serialNumber) ?? []) {
      const uses = this.compact.delete(certID);
      if (uses >= 0) {
        evicted.push({ certID, uses });
      }
    }
    return evicted;
  }

  evictIssuer(issuerId: IssuerId): void {
    this.compact.forgetIssuer(issuerId);
    this.#mapped.evictIssuer(issuerId);
  }

  clear(): void {
    this.compact.clear();
    this.#mapped.clear();
  }

  #setCompact(question: StatusQuestion, signed: SignedAnswer, refreshAt: number): boolean {
    const certID = onlyCertID(question);
    const [serialNumber] = question.serialNumbers;
    const tail = signed.tail ?? new Uint8Array();
    if (certID === undefined || serialNumber === undefined) {
      return false;
    }
    // Another way to write it could not be found when its status changes.
    if (
      !this.#formsOf(question)
        .of(serialNumber)
        .some((form) => form.equals(certID))
    ) {
      return false;
    }
    const head = signed.body.subarray(0, signed.body.length - tail.length);
    if (!signed.body.subarray(head.length).equals(tail)) {
      return false;
    }
    return this.compact.set({
      issuerId: question.issuer.issuerId,
      certID,
      head,
      tail,
      thisUpdate: signed.thisUpdate,
      nextUpdate: signed.nextUpdate,
      refreshAt,
      digest: signed.etag.slice(1, -1),
      good: signed.good,
    });
  }

  #formsOf({ issuer }: StatusQuestion): CertIdForms {
    const { issuerId, certificate } = issuer;
    let forms = this.#forms.get(issuerId);
    if (forms?.certificate !== certificate) {
      // A certificate with another name has other certIDs: the former ones would not be found.
      this.evictIssuer(issuerId);
      forms = new CertIdForms(certificate);
      this.#forms.set(issuerId, forms);
    }
    return forms;
  }
}

/** The certID of a question that says nothing beside it: its octets are then all of the key. */
function onlyCertID({ certIDs, key }: StatusQuestion): Uint8Array | undefined {
  const [only] = certIDs;
  return certIDs.length === 1 && only?.der.length === key.length ? only.der : undefined;
}
