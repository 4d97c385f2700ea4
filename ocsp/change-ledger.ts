import type { IssuerId, SerialNumber } from '../src/domain/index.ts';

/**
 * Which serial numbers have changed since when, so that an answer looked up before a change is
 * never kept, and never given, after it.
 *
 * An answer takes a stamp before its lookup begins. A change that the feed reports later moves the
 * counter past that stamp; a change that the feed reported earlier is visible to the lookup, whose
 * snapshot is younger than the feed's.
 */
export class ChangeLedger {
  #counter = 0;
  #all = 0;
  /** Stamps below are too old to be judged: what changed then is forgotten. */
  #floor = 0;
  #young = new Map<string, number>();
  #old = new Map<string, number>();

  /** Taken before a lookup. */
  stamp(): number {
    return this.#counter;
  }

  /** A change of one certificate's status. */
  noteSerialNumber(issuerId: IssuerId, serialNumber: SerialNumber): void {
    this.#young.set(`${issuerId}/${serialNumber}`, ++this.#counter);
  }

  /** A change that concerns every answer about an issuer's certificates: its delegate, its compromise. */
  noteIssuer(issuerId: IssuerId): void {
    this.#young.set(issuerId, ++this.#counter);
  }

  /** Everything may have changed. */
  noteAll(): void {
    this.#all = ++this.#counter;
  }

  unchangedSince(
    stamp: number,
    issuerId: IssuerId,
    serialNumbers: readonly SerialNumber[],
  ): boolean {
    if (stamp < this.#floor || stamp < this.#all || this.#noted(issuerId) > stamp) {
      return false;
    }
    return serialNumbers.every((serial) => this.#noted(`${issuerId}/${serial}`) <= stamp);
  }

  /** Forgets changes older than two calls: call it at intervals longer than any answer takes. */
  forget(): void {
    const old = this.#old;
    this.#old = this.#young;
    this.#young = new Map();
    let floor = this.#floor;
    for (const counter of old.values()) {
      floor = Math.max(floor, counter);
    }
    this.#floor = floor;
  }

  #noted(key: string): number {
    return this.#young.get(key) ?? this.#old.get(key) ?? 0;
  }
}
