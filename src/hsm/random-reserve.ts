/** Octets asked of the token at once, when a small amount is wanted. */
const reserveSize = 2048;

/**
 * Octets from the token's generator, fetched ahead, so that a serial number does not cost a round
 * trip to the token. Each octet is given out once and wiped from the reserve.
 */
export class RandomReserve {
  readonly #fetch: (length: number) => Promise<Uint8Array>;
  #reserve: Uint8Array = new Uint8Array(0);
  #fetching: Promise<void> | undefined;

  constructor(fetch: (length: number) => Promise<Uint8Array>) {
    this.#fetch = fetch;
  }

  /** Exactly `length` octets. */
  async take(length: number): Promise<Uint8Array> {
    if (!Number.isInteger(length) || length < 1 || length > reserveSize / 2) {
      return Uint8Array.from(await this.#fetch(length));
    }
    while (this.#reserve.length < length) {
      this.#fetching ??= this.#fill();
      await this.#fetching;
    }
    // A copy: `slice` of a Buffer would be a view of the octets that are wiped below.
    const taken = Uint8Array.from(this.#reserve.subarray(0, length));
    this.#reserve.fill(0, 0, length);
    this.#reserve = this.#reserve.subarray(length);
    return taken;
  }

  async #fill(): Promise<void> {
    try {
      this.#reserve = Uint8Array.from(await this.#fetch(reserveSize));
    } finally {
      this.#fetching = undefined;
    }
  }
}
