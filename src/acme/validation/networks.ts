import { ChanceryError } from '../../domain/index.ts';
import { parseIpAddress } from '../../pkix/index.ts';

/** A block of addresses: the first octets of its base, and how many bits of them count. */
export interface Network {
  readonly base: Uint8Array;
  readonly length: number;
}

/**
 * Reads an address or a block (RFC 4632): `192.0.2.1`, `10.0.0.0/8`, `fd00::/8`.
 *
 * @throws ChanceryError `configuration`.
 */
export function parseNetwork(text: string): Network {
  const [address = '', length, more] = text.split('/');
  try {
    const base = parseIpAddress(address);
    const longest = base.length * 8;
    const bits = length === undefined ? longest : Number(length);
    if (more === undefined && /^\d{0,3}$/.test(length ?? '') && bits <= longest) {
      if (length !== '') return { base, length: bits };
    }
  } catch {
    // Said below.
  }
  throw new ChanceryError('configuration', {
    message: `acme.targets: ${JSON.stringify(text.slice(0, 60))} is no network; write an address or a block such as 10.0.0.0/8 or fd00::/8`,
  });
}

/** Whether the address lies in the network; IPv4 never lies in an IPv6 block. */
export function contains({ base, length }: Network, address: Uint8Array): boolean {
  if (base.length !== address.length) return false;
  for (let bit = 0; bit < length; bit += 8) {
    const mask = length - bit >= 8 ? 0xff : (0xff << (8 - (length - bit))) & 0xff;
    const octet = bit / 8;
    if ((((base[octet] ?? 0) ^ (address[octet] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}

/** Whether every address of `inner` is one of `outer`. */
export function isWithin(inner: Network, outer: Network): boolean {
  return inner.length >= outer.length && contains(outer, inner.base);
}
