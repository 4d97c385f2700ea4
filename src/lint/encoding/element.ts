/**
 * A tolerant reader of tag-length-value, for lints only. It is apart from `der/` on purpose: a
 * defect shared by writer and reader would stay invisible to a lint that used the same code, and
 * `der/` stops at the first defect where a lint names it. It accepts lengths that are not
 * minimal; indefinite lengths and tag numbers above 30 have no place in anything we sign.
 */

/** Bytes that have no tag-length-value shape; `offset` counts from the start of the linted bytes. */
export class UnreadableError extends Error {
  override readonly name = 'UnreadableError';
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(`${message} at octet ${offset}`);
    this.offset = offset;
  }
}

/** Deepest nesting that is read; nothing we sign comes near it. */
const maxDepth = 32;

/** Octets of the longest header that is read: a tag, and a length of up to 6 octets behind its count. */
export const longestHeader = 8;

export interface ElementHeader {
  readonly tag: number;
  readonly contentStart: number;
  /** Of the content, in octets. */
  readonly length: number;
}

/** The header of an element whose content may come later. @throws UnreadableError */
export function headerAt(source: Uint8Array, at: number, limit = source.length): ElementHeader {
  const tag = source[at];
  const first = source[at + 1];
  if (tag === undefined || first === undefined || at + 2 > limit) {
    throw new UnreadableError('an element ends inside its header', at);
  }
  if ((tag & 0x1f) === 0x1f) throw new UnreadableError('a tag number above 30', at);
  let contentStart = at + 2;
  let length = first;
  if (first >= 0x80) {
    const octets = first & 0x7f;
    if (octets === 0 || octets > 6) throw new UnreadableError('an indefinite or absurd length', at);
    if (contentStart + octets > limit) {
      throw new UnreadableError('an element ends inside its header', at);
    }
    length = 0;
    for (let index = 0; index < octets; index += 1) {
      length = length * 256 + (source[contentStart + index] ?? 0);
    }
    contentStart += octets;
  }
  return { tag, contentStart, length };
}

/** One tag-length-value inside `source`; nothing is copied. */
export class Element {
  readonly source: Uint8Array;
  /** First identifier octet: class, constructed bit and tag number. */
  readonly tag: number;
  readonly start: number;
  readonly contentStart: number;
  /** Offset after the last content octet. */
  readonly end: number;
  readonly #depth: number;
  #children: readonly Element[] | undefined;

  constructor(source: Uint8Array, at: number, limit: number, depth = 0) {
    if (depth > maxDepth) throw new UnreadableError(`nested deeper than ${maxDepth}`, at);
    const { tag, contentStart, length } = headerAt(source, at, limit);
    if (contentStart + length > limit)
      throw new UnreadableError('a length runs past its container', at);
    this.source = source;
    this.tag = tag;
    this.start = at;
    this.contentStart = contentStart;
    this.end = contentStart + length;
    this.#depth = depth;
  }

  /** Reads exactly one element. @throws UnreadableError, also for trailing octets. */
  static parse(bytes: Uint8Array, at = 0, limit = bytes.length): Element {
    const element = new Element(bytes, at, limit);
    if (element.end !== limit) {
      throw new UnreadableError(`${limit - element.end} octets follow the element`, element.end);
    }
    return element;
  }

  get length(): number {
    return this.end - this.contentStart;
  }

  get constructed(): boolean {
    return (this.tag & 0x20) !== 0;
  }

  get content(): Uint8Array {
    return this.source.subarray(this.contentStart, this.end);
  }

  /** Header and content. */
  get bytes(): Uint8Array {
    return this.source.subarray(this.start, this.end);
  }

  /** The elements inside. @throws UnreadableError for a primitive, or when they don't fill it exactly. */
  get children(): readonly Element[] {
    if (this.#children !== undefined) return this.#children;
    if (!this.constructed)
      throw new UnreadableError('a primitive where a SEQUENCE is expected', this.start);
    const children: Element[] = [];
    let at = this.contentStart;
    while (at < this.end) {
      const child = new Element(this.source, at, this.end, this.#depth + 1);
      children.push(child);
      at = child.end;
    }
    this.#children = children;
    return children;
  }

  child(index: number): Element | undefined {
    return this.children[index];
  }

  /** First child with that identifier octet. */
  tagged(tag: number): Element | undefined {
    return this.children.find((child) => child.tag === tag);
  }

  /** Content octets as Latin-1 text: one character an octet, whatever the string type. */
  get text(): string {
    return String.fromCharCode(...this.content.subarray(0, 65_535));
  }

  /** Dotted decimal of an OBJECT IDENTIFIER's content. */
  get oid(): string {
    return readOid(this.content, this.start);
  }
}

/** Dotted decimal. @throws UnreadableError when empty, truncated, or an arc passes 2^53. */
function readOid(content: Uint8Array, offset: number): string {
  let text = '';
  let arc = 0;
  let open = false;
  for (const octet of content) {
    arc = arc * 128 + (octet & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER) throw new UnreadableError('an OID arc above 2^53', offset);
    open = (octet & 0x80) !== 0;
    if (open) continue;
    if (text === '') {
      const root = Math.min(2, Math.floor(arc / 40));
      text = `${root}.${arc - root * 40}`;
    } else {
      text += `.${arc}`;
    }
    arc = 0;
  }
  if (text === '' || open) throw new UnreadableError('an empty or truncated OID', offset);
  return text;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index += 1) if (a[index] !== b[index]) return false;
  return true;
}

/** Value of an INTEGER's content; undefined when it is empty or negative. */
export function unsignedInteger(content: Uint8Array): bigint | undefined {
  if (content.length === 0 || (content[0] ?? 0) >= 0x80) return undefined;
  return BigInt(`0x${Buffer.from(content).toString('hex')}`);
}

/** Unsigned value of an INTEGER's content when it is small (lengths, versions); NaN when negative or above 6 octets. */
export function smallInteger(content: Uint8Array): number {
  if (content.length === 0 || content.length > 6 || (content[0] ?? 0) >= 0x80) return Number.NaN;
  let value = 0;
  for (const octet of content) value = value * 256 + octet;
  return value;
}
