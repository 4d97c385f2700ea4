import { DerError, DerReader, tags } from '../der/index.ts';
import type { CertificateListStream } from './certificate-list-stream.ts';
import { asMalformed } from './decoding.ts';
import { readRevokedCertificate, revokedStructure } from './revoked-certificate.ts';
import type { CertificateList, RevokedCertificate } from './types.ts';

/**
 * Entries of `list` whose serial number `other` does not have.
 *
 * When the serial numbers of both ascend, as they do in what Chancery issues, the two are walked
 * side by side as octets, and nothing is made for an entry but for those answered; otherwise the
 * serial numbers of `other` are held. Of an entry that both have only the serial number is read.
 *
 * @throws ChanceryError `malformed` at the first entry that can't be read
 */
export function entriesOnlyIn(
  list: CertificateList,
  other: CertificateList,
): readonly RevokedCertificate[] {
  const ours = new EntryWalk(list.encodedEntries);
  const theirs = new EntryWalk(other.encodedEntries);
  try {
    return ascends(ours.restart()) && ascends(theirs.restart())
      ? onlyInAscending(ours.restart(), theirs.restart())
      : onlyInUnordered(ours.restart(), theirs.restart());
  } catch (error) {
    throw asMalformed(revokedStructure, error);
  }
}

/**
 * Entries of `list` whose serial number `other` does not have, as both are read side by side: their
 * serial numbers must ascend. What is not read of either is left to the caller, who may stop at any
 * number.
 *
 * @throws ChanceryError `malformed` at the first entry that can't be read or is out of order
 */
export async function* entriesOnlyInStream(
  list: CertificateListStream,
  other: CertificateListStream,
): AsyncGenerator<RevokedCertificate> {
  const ours = new StreamedWalk(list.entries());
  const theirs = new StreamedWalk(other.entries());
  try {
    let more = theirs.next() || (await theirs.more());
    while (ours.next() || (await ours.more())) {
      let order = 1;
      while (more) {
        order = theirs.compareTo(ours);
        if (order >= 0) break;
        more = theirs.next() || (await theirs.more());
      }
      if (!more || order > 0) yield ours.read();
    }
  } catch (error) {
    throw asMalformed(revokedStructure, error);
  }
}

/** A walk over entries that come in chunks; serial numbers must ascend. */
class StreamedWalk {
  readonly #chunks: AsyncGenerator<Uint8Array>;
  #walk = new EntryWalk(new Uint8Array(0));
  #last = new Uint8Array(0);

  constructor(chunks: AsyncGenerator<Uint8Array>) {
    this.#chunks = chunks;
  }

  /** To the next entry of this chunk; false behind the last. */
  next(): boolean {
    const walk = this.#walk;
    const { octets, serialAt, serialLength } = walk;
    if (!walk.next()) {
      this.#last = octets.slice(serialAt, serialAt + serialLength);
      return false;
    }
    const ascends =
      serialAt === 0
        ? this.#isAbove(this.#last, 0, this.#last.length)
        : this.#isAbove(octets, serialAt, serialLength);
    if (!ascends) throw new DerError('serial numbers do not ascend', walk.serialAt);
    return true;
  }

  #isAbove(octets: Uint8Array, at: number, length: number): boolean {
    const walk = this.#walk;
    return compare(octets, at, length, walk.octets, walk.serialAt, walk.serialLength) < 0;
  }

  /** To the first entry of the next chunk; false behind the last chunk. */
  async more(): Promise<boolean> {
    const next = await this.#chunks.next();
    if (next.done === true) return false;
    this.#walk = new EntryWalk(next.value);
    return this.next();
  }

  compareTo(other: StreamedWalk): number {
    const a = this.#walk;
    const b = other.#walk;
    return compare(a.octets, a.serialAt, a.serialLength, b.octets, b.serialAt, b.serialLength);
  }

  read(): RevokedCertificate {
    return this.#walk.read();
  }
}

/** One place in encoded entries, moved from entry to entry: a million of them are read so. */
class EntryWalk {
  readonly octets: Uint8Array;
  /** Of the entry's serial number: where its content begins and how long it is. */
  serialAt = 0;
  serialLength = 0;
  #start = 0;
  #end = 0;

  constructor(octets: Uint8Array) {
    this.octets = octets;
  }

  restart(): this {
    this.#end = 0;
    return this;
  }

  /** To the next entry; false behind the last. @throws DerError */
  next(): boolean {
    const { octets } = this;
    const start = this.#end;
    if (start >= octets.length) return false;
    const first = octets[start + 1] ?? 0xff;
    // The longest entry without foreign extensions has 96 octets: lengths of one or two octets.
    const headerLength = first < 0x80 ? 2 : 3;
    const length = first < 0x80 ? first : (octets[start + 2] ?? 0);
    const end = start + headerLength + length;
    const serial = start + headerLength;
    const size = octets[serial + 1] ?? 0;
    if (
      octets[start] !== tags.sequence ||
      (first >= 0x80 && (first !== 0x81 || length < 0x80)) ||
      end > octets.length ||
      octets[serial] !== tags.integer ||
      size < 1 ||
      size > 20 ||
      serial + 2 + size > end ||
      (octets[serial + 2] ?? 0) >= 0x80
    ) {
      throw new DerError('an entry does not begin with a serial number', start);
    }
    this.#start = start;
    this.#end = end;
    this.serialAt = serial + 2;
    this.serialLength = size;
    return true;
  }

  serialText(): string {
    return Buffer.from(
      this.octets.subarray(this.serialAt, this.serialAt + this.serialLength),
    ).toString('latin1');
  }

  /** All that the entry says. @throws DerError, or ChanceryError for a bad extension */
  read(): RevokedCertificate {
    return readRevokedCertificate(new DerReader(this.octets, this.#start, this.#end, 8), 2);
  }
}

/** By value: both are minimal and not negative. */
function compare(
  a: Uint8Array,
  aAt: number,
  aLength: number,
  b: Uint8Array,
  bAt: number,
  bLength: number,
): number {
  if (aLength !== bLength) return aLength - bLength;
  for (let index = 0; index < aLength; index += 1) {
    const difference = (a[aAt + index] ?? 0) - (b[bAt + index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function ascends(walk: EntryWalk): boolean {
  const { octets } = walk;
  let at = 0;
  let length = 0;
  while (walk.next()) {
    if (compare(octets, at, length, octets, walk.serialAt, walk.serialLength) >= 0) return false;
    at = walk.serialAt;
    length = walk.serialLength;
  }
  return true;
}

function onlyInAscending(ours: EntryWalk, theirs: EntryWalk): readonly RevokedCertificate[] {
  const found: RevokedCertificate[] = [];
  let more = theirs.next();
  while (ours.next()) {
    let order = 1;
    while (more) {
      order = compare(
        theirs.octets,
        theirs.serialAt,
        theirs.serialLength,
        ours.octets,
        ours.serialAt,
        ours.serialLength,
      );
      if (order >= 0) break;
      more = theirs.next();
    }
    if (!more || order > 0) found.push(ours.read());
  }
  return found;
}

function onlyInUnordered(ours: EntryWalk, theirs: EntryWalk): readonly RevokedCertificate[] {
  const known = new Set<string>();
  while (theirs.next()) known.add(theirs.serialText());
  const found: RevokedCertificate[] = [];
  while (ours.next()) {
    if (!known.has(ours.serialText())) found.push(ours.read());
  }
  return found;
}
