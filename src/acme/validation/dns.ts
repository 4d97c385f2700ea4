import { Resolver } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import { codeOf, ValidationFailure } from './failure.ts';
import type { Attempt } from './settings.ts';

/** CNAMEs that are followed by hand, when the DNS server does not do it (RFC 8555 §8.4). */
const maximumAliases = 8;

/** Questions to the DNS, of one attempt. */
export interface DnsClient {
  /** IPv6 and IPv4 addresses; both empty when the name has none. */
  addresses(
    name: string,
  ): Promise<{ readonly ipv6: readonly string[]; readonly ipv4: readonly string[] }>;
  /** Each TXT record's strings joined. */
  texts(name: string): Promise<readonly string[]>;
}

/**
 * A client whose resolver, and thereby any cache of answers, lives as long as the attempt: the next
 * attempt sees what the subscriber has changed meanwhile.
 */
export function createDnsClient({ settings, deadline }: Attempt): DnsClient {
  // 1/10, 2/10 and 4/10 of the time for three tries: what is left is for the connection.
  const timeout = Math.max(50, Math.floor(deadline.milliseconds / 10));
  const resolver = new Resolver({ timeout, tries: 3 });
  if (settings.resolver !== undefined) {
    const { host, port } = settings.resolver;
    resolver.setServers([isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`]);
  }
  const ask = async <T>(
    type: string,
    name: string,
    query: (name: string) => Promise<readonly T[]>,
  ): Promise<readonly T[]> => {
    const release = deadline.onExpiry(() => resolver.cancel());
    try {
      return await query(name);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENODATA') return [];
      throw new ValidationFailure('dns', `DNS query ${type} ${name}: ${inWords(code)}`);
    } finally {
      release();
    }
  };
  const aliasOf = async (name: string): Promise<string | undefined> => {
    const [alias] = await ask('CNAME', name, async (asked) => resolver.resolveCname(asked));
    return alias;
  };
  return {
    addresses: async (name) =>
      follow(name, aliasOf, async (asked) => {
        const [ipv6, ipv4] = await Promise.allSettled([
          ask('AAAA', asked, async (host) => resolver.resolve6(host)),
          ask('A', asked, async (host) => resolver.resolve4(host)),
        ]);
        // A DNS server that stumbles over AAAA alone must not keep an IPv4 host from its certificate.
        if (ipv4.status === 'rejected' && (ipv6.status === 'rejected' || ipv6.value.length === 0)) {
          throw ipv4.reason;
        }
        const found = {
          ipv6: ipv6.status === 'fulfilled' ? ipv6.value : [],
          ipv4: ipv4.status === 'fulfilled' ? ipv4.value : [],
        };
        return { found, empty: found.ipv6.length + found.ipv4.length === 0 };
      }),
    texts: async (name) =>
      follow(name, aliasOf, async (asked) => {
        const records = await ask('TXT', asked, async (host) => resolver.resolveTxt(host));
        return { found: records.map((strings) => strings.join('')), empty: records.length === 0 };
      }),
  };
}

/** Asks for a name; while that has nothing but a CNAME, for what the CNAME points to. */
async function follow<T>(
  name: string,
  aliasOf: (name: string) => Promise<string | undefined>,
  query: (name: string) => Promise<{ readonly found: T; readonly empty: boolean }>,
): Promise<T> {
  const seen = new Set<string>();
  let asked = name;
  for (;;) {
    const { found, empty } = await query(asked);
    if (!empty) return found;
    seen.add(asked.toLowerCase());
    const alias = (await aliasOf(asked))?.replace(/\.$/, '');
    if (alias === undefined) return found;
    if (seen.has(alias.toLowerCase())) {
      throw new ValidationFailure('dns', `the CNAMEs of ${name} lead in a circle`);
    }
    if (seen.size > maximumAliases) {
      throw new ValidationFailure(
        'dns',
        `more than ${maximumAliases} CNAMEs lead away from ${name}; shorten the chain`,
      );
    }
    asked = alias;
  }
}

function inWords(code: string): string {
  switch (code) {
    case 'ENOTFOUND':
      return 'there is no such name (NXDOMAIN)';
    case 'ESERVFAIL':
      return 'the DNS server failed (SERVFAIL); DNSSEC or a name server of the zone may be broken';
    case 'EREFUSED':
      return 'the DNS server refused to answer (REFUSED)';
    case 'ETIMEOUT':
    case 'ECANCELLED':
      return 'no answer in time';
    case 'ECONNREFUSED':
      return 'the DNS server is not reachable';
    default:
      return `the DNS server's answer can't be used (${code})`;
  }
}
