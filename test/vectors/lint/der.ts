/**
 * Hand-built DER for vectors: it writes whatever it is told, defects included, and shares no code
 * with what it is meant to test.
 */
export type Bytes = Uint8Array;

export function join(...parts: readonly Bytes[]): Bytes {
  return Uint8Array.from(Buffer.concat(parts));
}

/** One element with a minimal length. */
export function tlv(tag: number, ...parts: readonly Bytes[]): Bytes {
  const content = join(...parts);
  const { length } = content;
  if (length < 0x80) return join(Uint8Array.of(tag, length), content);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest & 0xff);
  return join(Uint8Array.of(tag, 0x80 | octets.length, ...octets), content);
}

/** The same element with one needless length octet in front. */
export function longLength(element: Bytes): Bytes {
  const first = element[1] ?? 0;
  const header =
    first < 0x80 ? [0x81, first] : [first + 1, 0, ...element.subarray(2, 2 + (first & 0x7f))];
  const contentAt = first < 0x80 ? 2 : 2 + (first & 0x7f);
  return join(Uint8Array.of(element[0] ?? 0, ...header), element.subarray(contentAt));
}

export const hex = (text: string): Bytes =>
  Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));
export const latin1 = (text: string): Bytes => Uint8Array.from(Buffer.from(text, 'latin1'));
export const utf8 = (text: string): Bytes => Uint8Array.from(Buffer.from(text, 'utf8'));

export const seq = (...parts: readonly Bytes[]): Bytes => tlv(0x30, ...parts);
export const set = (...parts: readonly Bytes[]): Bytes => tlv(0x31, ...parts);
/** INTEGER from its content octets in hex. */
export const int = (content: string): Bytes => tlv(0x02, hex(content));
export const octets = (content: Bytes): Bytes => tlv(0x04, content);
/** BIT STRING with its count of unused bits. */
export const bits = (content: Bytes, unused = 0): Bytes =>
  tlv(0x03, Uint8Array.of(unused), content);
export const nul = tlv(0x05);
export const bool = (value: number): Bytes => tlv(0x01, Uint8Array.of(value));
export const enumerated = (value: number): Bytes => tlv(0x0a, Uint8Array.of(value));
export const utcTime = (text: string): Bytes => tlv(0x17, latin1(text));
export const generalizedTime = (text: string): Bytes => tlv(0x18, latin1(text));
export const utf8String = (text: string): Bytes => tlv(0x0c, utf8(text));
export const printable = (text: string): Bytes => tlv(0x13, latin1(text));
export const ia5 = (text: string): Bytes => tlv(0x16, latin1(text));

/** OBJECT IDENTIFIER; `base128` of every arc. */
export function oid(dotted: string): Bytes {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const content: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const groups: number[] = [];
    let value = arc;
    do {
      groups.unshift(value % 128);
      value = Math.floor(value / 128);
    } while (value > 0);
    content.push(
      ...groups.map((group, index) => (index < groups.length - 1 ? group | 0x80 : group)),
    );
  }
  return tlv(0x06, Uint8Array.from(content));
}

/** An Extension; `critical` undefined leaves the BOOLEAN out. */
export function extension(type: string, value: Bytes, critical?: boolean | number): Bytes {
  if (critical === undefined || critical === false) return seq(oid(type), octets(value));
  return seq(oid(type), bool(critical === true ? 0xff : critical), octets(value));
}

/** A Name of single-attribute RDNs: `[type, value element]`. */
export function name(...attributes: readonly (readonly [string, Bytes])[]): Bytes {
  return seq(...attributes.map(([type, value]) => set(seq(oid(type), value))));
}

export const commonName = (text: string): Bytes => name(['2.5.4.3', utf8String(text)]);
