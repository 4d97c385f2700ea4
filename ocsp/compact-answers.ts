import type { IssuerId } from '../src/domain/index.ts';
import { AnswerSlabs, largestPiece, type Slab } from './answer-slabs.ts';
import { SharedTails, type Tail } from './shared-tails.ts';

/** Words of 32 bits at the start of each piece; times are seconds since 1970. */
const word = {
  refreshAt: 0,
  thisUpdate: 1,
  nextUpdate: 2,
  /** Number of the issuer in the lower half, of the tail in the upper. */
  owners: 3,
  /** Of the issuer when the answer was kept: another one now means that it is forgotten. */
  epoch: 4,
  /** Where the certID begins in the head, and how long it is (upper half). */
  certID: 5,
  headLength: 6,
  /** Times that it was given since it was signed; bit 31: it says `good`. */
  uses: 7,
} as const;
const goodBit = 0x8000_0000;
const mostUses = 0xffff;

/** Where the octets of the ETag's SHA-256 are, and where the answer's own begin. */
const digestAt = 32;
const headAt = 64;

/** Steps that one insertion looks for something unused to make room. */
const longestSearch = 64;

/** Octets of the end of a certID that its hash covers: the serial number and some of the issuer's. */
const hashedOctets = 28;

/** What is kept of one answer, beside its octets. Times are milliseconds since 1970. */
export interface CompactAnswer {
  readonly issuerId: IssuerId;
  readonly certID: Uint8Array;
  /** All octets of the answer but the tail. */
  readonly head: Uint8Array;
  /** Octets at the end that many answers share: the delegate's certificate. */
  readonly tail: Uint8Array;
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  readonly refreshAt: number;
  /** SHA-256 of head and tail, hex. */
  readonly digest: string;
  readonly good: boolean;
}

interface Issuer {
  readonly id: IssuerId;
  readonly number: number;
  epoch: number;
  count: number;
}

/**
 * Answers about one certificate each, by the octets of their certID. For each the octets that differ
 * are kept in slabs, found by an open-addressing table; nothing of it is an object of the
 * language, so a million of them take some 400 MB and no time of the garbage collector.
 *
 * References are valid until the next call that changes something.
 */
export class CompactAnswers {
  readonly #limit: number;
  readonly #seed: number;
  readonly #mask: number;
  /** Pairs of hash and reference; reference 0: the place is free. */
  readonly #table: Uint32Array;
  readonly #slabs = new AnswerSlabs();
  readonly #issuers: Issuer[] = [];
  readonly #issuerNumbers = new Map<IssuerId, number>();
  readonly #tails = new SharedTails();
  #places = 0;
  #size = 0;
  #hand = 0;

  /**
   * @param limit answers kept at most
   * @param seed of the hash: what arrives from outside can't choose its place
   */
  constructor(limit: number, seed: number) {
    this.#limit = limit;
    this.#seed = seed;
    // At most three quarters full, so that a search is short.
    const places = 2 ** Math.ceil(Math.log2(Math.max(16, (limit * 4) / 3 + 1)));
    this.#mask = places - 1;
    this.#table = new Uint32Array(places * 2);
  }

  /** Answers that can still be given. */
  get size(): number {
    return this.#size;
  }

  /** Places of the table, for a caller that walks over it. */
  get places(): number {
    return this.#mask + 1;
  }

  /** The reference of the answer about this certID; 0: none. */
  find(octets: Uint8Array, from: number, to: number): number {
    const place = this.#placeOf(octets, from, to);
    const reference = place < 0 ? 0 : (this.#table[place * 2 + 1] ?? 0);
    return reference !== 0 && this.#isCurrent(reference) ? reference : 0;
  }

  /** The answer at this place of the table; 0: none. */
  at(place: number): number {
    const reference = this.#table[place * 2 + 1] ?? 0;
    return reference !== 0 && this.#isCurrent(reference) ? reference : 0;
  }

  /** Keeps an answer instead of the one about the same certID; false when it is too large. */
  set(answer: CompactAnswer): boolean {
    const { certID, head, tail } = answer;
    const octets = headAt + head.length;
    const certIDAt = Buffer.from(head.buffer, head.byteOffset, head.length).indexOf(certID);
    if (octets > largestPiece || certIDAt < 0) {
      return false;
    }
    this.delete(certID);
    this.#makeRoom();
    const issuer = this.#issuerOf(answer.issuerId);
    const tailNumber = issuer === undefined ? undefined : this.#tails.add(tail);
    if (issuer === undefined || tailNumber === undefined) {
      return false;
    }
    const reference = this.#slabs.allocate(octets);
    const { slab, at } = this.#piece(reference);
    const words = at / 4;
    slab.words[words + word.refreshAt] = answer.refreshAt / 1000;
    slab.words[words + word.thisUpdate] = answer.thisUpdate / 1000;
    slab.words[words + word.nextUpdate] = answer.nextUpdate / 1000;
    slab.words[words + word.owners] = issuer.number | (tailNumber << 16);
    slab.words[words + word.epoch] = issuer.epoch;
    slab.words[words + word.certID] = certIDAt | (certID.length << 16);
    slab.words[words + word.headLength] = head.length;
    slab.words[words + word.uses] = answer.good ? goodBit : 0;
    slab.octets.write(answer.digest, at + digestAt, 'hex');
    slab.octets.set(head, at + headAt);
    this.#insert(this.#hash(certID, 0, certID.length), reference);
    issuer.count += 1;
    this.#size += 1;
    return true;
  }

  /** Forgets the answer about this certID; answers how often it was used, -1 when there was none. */
  delete(certID: Uint8Array): number {
    const place = this.#placeOf(certID, 0, certID.length);
    if (place < 0) {
      return -1;
    }
    const reference = this.#table[place * 2 + 1] ?? 0;
    const uses = this.#isCurrent(reference) ? this.uses(reference) : -1;
    this.#remove(place);
    return uses;
  }

  /** Forgets all answers about an issuer's certificates, at once. */
  forgetIssuer(issuerId: IssuerId): void {
    const issuer = this.#issuers[this.#issuerNumbers.get(issuerId) ?? -1];
    if (issuer !== undefined) {
      issuer.epoch += 1;
      this.#size -= issuer.count;
      issuer.count = 0;
    }
  }

  clear(): void {
    this.#table.fill(0);
    this.#slabs.clear();
    this.#tails.clear();
    for (const issuer of this.#issuers) {
      issuer.count = 0;
    }
    this.#places = 0;
    this.#size = 0;
  }

  thisUpdate(reference: number): number {
    return this.#word(reference, word.thisUpdate) * 1000;
  }

  nextUpdate(reference: number): number {
    return this.#word(reference, word.nextUpdate) * 1000;
  }

  refreshAt(reference: number): number {
    return this.#word(reference, word.refreshAt) * 1000;
  }

  good(reference: number): boolean {
    return this.#word(reference, word.uses) >= goodBit;
  }

  issuerId(reference: number): IssuerId {
    return this.#issuers[this.#word(reference, word.owners) & 0xffff]?.id ?? '';
  }

  /** How often it was given since it was signed. */
  uses(reference: number): number {
    return this.#word(reference, word.uses) & mostUses;
  }

  countUse(reference: number): void {
    const { slab, at } = this.#piece(reference);
    const uses = slab.words[at / 4 + word.uses] ?? 0;
    if ((uses & mostUses) < mostUses) {
      slab.words[at / 4 + word.uses] = uses + 1;
    }
  }

  /** Another moment from which a new one is asked for, in milliseconds since 1970. */
  postpone(reference: number, refreshAt: number): void {
    const { slab, at } = this.#piece(reference);
    slab.words[at / 4 + word.refreshAt] = refreshAt / 1000;
  }

  /** Strong validator: quoted hex SHA-256 of the answer. */
  etag(reference: number): string {
    const { slab, at } = this.#piece(reference);
    return `"${slab.octets.toString('hex', at + digestAt, at + headAt)}"`;
  }

  certID(reference: number): Buffer {
    const { slab, at } = this.#piece(reference);
    const field = slab.words[at / 4 + word.certID] ?? 0;
    const from = at + headAt + (field & 0xffff);
    return Buffer.from(slab.octets.subarray(from, from + (field >>> 16)));
  }

  /** Octets of the whole answer. */
  length(reference: number): number {
    return this.#word(reference, word.headLength) + this.#tailAt(reference).octets.length;
  }

  /** The whole answer, a character an octet: `latin1`. */
  text(reference: number): string {
    const { slab, at } = this.#piece(reference);
    const from = at + headAt;
    const length = slab.words[at / 4 + word.headLength] ?? 0;
    return slab.octets.toString('latin1', from, from + length) + this.#tailAt(reference).text;
  }

  body(reference: number): Buffer {
    const { slab, at } = this.#piece(reference);
    const from = at + headAt;
    const length = slab.words[at / 4 + word.headLength] ?? 0;
    return Buffer.concat([
      slab.octets.subarray(from, from + length),
      this.#tailAt(reference).octets,
    ]);
  }

  #piece(reference: number): { readonly slab: Slab; readonly at: number } {
    return { slab: this.#slabs.slabOf(reference), at: this.#slabs.offsetOf(reference) };
  }

  #word(reference: number, index: number): number {
    const slab = this.#slabs.slabOf(reference);
    return slab.words[this.#slabs.offsetOf(reference) / 4 + index] ?? 0;
  }

  #isCurrent(reference: number): boolean {
    const issuer = this.#issuers[this.#word(reference, word.owners) & 0xffff];
    return issuer !== undefined && issuer.epoch === this.#word(reference, word.epoch);
  }

  #tailAt(reference: number): Tail {
    return this.#tails.at(this.#word(reference, word.owners) >>> 16);
  }

  /** Undefined when there are more than 16 bits can number. */
  #issuerOf(id: IssuerId): Issuer | undefined {
    const number = this.#issuerNumbers.get(id) ?? this.#issuers.length;
    if (number > 0xffff) {
      return undefined;
    }
    const issuer = (this.#issuers[number] ??= { id, number, epoch: 0, count: 0 });
    this.#issuerNumbers.set(id, number);
    return issuer;
  }

  #hash(octets: Uint8Array, from: number, to: number): number {
    let hash = this.#seed;
    for (let at = Math.max(from, to - hashedOctets); at < to; at += 1) {
      hash = Math.imul(hash ^ (octets[at] ?? 0), 0x0100_0193);
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
    return (hash ^ (hash >>> 13)) >>> 0;
  }

  /** Place of the answer about this certID, current or not; -1: none. */
  #placeOf(octets: Uint8Array, from: number, to: number): number {
    const hash = this.#hash(octets, from, to);
    for (let place = hash & this.#mask; ; place = (place + 1) & this.#mask) {
      const reference = this.#table[place * 2 + 1] ?? 0;
      if (reference === 0) {
        return -1;
      }
      if (this.#table[place * 2] === hash && this.#isAbout(reference, octets, from, to)) {
        return place;
      }
    }
  }

  #isAbout(reference: number, octets: Uint8Array, from: number, to: number): boolean {
    const slab = this.#slabs.slabOf(reference);
    const at = this.#slabs.offsetOf(reference);
    const field = slab.words[at / 4 + word.certID] ?? 0;
    const length = to - from;
    if (field >>> 16 !== length) {
      return false;
    }
    const own = slab.octets;
    const start = at + headAt + (field & 0xffff);
    // From the end, where two certIDs of one issuer differ.
    for (let n = length - 1; n >= 0; n -= 1) {
      if (own[start + n] !== octets[from + n]) {
        return false;
      }
    }
    return true;
  }

  #insert(hash: number, reference: number): void {
    let place = hash & this.#mask;
    while (this.#table[place * 2 + 1] !== 0) {
      place = (place + 1) & this.#mask;
    }
    this.#table[place * 2] = hash;
    this.#table[place * 2 + 1] = reference;
    this.#places += 1;
  }

  /** Frees a place, and moves those behind it that could not have theirs because of it (Knuth 6.4, R). */
  #remove(place: number): void {
    const reference = this.#table[place * 2 + 1] ?? 0;
    this.#release(reference);
    this.#places -= 1;
    let gap = place;
    for (let next = (gap + 1) & this.#mask; ; next = (next + 1) & this.#mask) {
      const moved = this.#table[next * 2 + 1] ?? 0;
      if (moved === 0) {
        break;
      }
      const home = (this.#table[next * 2] ?? 0) & this.#mask;
      if (((next - home) & this.#mask) >= ((next - gap) & this.#mask)) {
        this.#table[gap * 2] = this.#table[next * 2] ?? 0;
        this.#table[gap * 2 + 1] = moved;
        gap = next;
      }
    }
    this.#table[gap * 2 + 1] = 0;
  }

  #release(reference: number): void {
    const owners = this.#word(reference, word.owners);
    const issuer = this.#issuers[owners & 0xffff];
    if (issuer !== undefined && issuer.epoch === this.#word(reference, word.epoch)) {
      issuer.count -= 1;
      this.#size -= 1;
    }
    this.#tails.release(owners >>> 16);
    this.#slabs.free(reference, headAt + this.#word(reference, word.headLength));
  }

  /** Second chance: what was not used since the hand last passed goes. */
  #makeRoom(): void {
    for (let step = 0; this.#places >= this.#limit; ) {
      const place = this.#hand;
      const reference = this.#table[place * 2 + 1] ?? 0;
      this.#hand = (place + 1) & this.#mask;
      if (reference === 0) {
        continue;
      }
      step += 1;
      if (!this.#isCurrent(reference) || this.uses(reference) === 0 || step > longestSearch) {
        this.#remove(place);
      } else {
        this.#halveUses(reference);
      }
    }
  }

  #halveUses(reference: number): void {
    const { slab, at } = this.#piece(reference);
    const uses = slab.words[at / 4 + word.uses] ?? 0;
    slab.words[at / 4 + word.uses] = (uses & goodBit) | ((uses & mostUses) >>> 1);
  }
}
