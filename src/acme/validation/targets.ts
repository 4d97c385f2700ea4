import { formatIpAddress, parseIpAddress } from '../../pkix/index.ts';
import { contains, isWithin, type Network, parseNetwork } from './networks.ts';

interface SpecialNetwork {
  readonly network: Network;
  readonly what: string;
  readonly loopback?: true;
  /** Where the octets of an IPv4 address stand inside an IPv6 one; Teredo writes them inverted. */
  readonly embedded?: { readonly at: number; readonly inverted?: true };
}

function special(
  what: string,
  networks: readonly string[],
  more: Pick<SpecialNetwork, 'loopback' | 'embedded'> = {},
): readonly SpecialNetwork[] {
  return networks.map((text) => ({ network: parseNetwork(text), what, ...more }));
}

/**
 * Addresses that a stranger must not make the CA talk to (RFC 8555 §10.4, RFC 6890). They are
 * refused although `0.0.0.0/0` covers them: only a target that lies inside the special network
 * counts. Private and shared address space (RFC 1918, RFC 6598, RFC 4193) is not here: it is where
 * a private PKI's subscribers live, and `targets` narrows it.
 */
const specialNetworks: readonly SpecialNetwork[] = [
  ...special('unspecified', ['0.0.0.0/8', '::/128']),
  ...special('loopback', ['127.0.0.0/8', '::1/128'], { loopback: true }),
  ...special('link-local', ['169.254.0.0/16', 'fe80::/10']),
  // Of the large clouds; some stand in space that is otherwise ordinary.
  ...special('a metadata service', [
    ...['169.254.169.254/32', '169.254.170.2/32', '192.0.0.192/32'],
    ...['100.100.100.200/32', '168.63.129.16/32'],
    ...['fd00:ec2::/32', 'fd20:ce::254/128'],
  ]),
  ...special('multicast', ['224.0.0.0/4', 'ff00::/8']),
  ...special('reserved or broadcast', ['240.0.0.0/4', '255.255.255.255/32']),
  ...special('for protocol assignments', ['192.0.0.0/24', '100::/64']),
  ...special('IPv4-mapped', ['::ffff:0:0/96'], { embedded: { at: 12 } }),
  ...special('IPv4-translated', ['::ffff:0:0:0/96'], { embedded: { at: 12 } }),
  ...special('NAT64', ['64:ff9b::/96', '64:ff9b:1::/48'], { embedded: { at: 12 } }),
  ...special('6to4', ['2002::/16'], { embedded: { at: 2 } }),
  ...special('Teredo', ['2001::/32'], { embedded: { at: 12, inverted: true } }),
];
// ::/128 and ::1/128 lie in the IPv4-compatible block, whose rule would ask for a second listing.
const compatible = special('IPv4-compatible', ['::/96'], { embedded: { at: 12 } });

/** Tells where validation may connect to. */
export interface Targets {
  /** Why the address is refused; undefined when it may be connected to. */
  refusal(address: string): string | undefined;
}

/**
 * The allow list of a directory. An address must lie in one of the networks (none given: any), and
 * an address of a special network in one that is listed inside that network; loopback alternatively
 * by `allowLoopback`. An IPv6 address that stands for an IPv4 one must pass as both.
 *
 * @throws ChanceryError `configuration` for a target that is no network.
 */
export function createTargets(networks: readonly string[], allowLoopback: boolean): Targets {
  const listed = (networks.length === 0 ? ['0.0.0.0/0', '::/0'] : networks).map(parseNetwork);

  const isListedWithin = (outer: Network, address: Uint8Array): boolean =>
    listed.some((network) => contains(network, address) && isWithin(network, outer));

  const refusal = (address: Uint8Array): string | undefined => {
    for (const { network, what, loopback, embedded } of specialsOf(address)) {
      const lifted = isListedWithin(network, address) || (loopback === true && allowLoopback);
      if (!lifted) return `${formatIpAddress(address)} is ${what}`;
      if (embedded === undefined) continue;
      const inner = address
        .slice(embedded.at, embedded.at + 4)
        .map((octet) => (embedded.inverted === true ? octet ^ 0xff : octet));
      const reason = refusal(inner);
      if (reason !== undefined) return `${formatIpAddress(address)} is ${what}, and ${reason}`;
    }
    return listed.some((network) => contains(network, address))
      ? undefined
      : `${formatIpAddress(address)} is in none of the networks that this directory connects to`;
  };
  return { refusal: (address) => refusal(parseIpAddress(address)) };
}

function specialsOf(address: Uint8Array): readonly SpecialNetwork[] {
  const found = specialNetworks.filter(({ network }) => contains(network, address));
  return found.length > 0 ? found : compatible.filter(({ network }) => contains(network, address));
}
