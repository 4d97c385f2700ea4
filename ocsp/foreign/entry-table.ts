import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ReasonCode, SerialNumber } from '../../src/domain/index.ts';
import { reasonCodeName, reasonCodeNumber } from '../../src/domain/index.ts';
import type { RevokedCertificate } from '../../src/pkix/index.ts';

/** Octets of the longest serial number (RFC 5280 §4.1.2.2). */
const keyLength = 20;

/** reasonCode of an entry without one. */
const noReason = 255;

/** Milliseconds of work after which requests get their turn. */
const longestTurn = 5;

/** What a CRL says of one serial number. */
export type TableEntry = Omit<RevokedCertificate, 'serialNumber'>;

/**
 * The entries of a CRL by serial number in flat arrays: about 40 octets each, a million in 40 MB,
 * and nothing for the garbage collector to walk. Open addressing; entries are never removed, a new
 * CRL gets a new table.
 */
export class EntryTable {
  #count = 0;
  #keys: Buffer;
  #dates: Float64Array;
  #reasons: Uint8Array;
  /** Index + 1 of an entry; 0 is free. */
  #slots: Uint32Array;
  readonly #invalidityDates = new Map<number, number>();

  private constructor(capacity: number) {
    this.#keys = Buffer.alloc(capacity * keyLength);
    this.#dates = new Float64Array(capacity);
    this.#reasons = new Uint8Array(capacity);
    this.#slots = new Uint32Array(slotsFor(capacity));
  }

  /**
   * Fills a table, giving other work its turn every few milliseconds.
   *
   * @param expected about how many entries come
   * @throws whatever the entries throw
   */
  static async of(entries: Iterable<RevokedCertificate>, expected: number): Promise<EntryTable> {
    const table = new EntryTable(Math.max(16, expected));
    let turn = performance.now();
    for (const entry of entries) {
      table.#put(entry);
      if (table.#count % 256 === 0 && performance.now() - turn > longestTurn) {
        await nextTurn();
        turn = performance.now();
      }
    }
    return table;
  }

  get size(): number {
    return this.#count;
  }

  find(serialNumber: SerialNumber): TableEntry | undefined {
    const key = keyOf(serialNumber);
    const slot = key === undefined ? -1 : this.#slotOf(key);
    const index = (this.#slots[slot] ?? 0) - 1;
    return index < 0 ? undefined : this.#at(index);
  }

  /** Serial numbers of which `other` says something else, or nothing. */
  async notIn(other: EntryTable): Promise<readonly SerialNumber[]> {
    const different: SerialNumber[] = [];
    let turn = performance.now();
    for (let index = 0; index < this.#count; index += 1) {
      const at = index * keyLength;
      const found = (other.#slots[other.#slotOf(this.#keys, at)] ?? 0) - 1;
      if (
        found < 0 ||
        other.#dates[found] !== this.#dates[index] ||
        other.#reasons[found] !== this.#reasons[index] ||
        other.#invalidityDates.get(found) !== this.#invalidityDates.get(index)
      ) {
        different.push(this.#keys.toString('hex', at, at + keyLength).replace(/^0+/, ''));
      }
      if (index % 256 === 0 && performance.now() - turn > longestTurn) {
        await nextTurn();
        turn = performance.now();
      }
    }
    return different;
  }

  #at(index: number): TableEntry {
    const reason = this.#reasons[index] ?? noReason;
    const invalidity = this.#invalidityDates.get(index);
    return {
      revocationDate: new Date(this.#dates[index] ?? 0),
      reasonCode: reason === noReason ? undefined : reasonCodeName(reason),
      invalidityDate: invalidity === undefined ? undefined : new Date(invalidity),
    };
  }

  #put({ serialNumber, revocationDate, reasonCode, invalidityDate }: RevokedCertificate): void {
    const key = keyOf(serialNumber);
    if (key === undefined) {
      throw new RangeError(`serial number ${serialNumber} is longer than ${keyLength} octets`);
    }
    if (this.#count === this.#dates.length) this.#grow();
    const slot = this.#slotOf(key);
    // A serial number that a CRL lists twice: the last entry counts, as in an update.
    const known = (this.#slots[slot] ?? 0) - 1;
    const index = known < 0 ? this.#count : known;
    if (known < 0) {
      this.#count += 1;
      this.#slots[slot] = index + 1;
      this.#keys.set(key, index * keyLength);
    }
    this.#dates[index] = revocationDate.getTime();
    this.#reasons[index] = numberOf(reasonCode);
    if (invalidityDate === undefined) this.#invalidityDates.delete(index);
    else this.#invalidityDates.set(index, invalidityDate.getTime());
  }

  #grow(): void {
    const capacity = Math.ceil(this.#dates.length * 1.5);
    const keys = Buffer.alloc(capacity * keyLength);
    keys.set(this.#keys);
    const dates = new Float64Array(capacity);
    dates.set(this.#dates);
    const reasons = new Uint8Array(capacity);
    reasons.set(this.#reasons);
    this.#keys = keys;
    this.#dates = dates;
    this.#reasons = reasons;
    if (slotsFor(capacity) > this.#slots.length) {
      this.#slots = new Uint32Array(slotsFor(capacity));
      for (let index = 0; index < this.#count; index += 1) {
        this.#slots[this.#slotOf(keys, index * keyLength)] = index + 1;
      }
    }
  }

  /** The slot that holds the key at that place, or the free one where it belongs. */
  #slotOf(keys: Buffer, at = 0): number {
    const mask = this.#slots.length - 1;
    let slot = hash(keys, at) & mask;
    for (;;) {
      const index = (this.#slots[slot] ?? 0) - 1;
      if (index < 0 || this.#isAt(index, keys, at)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #isAt(index: number, keys: Buffer, at: number): boolean {
    const own = index * keyLength;
    for (let octet = keyLength - 1; octet >= 0; octet -= 1) {
      if (this.#keys[own + octet] !== keys[at + octet]) return false;
    }
    return true;
  }
}

function numberOf(reasonCode: ReasonCode | undefined): number {
  return reasonCode === undefined ? noReason : reasonCodeNumber(reasonCode);
}

/** A power of two, at most half full. */
function slotsFor(capacity: number): number {
  return 2 ** Math.ceil(Math.log2(capacity * 2));
}

/** The serial number right-aligned in 20 octets; undefined when it is longer. */
function keyOf(serialNumber: SerialNumber): Buffer | undefined {
  const hex = serialNumber.padStart(keyLength * 2, '0');
  return hex.length > keyLength * 2 ? undefined : Buffer.from(hex, 'hex');
}

/** FNV-1a. Whoever chooses serial numbers is the CA whose CRL this is. */
function hash(keys: Buffer, at: number): number {
  let value = 0x811c9dc5;
  for (let octet = at; octet < at + keyLength; octet += 1) {
    value = Math.imul(value ^ (keys[octet] ?? 0), 0x01000193);
  }
  // The low bits of FNV are weak; counting serial numbers differ in those alone.
  return (value ^ (value >>> 15)) >>> 0;
}
