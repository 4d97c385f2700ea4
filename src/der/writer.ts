import { DerError } from './error.ts';
import { encodeObjectIdentifier } from './object-identifier.ts';
import { encodeStringContent } from './strings.ts';
import { tags } from './tags.ts';
import { fitsUtcTime, writeTime } from './time.ts';

const maxLength = 0xffff_ffff;

/** Octets that a definite length needs (X.690 §8.1.3). */
function lengthSize(length: number): number {
  if (length < 0x80) return 1;
  if (length < 0x100) return 2;
  if (length < 0x1_0000) return 3;
  if (length < 0x100_0000) return 4;
  if (length <= maxLength) return 5;
  throw new DerError('content of more than 4 GiB', -1);
}

/** Size of identifier and length for a content of `length` octets (low tag numbers). */
export function headerSize(length: number): number {
  return 1 + lengthSize(length);
}

/** Writes identifier and length at `at` and returns the octet after them. */
export function writeHeader(target: Uint8Array, at: number, tag: number, length: number): number {
  target[at] = tag;
  if (length < 0x80) {
    target[at + 1] = length;
    return at + 2;
  }
  const count = lengthSize(length) - 1;
  target[at + 1] = 0x80 | count;
  let rest = length;
  for (let i = count; i >= 1; i -= 1) {
    target[at + 1 + i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return at + 2 + count;
}

/** Identifier and length alone, for content that is streamed behind it. */
export function header(tag: number, length: number): Uint8Array {
  const octets = new Uint8Array(headerSize(length));
  writeHeader(octets, 0, tag, length);
  return octets;
}

/** All parts, one behind the other. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** An element of identifier octet `tag` around the parts. */
export function element(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const octets = new Uint8Array(headerSize(length) + length);
  let at = writeHeader(octets, 0, tag, length);
  for (const part of parts) {
    octets.set(part, at);
    at += part.length;
  }
  return octets;
}

/** An element whose octets are not laid out yet; `render` writes a whole tree into one buffer. */
export interface DerNode {
  readonly tag: number;
  readonly parts: readonly (Uint8Array | DerNode)[];
  /** Octets of header and content. */
  readonly length: number;
  readonly contentLength: number;
}

/**
 * An element to be rendered later. A deep structure costs one allocation instead of one a level,
 * which is most of the time of encoding an OCSP response.
 */
export function node(tag: number, ...parts: readonly (Uint8Array | DerNode)[]): DerNode {
  let contentLength = 0;
  for (const part of parts) contentLength += part.length;
  return { tag, parts, length: headerSize(contentLength) + contentLength, contentLength };
}

function renderInto(target: Uint8Array, at: number, tree: DerNode): number {
  let position = writeHeader(target, at, tree.tag, tree.contentLength);
  for (const part of tree.parts) {
    if (part instanceof Uint8Array) {
      target.set(part, position);
      position += part.length;
    } else {
      position = renderInto(target, position, part);
    }
  }
  return position;
}

/** The octets of a tree of nodes. */
export function render(tree: DerNode): Uint8Array {
  const octets = new Uint8Array(tree.length);
  renderInto(octets, 0, tree);
  return octets;
}

export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return element(tags.sequence, ...parts);
}

/** A SET whose parts the caller gives in DER's order (ascending tags). */
export function set(...parts: readonly Uint8Array[]): Uint8Array {
  return element(tags.set, ...parts);
}

/** A SET OF: sorted here as X.690 §11.6 asks. */
export function setOf(parts: readonly Uint8Array[]): Uint8Array {
  // Buffer.compare puts a prefix first; padding with zeros differs only between an encoding and
  // itself followed by zeros, and no DER element is a proper prefix of another.
  return element(tags.set, ...[...parts].sort(Buffer.compare));
}

/** Content octets of a minimal two's complement INTEGER. */
function integerContent(value: bigint | number): Uint8Array {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new DerError(`${value} is no safe integer`, -1);
    if (value >= 0 && value < 0x80) return Uint8Array.of(value);
  }
  const big = BigInt(value);
  const bits = (big < 0n ? -big - 1n : big).toString(16).length * 4 + 1;
  let hex = BigInt.asUintN(Math.ceil(bits / 8) * 8, big).toString(16);
  hex = hex.padStart(Math.ceil(bits / 8) * 2, '0');
  const octets = Uint8Array.from(Buffer.from(hex, 'hex'));
  let start = 0;
  while (start < octets.length - 1) {
    const first = octets[start] ?? 0;
    const next = octets[start + 1] ?? 0;
    if (!((first === 0 && next < 0x80) || (first === 0xff && next >= 0x80))) break;
    start += 1;
  }
  return octets.subarray(start);
}

/**
 * INTEGER. A Uint8Array is an unsigned big-endian magnitude of any length: leading zeros are
 * cut, and one is added where the first bit would read as a sign.
 */
export function integer(value: bigint | number | Uint8Array): Uint8Array {
  if (!(value instanceof Uint8Array)) return element(tags.integer, integerContent(value));
  let start = 0;
  while (start < value.length - 1 && value[start] === 0) start += 1;
  const magnitude = value.length === 0 ? Uint8Array.of(0) : value.subarray(start);
  return (magnitude[0] ?? 0) >= 0x80
    ? element(tags.integer, Uint8Array.of(0), magnitude)
    : element(tags.integer, magnitude);
}

export function enumerated(value: number): Uint8Array {
  return element(tags.enumerated, integerContent(value));
}

export function boolean(value: boolean): Uint8Array {
  return Uint8Array.of(tags.boolean, 1, value ? 0xff : 0);
}

export function nullValue(): Uint8Array {
  return Uint8Array.of(tags.null, 0);
}

const encodedOids = new Map<string, Uint8Array>();

/** OBJECT IDENTIFIER from dotted decimal. The result is shared: don't write to it. */
export function oid(dotted: string): Uint8Array {
  const known = encodedOids.get(dotted);
  if (known !== undefined) return known;
  const encoded = element(tags.objectIdentifier, encodeObjectIdentifier(dotted));
  // Bounded, because OIDs of requests come here too.
  if (encodedOids.size < 512) encodedOids.set(dotted, encoded);
  return encoded;
}

export function octetString(content: Uint8Array): Uint8Array {
  return element(tags.octetString, content);
}

/** BIT STRING. @throws DerError when the unused bits are not zero or their count is wrong. */
export function bitString(bytes: Uint8Array, unusedBits = 0): Uint8Array {
  const last = bytes[bytes.length - 1];
  if (
    unusedBits < 0 ||
    unusedBits > 7 ||
    (unusedBits > 0 && (last === undefined || (last & ((1 << unusedBits) - 1)) !== 0))
  ) {
    throw new DerError('unused bits of a BIT STRING must be 0 to 7, and zero', -1);
  }
  return element(tags.bitString, Uint8Array.of(unusedBits), bytes);
}

/**
 * BIT STRING of named bits: bit `n` is set when `numbers` holds n; trailing zero bits are cut
 * (X.690 §11.2.2).
 */
export function namedBits(numbers: readonly number[]): Uint8Array {
  const highest = Math.max(-1, ...numbers);
  const bytes = new Uint8Array(Math.ceil((highest + 1) / 8));
  for (const n of numbers) bytes[n >> 3] = (bytes[n >> 3] ?? 0) | (0x80 >> (n & 7));
  return bitString(bytes, highest < 0 ? 0 : 7 - (highest & 7));
}

/** A character string of the given type. @throws DerError when the type can't hold the text. */
export function characterString(tag: number, text: string): Uint8Array {
  return element(tag, encodeStringContent(tag, text));
}

export function utf8String(text: string): Uint8Array {
  return characterString(tags.utf8String, text);
}

export function printableString(text: string): Uint8Array {
  return characterString(tags.printableString, text);
}

export function ia5String(text: string): Uint8Array {
  return characterString(tags.ia5String, text);
}

/** UTCTime YYMMDDHHMMSSZ. @throws DerError outside 1950 to 2049. */
export function utcTime(date: Date): Uint8Array {
  const octets = new Uint8Array(15);
  octets[0] = tags.utcTime;
  octets[1] = 13;
  writeTime(octets, 2, date, false);
  return octets;
}

/** GeneralizedTime YYYYMMDDHHMMSSZ; milliseconds are cut off. */
export function generalizedTime(date: Date): Uint8Array {
  const octets = new Uint8Array(17);
  octets[0] = tags.generalizedTime;
  octets[1] = 15;
  writeTime(octets, 2, date, true);
  return octets;
}

/** Time as RFC 5280 §4.1.2.5 asks: UTCTime through 2049, GeneralizedTime from 2050 on. */
export function time(date: Date): Uint8Array {
  return fitsUtcTime(date) ? utcTime(date) : generalizedTime(date);
}

/** An EXPLICIT context tag around a complete element. */
export function explicit(n: number, der: Uint8Array): Uint8Array {
  return element(0xa0 | n, der);
}

/** The element with its tag replaced by a context tag; primitive or constructed as it was. */
export function implicit(n: number, der: Uint8Array): Uint8Array {
  const retagged = der.slice();
  retagged[0] = 0x80 | ((der[0] ?? 0) & 0x20) | n;
  return retagged;
}
