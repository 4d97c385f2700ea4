import { DerError } from './error.ts';

/** Identifier and length of an element whose content may come later. */
export interface ElementHeader {
  /** Identifier octet; tag numbers above 30 are refused. */
  readonly tag: number;
  /** Octets of the header. */
  readonly octets: number;
  /** Octets of the content. */
  readonly length: number;
}

/**
 * Reads a header from the beginning of what has come so far; undefined while octets are missing.
 *
 * @throws DerError for an indefinite length, one that is not minimal or of more than 4 octets.
 */
export function readHeader(bytes: Uint8Array, at: number): ElementHeader | undefined {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag !== undefined && (tag & 0x1f) === 0x1f) throw new DerError('tag number above 30', at);
  if (tag === undefined || first === undefined) return undefined;
  if (first < 0x80) return { tag, octets: 2, length: first };
  const count = first & 0x7f;
  if (count === 0) throw new DerError('indefinite length', at);
  if (count > 4) throw new DerError('length of more than 4 octets', at);
  if (at + 2 + count > bytes.length) return undefined;
  let length = 0;
  for (let i = 0; i < count; i += 1) length = length * 256 + (bytes[at + 2 + i] ?? 0);
  if (length < 0x80 || (count > 1 && length < 256 ** (count - 1))) {
    throw new DerError('length not minimal', at);
  }
  return { tag, octets: 2 + count, length };
}
