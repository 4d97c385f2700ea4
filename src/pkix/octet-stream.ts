import { concat, DerError, type ElementHeader, readHeader } from '../der/index.ts';

const noOctets = new Uint8Array(0);

/** Octets that come in chunks, taken in pieces of the reader's choice; every one is shown to `seen`. */
export class OctetStream {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #seen: (octets: Uint8Array) => void;
  #held: Uint8Array = noOctets;
  #ended = false;
  /** Octets taken so far. */
  position = 0;

  /** @param seen is given what is taken, in order, each octet once */
  constructor(chunks: AsyncIterable<Uint8Array>, seen: (octets: Uint8Array) => void) {
    this.#source = chunks[Symbol.asyncIterator]();
    this.#seen = seen;
  }

  /** Exactly so many octets. @throws DerError when the stream ends before. */
  async take(length: number): Promise<Uint8Array> {
    while (this.#held.length < length) {
      if (!(await this.#more())) {
        throw new DerError('the octets end too early', this.position + this.#held.length);
      }
    }
    return this.#cut(length);
  }

  /** What is there, at least one octet and at most so many. @throws DerError when the stream has ended. */
  async some(most: number): Promise<Uint8Array> {
    if (this.#held.length === 0)
      return this.take(Math.min(1, most)).then((one) => this.#join(one, most));
    return this.#cut(Math.min(most, this.#held.length));
  }

  /** The next header, taken as well. @throws DerError */
  async header(): Promise<ElementHeader & { readonly raw: Uint8Array }> {
    const header = await this.peek();
    return { ...header, raw: this.#cut(header.octets) };
  }

  /** The next header; nothing is taken. @throws DerError */
  async peek(): Promise<ElementHeader> {
    for (;;) {
      const header = readHeader(this.#held, 0);
      if (header !== undefined) return header;
      if (!(await this.#more())) throw new DerError('an element is missing', this.position);
    }
  }

  /** @throws DerError when an octet is left. */
  async end(): Promise<void> {
    if (this.#held.length > 0 || (await this.#more())) {
      throw new DerError('octets follow the element', this.position);
    }
  }

  /** Gives the source back before its end. */
  async close(): Promise<void> {
    this.#held = noOctets;
    if (!this.#ended) await this.#source.return?.();
    this.#ended = true;
  }

  #join(one: Uint8Array, most: number): Uint8Array {
    const rest = this.#cut(Math.min(most - one.length, this.#held.length));
    return rest.length === 0 ? one : concat([one, rest]);
  }

  #cut(length: number): Uint8Array {
    const octets = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    this.position += length;
    this.#seen(octets);
    return octets;
  }

  /** False at the end. */
  async #more(): Promise<boolean> {
    while (!this.#ended) {
      const next = await this.#source.next();
      if (next.done === true) this.#ended = true;
      else if (next.value.length > 0) {
        this.#held = this.#held.length === 0 ? next.value : concat([this.#held, next.value]);
        return true;
      }
    }
    return false;
  }
}
