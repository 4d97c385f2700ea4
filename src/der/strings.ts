import { DerError } from './error.ts';
import { tags } from './tags.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const utf8Encoder = new TextEncoder();

/** Characters of PrintableString (X.680 §41.4): letters, digits, space and ' ( ) + , - . / : = ? */
export function isPrintableString(text: string): boolean {
  return /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text);
}

/** Characters of IA5String (ISO 646): 0 to 127. */
export function isIa5String(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    if (text.charCodeAt(i) > 0x7f) return false;
  }
  return true;
}

function latin1(content: Uint8Array): string {
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('latin1');
}

function ascii(content: Uint8Array, type: string, offset: number): string {
  const text = latin1(content);
  if (!isIa5String(text)) throw new DerError(`${type} with an octet above 127`, offset);
  return text;
}

function bmp(content: Uint8Array, offset: number): string {
  if (content.length % 2 !== 0) throw new DerError('BMPString of odd length', offset);
  const units: string[] = [];
  for (let i = 0; i < content.length; i += 2) {
    const unit = ((content[i] ?? 0) << 8) | (content[i + 1] ?? 0);
    if (unit >= 0xd800 && unit <= 0xdfff) throw new DerError('BMPString with a surrogate', offset);
    units.push(String.fromCharCode(unit));
  }
  return units.join('');
}

function universal(content: Uint8Array, offset: number): string {
  if (content.length % 4 !== 0) throw new DerError('UniversalString of odd length', offset);
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const points: string[] = [];
  for (let i = 0; i < content.length; i += 4) {
    const point = view.getUint32(i);
    if (point > 0x10_ffff || (point >= 0xd800 && point <= 0xdfff)) {
      throw new DerError('UniversalString with a code point outside Unicode', offset);
    }
    points.push(String.fromCodePoint(point));
  }
  return points.join('');
}

/** How far a string may leave its own alphabet. */
export type StringStrictness =
  /** Exactly the type's alphabet. */
  | 'strict'
  /**
   * PrintableString may hold any ASCII: `@`, `&`, `*` and `_` in it are the commonest fault of
   * deployed CAs, and nothing is decided by them.
   */
  | 'lenientPrintable';

/** True for the identifier octets that `decodeString` understands. */
export function isStringTag(tag: number): boolean {
  switch (tag) {
    case tags.utf8String:
    case tags.numericString:
    case tags.printableString:
    case tags.t61String:
    case tags.ia5String:
    case tags.visibleString:
    case tags.universalString:
    case tags.bmpString:
      return true;
    default:
      return false;
  }
}

/**
 * Decodes the content of a character string type. T61String is read as Latin-1, as everyone
 * does; what X.690 says of its escape sequences is deliberately not followed.
 *
 * @throws DerError for another tag, or content outside the type's alphabet.
 */
export function decodeString(
  tag: number,
  content: Uint8Array,
  strictness: StringStrictness = 'strict',
  offset = 0,
): string {
  switch (tag) {
    case tags.utf8String:
      try {
        return utf8.decode(content);
      } catch {
        throw new DerError('UTF8String that is not UTF-8', offset);
      }
    case tags.printableString: {
      const text = ascii(content, 'PrintableString', offset);
      if (strictness === 'strict' && !isPrintableString(text)) {
        throw new DerError('PrintableString with a character outside its alphabet', offset);
      }
      return text;
    }
    case tags.numericString: {
      const text = ascii(content, 'NumericString', offset);
      if (!/^[0-9 ]*$/.test(text))
        throw new DerError('NumericString with other characters', offset);
      return text;
    }
    case tags.ia5String:
      return ascii(content, 'IA5String', offset);
    case tags.visibleString: {
      const text = ascii(content, 'VisibleString', offset);
      if (!/^[ -~]*$/.test(text)) throw new DerError('VisibleString with a control', offset);
      return text;
    }
    case tags.t61String:
      return latin1(content);
    case tags.bmpString:
      return bmp(content, offset);
    case tags.universalString:
      return universal(content, offset);
    default:
      throw new DerError(`tag 0x${tag.toString(16)} is no character string`, offset);
  }
}

/**
 * Content octets of a character string of type `tag`; the reverse of `decodeString`.
 *
 * @throws DerError when the type can't hold the text.
 */
export function encodeStringContent(tag: number, text: string): Uint8Array {
  const points = Array.from(text);
  const refuse = (type: string): never => {
    throw new DerError(`${JSON.stringify(text.slice(0, 80))} does not fit into ${type}`, -1);
  };
  switch (tag) {
    case tags.utf8String:
      if (!text.isWellFormed()) refuse('UTF8String');
      return utf8Encoder.encode(text);
    case tags.printableString:
      return isPrintableString(text) ? utf8Encoder.encode(text) : refuse('PrintableString');
    case tags.numericString:
      return /^[0-9 ]*$/.test(text) ? utf8Encoder.encode(text) : refuse('NumericString');
    case tags.ia5String:
      return isIa5String(text) ? utf8Encoder.encode(text) : refuse('IA5String');
    case tags.visibleString:
      return /^[ -~]*$/.test(text) ? utf8Encoder.encode(text) : refuse('VisibleString');
    case tags.t61String:
      if (points.some((point) => (point.codePointAt(0) ?? 0) > 0xff)) refuse('T61String');
      return Uint8Array.from(points, (point) => point.codePointAt(0) ?? 0);
    case tags.bmpString: {
      if (points.some((point) => point.length > 1) || !text.isWellFormed()) refuse('BMPString');
      const content = new Uint8Array(text.length * 2);
      for (let i = 0; i < text.length; i += 1) {
        content[2 * i] = text.charCodeAt(i) >> 8;
        content[2 * i + 1] = text.charCodeAt(i) & 0xff;
      }
      return content;
    }
    case tags.universalString: {
      if (!text.isWellFormed()) refuse('UniversalString');
      const content = new Uint8Array(points.length * 4);
      const view = new DataView(content.buffer);
      points.forEach((point, i) => {
        view.setUint32(4 * i, point.codePointAt(0) ?? 0);
      });
      return content;
    }
    default:
      throw new DerError(`tag 0x${tag.toString(16)} is no character string`, -1);
  }
}
