/** The only error that der/ throws: what is wrong, and at which octet of the outermost buffer. */
export class DerError extends Error {
  override readonly name = 'DerError';
  /** Octets from the beginning of the buffer given to the reader; -1 when encoding. */
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(offset < 0 ? message : `${message} (at octet ${offset})`);
    this.offset = offset;
  }
}
