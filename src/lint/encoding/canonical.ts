import type { Element } from './element.ts';

/** Universal types that are no SEQUENCE, SET, EXTERNAL or EMBEDDED PDV: DER encodes them primitive. */
const primitiveOnly = new Set([
  0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x09, 0x0a, 0x0c, 0x0d, 0x0e, 0x12, 0x13, 0x14, 0x15,
  0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e,
]);

function lengthDefect(element: Element): string | undefined {
  const { source, start, contentStart, length } = element;
  const octets = contentStart - start - 2;
  if (octets === 0) return undefined;
  if (length < 0x80 || source[start + 2] === 0) return 'a length that is not minimal';
  return undefined;
}

function integerDefect(content: Uint8Array): string | undefined {
  const first = content[0];
  const second = content[1];
  if (first === undefined) return 'an INTEGER without content';
  if (second === undefined) return undefined;
  if ((first === 0x00 && second < 0x80) || (first === 0xff && second >= 0x80)) {
    return 'an INTEGER with a needless leading octet';
  }
  return undefined;
}

function bitStringDefect(content: Uint8Array): string | undefined {
  const unused = content[0];
  if (unused === undefined || unused > 7) return 'a BIT STRING with a wrong count of unused bits';
  if (unused === 0) return undefined;
  const last = content[content.length - 1] ?? 0;
  if (content.length === 1) return 'an empty BIT STRING with unused bits';
  return (last & ((1 << unused) - 1)) === 0
    ? undefined
    : 'a BIT STRING whose unused bits are not 0';
}

function oidDefect(content: Uint8Array): string | undefined {
  let first = true;
  for (const octet of content) {
    if (first && octet === 0x80) return 'an OBJECT IDENTIFIER arc that is not minimal';
    first = (octet & 0x80) === 0;
  }
  return content.length === 0 || !first ? 'an empty or truncated OBJECT IDENTIFIER' : undefined;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let index = 0; index < shared; index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function contentDefect(element: Element): string | undefined {
  const { content } = element;
  switch (element.tag) {
    case 0x01:
      return content.length === 1 && (content[0] === 0 || content[0] === 0xff)
        ? undefined
        : 'a BOOLEAN that is neither 00 nor FF';
    case 0x02:
    case 0x0a:
      return integerDefect(content);
    case 0x03:
      return bitStringDefect(content);
    case 0x05:
      return content.length === 0 ? undefined : 'a NULL with content';
    case 0x06:
      return oidDefect(content);
    case 0x31: {
      // Every SET in the structures we sign is a SET OF.
      let previous: Uint8Array | undefined;
      for (const child of element.children) {
        if (previous !== undefined && compareBytes(previous, child.bytes) >= 0) {
          return 'a SET OF whose elements are not in ascending order';
        }
        previous = child.bytes;
      }
      return undefined;
    }
    default:
      return undefined;
  }
}

/**
 * The first departure from DER (X.690 §10, §11) in an element and all that is inside it, or
 * undefined. Octets inside OCTET STRING and BIT STRING are the caller's to descend into; the
 * forms of times belong to lints of their own.
 *
 * @throws UnreadableError when the bytes have no tag-length-value shape.
 */
export function canonicalDefect(element: Element): string | undefined {
  const universal = (element.tag & 0xc0) === 0;
  const found =
    lengthDefect(element) ??
    (universal && element.constructed && primitiveOnly.has(element.tag & 0x1f)
      ? 'a string or number in constructed form'
      : undefined) ??
    (element.tag === 0x10 || element.tag === 0x11
      ? 'a SEQUENCE or SET in primitive form'
      : undefined) ??
    (universal ? contentDefect(element) : undefined);
  if (found !== undefined) return `${found} at octet ${element.start}`;
  if (!element.constructed) return undefined;
  for (const child of element.children) {
    const inner = canonicalDefect(child);
    if (inner !== undefined) return inner;
  }
  return undefined;
}
