import { DerError } from './error.ts';
import { decodeObjectIdentifier } from './object-identifier.ts';
import { compareEncodings } from './set-order.ts';
import { decodeString, type StringStrictness } from './strings.ts';
import { tags } from './tags.ts';
import { decodeGeneralizedTime, decodeUtcTime } from './time.ts';

/** One element: its tag, the whole encoding and the content, as views on the input. */
export interface DerElement {
  /** Identifier octet; for tag numbers above 30 the number shifted left by 8, or-ed with the first octet. */
  readonly tag: number;
  readonly raw: Uint8Array;
  readonly content: Uint8Array;
  readonly offset: number;
}

/** A BIT STRING: its octets without the leading count, and how many bits of the last are unused. */
export interface BitString {
  readonly bytes: Uint8Array;
  readonly unusedBits: number;
}

/**
 * A cursor over DER (X.690 §10, §11): definite minimal lengths, minimal INTEGERs, BOOLEAN 00 or
 * FF, primitive strings, SET OF in order. Every method consumes exactly one element or throws
 * DerError; results are views on the input, nothing is copied. What a caller takes with `raw()`
 * is checked at its outermost header only: see `checkDer`.
 */
export class DerReader {
  readonly bytes: Uint8Array;
  private position: number;
  private readonly limit: number;
  private readonly depthLeft: number;
  // The header read last; fields instead of an object, because this is the hot path.
  private headerStart = 0;
  private contentStart = 0;
  private contentEnd = 0;

  constructor(bytes: Uint8Array, position: number, limit: number, depthLeft: number) {
    this.bytes = bytes;
    this.position = position;
    this.limit = limit;
    this.depthLeft = depthLeft;
  }

  /** Octets from the beginning of the outermost buffer. */
  get offset(): number {
    return this.position;
  }

  /** True when nothing is left. */
  get done(): boolean {
    return this.position >= this.limit;
  }

  /** True when the next element has this identifier octet. */
  is(tag: number): boolean {
    return this.position < this.limit && this.bytes[this.position] === tag;
  }

  private fail(message: string, offset = this.headerStart): never {
    throw new DerError(message, offset);
  }

  /** Reads a header, sets the content's bounds, moves behind the element, and returns the tag. */
  private header(): number {
    const bytes = this.bytes;
    let at = this.position;
    this.headerStart = at;
    if (at >= this.limit) this.fail('an element is missing');
    let tag = bytes[at] ?? 0;
    at += 1;
    if ((tag & 0x1f) === 0x1f) {
      let number = 0;
      for (let count = 0; ; count += 1) {
        if (at >= this.limit) this.fail('tag truncated');
        if (count === 3) this.fail('tag number above 2097151');
        const octet = bytes[at] ?? 0;
        at += 1;
        if (count === 0 && octet === 0x80) this.fail('tag number not minimal');
        number = (number << 7) | (octet & 0x7f);
        if ((octet & 0x80) === 0) break;
      }
      if (number < 31) this.fail('tag number not minimal');
      tag |= number << 8;
    }
    if (at >= this.limit) this.fail('length is missing');
    let length = bytes[at] ?? 0;
    at += 1;
    if (length >= 0x80) {
      const count = length & 0x7f;
      if (count === 0) this.fail('indefinite length');
      if (count > 4) this.fail('length of more than 4 octets');
      if (at + count > this.limit) this.fail('length truncated');
      length = 0;
      for (let i = 0; i < count; i += 1) length = length * 256 + (bytes[at + i] ?? 0);
      if (length < 0x80 || (count > 1 && length < 256 ** (count - 1))) {
        this.fail('length not minimal');
      }
      at += count;
    }
    if (length > this.limit - at) this.fail('content truncated');
    this.contentStart = at;
    this.contentEnd = at + length;
    this.position = this.contentEnd;
    return tag;
  }

  private expect(tag: number, name: string): void {
    const found = this.header();
    if (found !== tag) {
      this.position = this.headerStart;
      this.fail(`expected ${name}, found tag 0x${found.toString(16)}`);
    }
  }

  /** The next element, whatever it is. */
  element(): DerElement {
    const tag = this.header();
    return {
      tag,
      raw: this.bytes.subarray(this.headerStart, this.contentEnd),
      content: this.bytes.subarray(this.contentStart, this.contentEnd),
      offset: this.headerStart,
    };
  }

  /** The whole encoding of the next element, whatever it is. */
  raw(): Uint8Array {
    this.header();
    return this.bytes.subarray(this.headerStart, this.contentEnd);
  }

  /** Everything that is left, unread. */
  rest(): Uint8Array {
    const rest = this.bytes.subarray(this.position, this.limit);
    this.position = this.limit;
    return rest;
  }

  /** A reader of the content of the next element, which must have the (constructed) tag. */
  enter(tag: number, name = `tag 0x${tag.toString(16)}`): DerReader {
    this.expect(tag, name);
    if (this.depthLeft <= 0) this.fail('nested too deeply');
    return new DerReader(this.bytes, this.contentStart, this.contentEnd, this.depthLeft - 1);
  }

  /** The next SEQUENCE twice: its whole encoding, and a reader of its content. */
  captured(): { readonly raw: Uint8Array; readonly body: DerReader } {
    const body = this.sequence();
    return { raw: this.bytes.subarray(this.headerStart, this.contentEnd), body };
  }

  /** As `enter` when the next element has the tag; otherwise undefined and nothing is consumed. */
  optional(tag: number): DerReader | undefined {
    return this.is(tag) ? this.enter(tag) : undefined;
  }

  sequence(): DerReader {
    return this.enter(tags.sequence, 'SEQUENCE');
  }

  /** A SET OF; its elements must be in ascending order of their encodings (X.690 §11.6). */
  setOf(): DerReader {
    const inner = this.enter(tags.set, 'SET');
    const start = inner.position;
    let previousStart = -1;
    let previousEnd = -1;
    while (!inner.done) {
      inner.header();
      if (
        previousStart >= 0 &&
        compareEncodings(
          this.bytes,
          previousStart,
          previousEnd,
          inner.headerStart,
          inner.contentEnd,
        ) > 0
      ) {
        inner.fail('SET OF not in ascending order');
      }
      previousStart = inner.headerStart;
      previousEnd = inner.contentEnd;
    }
    inner.position = start;
    return inner;
  }

  /** A reader of the content of an EXPLICIT context tag `n`. */
  explicit(n: number): DerReader {
    return this.enter(0xa0 | n, `[${n}]`);
  }

  /** The content of the next element, which must have the tag. */
  content(tag: number, name = `tag 0x${tag.toString(16)}`): Uint8Array {
    this.expect(tag, name);
    return this.bytes.subarray(this.contentStart, this.contentEnd);
  }

  /** BOOLEAN; DER knows 00 and FF only. `tag` for an IMPLICIT one. */
  boolean(tag: number = tags.boolean): boolean {
    this.expect(tag, 'BOOLEAN');
    const octet = this.bytes[this.contentStart];
    if (this.contentEnd - this.contentStart !== 1 || (octet !== 0 && octet !== 0xff)) {
      this.fail('BOOLEAN is neither 00 nor FF');
    }
    return octet === 0xff;
  }

  /** Content octets of an INTEGER, minimal (two's complement, big endian). `tag` for an IMPLICIT one. */
  integerBytes(tag: number = tags.integer): Uint8Array {
    this.expect(tag, tag === tags.enumerated ? 'ENUMERATED' : 'INTEGER');
    const first = this.bytes[this.contentStart] ?? 0;
    const length = this.contentEnd - this.contentStart;
    if (length === 0) this.fail('INTEGER without content');
    if (length > 1 && (first === 0 || first === 0xff)) {
      const second = this.bytes[this.contentStart + 1] ?? 0;
      if ((first === 0) === second < 0x80) this.fail('INTEGER not minimal');
    }
    return this.bytes.subarray(this.contentStart, this.contentEnd);
  }

  /** INTEGER of up to 4096 octets as a bigint. */
  integer(): bigint {
    const content = this.integerBytes();
    if (content.length > 4096) this.fail('INTEGER longer than 4096 octets');
    const magnitude = BigInt(`0x${Buffer.from(content).toString('hex')}`);
    return (content[0] ?? 0) < 0x80 ? magnitude : magnitude - (1n << BigInt(content.length * 8));
  }

  /** INTEGER between 0 and 2147483647. `tag` for an IMPLICIT one. */
  smallInteger(tag: number = tags.integer): number {
    const content = this.integerBytes(tag);
    return this.small(content, 'INTEGER');
  }

  /** ENUMERATED between 0 and 2147483647. */
  enumerated(): number {
    return this.small(this.integerBytes(tags.enumerated), 'ENUMERATED');
  }

  private small(content: Uint8Array, name: string): number {
    if (content.length > 4 || (content[0] ?? 0) >= 0x80) {
      this.fail(`${name} is negative or above 2147483647`);
    }
    let value = 0;
    for (const octet of content) value = value * 256 + octet;
    return value;
  }

  nullValue(): void {
    this.expect(tags.null, 'NULL');
    if (this.contentEnd !== this.contentStart) this.fail('NULL with content');
  }

  /** OBJECT IDENTIFIER in dotted decimal. `tag` for an IMPLICIT one. */
  oid(tag: number = tags.objectIdentifier): string {
    this.expect(tag, 'OBJECT IDENTIFIER');
    return decodeObjectIdentifier(
      this.bytes.subarray(this.contentStart, this.contentEnd),
      this.headerStart,
    );
  }

  octetString(): Uint8Array {
    return this.content(tags.octetString, 'OCTET STRING');
  }

  /** BIT STRING; the unused bits must be zero (X.690 §11.2.1). `tag` for an IMPLICIT one. */
  bitString(tag: number = tags.bitString): BitString {
    this.expect(tag, 'BIT STRING');
    const length = this.contentEnd - this.contentStart;
    const unusedBits = this.bytes[this.contentStart] ?? 0;
    if (length === 0) this.fail('BIT STRING without content');
    if (unusedBits > 7 || (length === 1 && unusedBits !== 0)) {
      this.fail('BIT STRING with a wrong count of unused bits');
    }
    const last = this.bytes[this.contentEnd - 1] ?? 0;
    if (unusedBits > 0 && (last & ((1 << unusedBits) - 1)) !== 0) {
      this.fail('BIT STRING with unused bits that are not zero');
    }
    return { bytes: this.bytes.subarray(this.contentStart + 1, this.contentEnd), unusedBits };
  }

  /** BIT STRING of whole octets, as keys and signatures are. */
  bitStringOctets(): Uint8Array {
    const { bytes, unusedBits } = this.bitString();
    if (unusedBits !== 0) this.fail('BIT STRING is not of whole octets');
    return bytes;
  }

  /**
   * Time (RFC 5280 §4.1.2.5): UTCTime through 2049 and GeneralizedTime from 2050 on, to the
   * second, Z. A GeneralizedTime before 2050 is refused.
   */
  time(): Date {
    if (this.is(tags.utcTime)) {
      return decodeUtcTime(this.content(tags.utcTime, 'UTCTime'), this.headerStart);
    }
    const date = this.generalizedTime();
    if (date.getUTCFullYear() < 2050) this.fail('GeneralizedTime before 2050 where UTCTime is due');
    return date;
  }

  generalizedTime(): Date {
    return decodeGeneralizedTime(
      this.content(tags.generalizedTime, 'GeneralizedTime'),
      this.headerStart,
    );
  }

  /** A character string of the given identifier octet, decoded. */
  string(tag: number, strictness: StringStrictness = 'strict'): string {
    const content = this.content(tag, `a string of tag 0x${tag.toString(16)}`);
    return decodeString(tag, content, strictness, this.headerStart);
  }

  /** @throws DerError when anything is left. */
  end(): void {
    if (this.position !== this.limit) this.fail('an element too many', this.position);
  }

  /** Walks everything that is left, to the last leaf; see `checkDer`. */
  checkRest(): void {
    while (!this.done) {
      const start = this.position;
      const tag = this.header();
      this.position = start;
      if ((tag & 0x20) !== 0) {
        if ((tag & 0xc0) === 0 && tag !== tags.sequence && tag !== tags.set) {
          this.fail(`tag 0x${tag.toString(16)} must not be constructed`);
        }
        this.enterAny().checkRest();
      } else {
        this.checkPrimitive(tag);
      }
    }
  }

  private enterAny(): DerReader {
    this.header();
    if (this.depthLeft <= 0) this.fail('nested too deeply');
    return new DerReader(this.bytes, this.contentStart, this.contentEnd, this.depthLeft - 1);
  }

  private checkPrimitive(tag: number): void {
    switch (tag) {
      case tags.boolean:
        this.boolean();
        return;
      case tags.integer:
      case tags.enumerated:
        this.integerBytes(tag);
        return;
      case tags.bitString:
        this.bitString();
        return;
      case tags.null:
        this.nullValue();
        return;
      case tags.objectIdentifier:
        this.oid();
        return;
      case 0x00:
      case 0x10:
      case 0x11:
        this.fail(`tag 0x${tag.toString(16)} has no primitive form`, this.position);
        break;
      default:
        this.header();
    }
  }
}
