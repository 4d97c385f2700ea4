import { DerError } from './error.ts';

/**
 * Longest content of an OBJECT IDENTIFIER that is read or written. X.690 knows no limit; a cap
 * keeps the big-integer arithmetic of long arcs from becoming a lever.
 */
const maxContentLength = 128;

/**
 * Decodes OBJECT IDENTIFIER content octets (X.690 §8.19) to dotted decimal. Arcs of any size
 * are kept exactly (a UUID arc has 128 bits; truncation made two OIDs one elsewhere).
 *
 * @throws DerError when empty, truncated, longer than 128 octets, or an arc is not minimal.
 */
export function decodeObjectIdentifier(content: Uint8Array, offset = 0): string {
  const length = content.length;
  if (length === 0) throw new DerError('OBJECT IDENTIFIER without content', offset);
  if (length > maxContentLength) {
    throw new DerError(`OBJECT IDENTIFIER longer than ${maxContentLength} octets`, offset);
  }
  let text = '';
  let first = true;
  let index = 0;
  while (index < length) {
    if (content[index] === 0x80) throw new DerError('OBJECT IDENTIFIER arc not minimal', offset);
    let arc = 0;
    let big: bigint | undefined;
    for (;;) {
      const octet = content[index];
      if (octet === undefined) throw new DerError('OBJECT IDENTIFIER arc truncated', offset);
      index += 1;
      if (big !== undefined) {
        big = (big << 7n) | BigInt(octet & 0x7f);
      } else if (arc > 0x3fff_ffff_ffff) {
        // 46 bits so far: seven more could leave the exact range of a double.
        big = (BigInt(arc) << 7n) | BigInt(octet & 0x7f);
      } else {
        arc = arc * 128 + (octet & 0x7f);
      }
      if ((octet & 0x80) === 0) break;
    }
    if (!first) {
      text += `.${big ?? arc}`;
    } else {
      first = false;
      if (big !== undefined) text = `2.${big - 80n}`;
      else if (arc < 40) text = `0.${arc}`;
      else if (arc < 80) text = `1.${arc - 40}`;
      else text = `2.${arc - 80}`;
    }
  }
  return text;
}

/**
 * Encodes dotted decimal to OBJECT IDENTIFIER content octets.
 *
 * @throws DerError when the text is not an OID (arcs without leading zeros, first 0 to 2, second below 40 under 0 and 1).
 */
export function encodeObjectIdentifier(dotted: string): Uint8Array {
  if (dotted.length > 600 || !/^[0-2](\.(0|[1-9][0-9]*))+$/.test(dotted)) {
    throw new DerError(`${JSON.stringify(dotted.slice(0, 80))} is not an object identifier`, -1);
  }
  const arcs = dotted.split('.').map((arc) => BigInt(arc));
  const [root = 0n, second = 0n, ...rest] = arcs;
  if (root < 2n && second >= 40n) {
    throw new DerError(`${dotted}: the second arc under ${root} must be below 40`, -1);
  }
  const octets: number[] = [];
  for (const arc of [root * 40n + second, ...rest]) {
    const groups: number[] = [];
    let remaining = arc;
    do {
      groups.push(Number(remaining & 0x7fn));
      remaining >>= 7n;
    } while (remaining > 0n);
    for (let i = groups.length - 1; i >= 0; i -= 1) {
      octets.push((groups[i] ?? 0) | (i === 0 ? 0 : 0x80));
    }
  }
  if (octets.length > maxContentLength) {
    throw new DerError(`object identifier longer than ${maxContentLength} octets`, -1);
  }
  return Uint8Array.from(octets);
}
