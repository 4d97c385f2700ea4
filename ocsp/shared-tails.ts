/** Octets at the end of many answers. */
export interface Tail {
  readonly octets: Buffer;
  /** The same, an octet a character: writing it with the rest costs one write, and no copy here. */
  readonly text: string;
  count: number;
}

/** Most numbers that are given out at a time: they are kept in 16 bits. */
const mostTails = 0x1_0000;

/** Each delegate's certificate once, by a number, for as long as an answer ends with it. */
export class SharedTails {
  readonly #tails: (Tail | undefined)[] = [];
  readonly #numbers = new Map<string, number>();

  /** Counts one answer more that ends so; undefined when there are too many. */
  add(octets: Uint8Array): number | undefined {
    const text = Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('latin1');
    const number = this.#numbers.get(text) ?? this.#freeNumber();
    if (number >= mostTails) {
      return undefined;
    }
    const tail = (this.#tails[number] ??= { octets: Buffer.from(octets), text, count: 0 });
    tail.count += 1;
    this.#numbers.set(text, number);
    return number;
  }

  /** Counts one less; the last takes the octets with it. */
  release(number: number): void {
    const tail = this.at(number);
    tail.count -= 1;
    if (tail.count === 0) {
      this.#tails[number] = undefined;
      this.#numbers.delete(tail.text);
    }
  }

  at(number: number): Tail {
    const tail = this.#tails[number];
    if (tail === undefined) {
      throw new TypeError('an answer without its tail');
    }
    return tail;
  }

  clear(): void {
    this.#tails.length = 0;
    this.#numbers.clear();
  }

  #freeNumber(): number {
    const free = this.#tails.indexOf(undefined);
    return free < 0 ? this.#tails.length : free;
  }
}
