/** Octets of a slab: one allocation of memory, never given back, cut into pieces of one size. */
const slabOctets = 4 * 1024 * 1024;
/** Pieces are multiples of this. */
const unit = 32;
/** Bits of a reference that say where in its slab a piece begins, in units. */
const unitBits = 17;
const unitMask = (1 << unitBits) - 1;

/** The largest piece. */
export const largestPiece = 2048;

/** One slab, as octets and as words of 32 bits. */
export interface Slab {
  readonly octets: Buffer;
  readonly words: Uint32Array;
}

/**
 * Memory for many small octet strings outside of the garbage collector's sight: a million objects
 * of the language would cost several times their octets, and a pause whenever they are looked at.
 *
 * A piece is named by a reference of 32 bits, never 0.
 */
export class AnswerSlabs {
  readonly #slabs: Slab[] = [];
  /** By size in units: references that were freed, and the one after the last piece cut. */
  readonly #free: number[][] = [];
  readonly #next: number[] = [];

  /** A piece of at least so many octets, with whatever it held before. */
  allocate(octets: number): number {
    const size = Math.ceil(octets / unit);
    const freed = this.#free[size]?.pop();
    if (freed !== undefined) {
      return freed;
    }
    let next = this.#next[size] ?? 0;
    if (next === 0 || (next & unitMask) + size > slabOctets / unit) {
      const slab = this.#slabs.length;
      const memory = new ArrayBuffer(slabOctets);
      this.#slabs.push({ octets: Buffer.from(memory), words: new Uint32Array(memory) });
      // The first unit of a slab is left out, so that no reference is 0 and none overflows.
      next = (slab << unitBits) | 1;
    }
    this.#next[size] = (next & unitMask) + size >= slabOctets / unit ? 0 : next + size;
    return next >>> 0;
  }

  /** @param octets as it was allocated with */
  free(reference: number, octets: number): void {
    const size = Math.ceil(octets / unit);
    (this.#free[size] ??= []).push(reference);
  }

  slabOf(reference: number): Slab {
    const slab = this.#slabs[reference >>> unitBits];
    if (slab === undefined) {
      throw new TypeError('no slab has this reference');
    }
    return slab;
  }

  /** Where the piece begins in its slab, in octets. */
  offsetOf(reference: number): number {
    return (reference & unitMask) * unit;
  }

  clear(): void {
    this.#slabs.length = 0;
    this.#free.length = 0;
    this.#next.length = 0;
  }
}
