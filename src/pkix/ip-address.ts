import { isIPv4, isIPv6 } from 'node:net';
import { ChanceryError } from '../domain/index.ts';

function bad(text: string): ChanceryError {
  return new ChanceryError('malformed', {
    message: `${JSON.stringify(text.slice(0, 60))} is no IP address; write it as 192.0.2.1 or 2001:db8::1, without zone or prefix`,
    field: 'iPAddress',
    clause: 'RFC 5280 §4.2.1.6',
  });
}

/**
 * The 4 or 16 octets of an IP address. Leading zeros in IPv4 parts and zone identifiers are refused.
 *
 * @throws ChanceryError `malformed`.
 */
export function parseIpAddress(text: string): Uint8Array {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  if (!isIPv6(text) || text.includes('%')) throw bad(text);
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  let plain = text;
  if (dotted?.[1] !== undefined && dotted[2] !== undefined) {
    const [a = 0, b = 0, c = 0, d = 0] = dotted[2].split('.').map(Number);
    plain = `${dotted[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const [left = '', right] = plain.split('::');
  const groups = (part: string | undefined): number[] =>
    part === undefined || part === ''
      ? []
      : part.split(':').map((group) => Number.parseInt(group, 16));
  const head = groups(left);
  const tail = groups(right);
  const middle =
    right === undefined ? [] : new Array<number>(8 - head.length - tail.length).fill(0);
  return Uint8Array.from(
    [...head, ...middle, ...tail].flatMap((group) => [group >> 8, group & 0xff]),
  );
}

/**
 * Text of 4 or 16 octets (IPv6 as RFC 5952 writes it), or of 8 or 32 (name constraints): address/mask
 * as a prefix length, or in full where the mask is no prefix. Any other length is written as hex.
 */
export function formatIpAddress(bytes: Uint8Array): string {
  switch (bytes.length) {
    case 4:
      return bytes.join('.');
    case 16:
      return formatIpv6(bytes);
    case 8:
    case 32: {
      const half = bytes.length / 2;
      const address = formatIpAddress(bytes.subarray(0, half));
      const mask = bytes.subarray(half);
      const prefix = prefixLength(mask);
      return `${address}/${prefix ?? formatIpAddress(mask)}`;
    }
    default:
      return `#${Buffer.from(bytes).toString('hex')}`;
  }
}

/** Bits of a mask that is ones followed by zeros (RFC 4632), or undefined. */
export function prefixLength(mask: Uint8Array): number | undefined {
  let bits = 0;
  let ended = false;
  for (const octet of mask) {
    for (let bit = 7; bit >= 0; bit -= 1) {
      if (((octet >> bit) & 1) === 0) ended = true;
      else if (ended) return undefined;
      else bits += 1;
    }
  }
  return bits;
}

function formatIpv6(bytes: Uint8Array): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0));
  let best = { start: -1, length: 1 };
  for (let i = 0; i < 8; i += 1) {
    let length = 0;
    while (groups[i + length] === 0) length += 1;
    if (length > best.length) best = { start: i, length };
  }
  const text = (part: readonly number[]): string =>
    part.map((group) => group.toString(16)).join(':');
  if (best.start < 0) return text(groups);
  return `${text(groups.slice(0, best.start))}::${text(groups.slice(best.start + best.length))}`;
}
