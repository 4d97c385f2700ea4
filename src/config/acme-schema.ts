import { isIP } from 'node:net';
import { z } from 'zod';
import {
  duration,
  hostAndPort,
  hostAndPortOf,
  listOfText,
  parseDuration,
  path,
  port,
  setting,
} from './values.ts';

/** What the documentation says of a member of a directory, beside its type. */
export interface MemberNotes {
  /** Plain words, one or two sentences. */
  readonly text: string;
  /** Shown as the default where there is no literal one. */
  readonly defaultText?: string | undefined;
}

/** The members of a directory with their notes; one that is not in here fails a test. */
export const memberNotes = z.registry<MemberNotes>();

function member<T extends z.ZodType>(schema: T, text: string, defaultText?: string): T {
  memberNotes.add(schema, { text, defaultText });
  return schema;
}

/** `N/duration` as burst and seconds; undefined when it is none. */
export function parseRate(
  text: string,
): { readonly burst: number; readonly seconds: number } | undefined {
  const [, count, time] = /^(\d{1,9})\/(\w+)$/.exec(text) ?? [];
  const burst = Number(count);
  const seconds = parseDuration(time ?? '') ?? 0;
  return burst >= 1 && seconds >= 1 ? { burst, seconds } : undefined;
}

function rate(standard: string) {
  return z
    .string()
    .refine((text) => text === 'off' || parseRate(text) !== undefined, {
      message: 'must be a number and a duration such as 100/1h, or off',
    })
    .default(standard);
}

const address = z.string().refine((text) => isIP(text) !== 0, {
  message: 'must be an IPv4 or IPv6 address of this machine',
});

const networks = z.array(
  z.string().refine(isNetwork, {
    message: 'must be an address or a block such as 10.0.0.0/8 or fd00::/8',
  }),
);

function isNetwork(text: string): boolean {
  const [base = '', length, more] = text.split('/');
  const version = isIP(base);
  if (version === 0 || more !== undefined) return false;
  const longest = version === 4 ? 32 : 128;
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= longest);
}

/** A DNS server by address: it can't be looked up in the DNS. */
const resolver = hostAndPort
  .refine((text) => isIP(hostAndPortOf(text).host) !== 0, {
    message: 'must name the DNS server by its address, for example 192.0.2.53:53',
  })
  .refine((text) => hostAndPortOf(text).port >= 1 && hostAndPortOf(text).port <= 65_535, {
    message: 'must end in a port from 1 to 65535',
  });

const webUrl = z.string().regex(/^https?:\/\/[^\s"<>\\^`{|}]+$/, {
  message: 'must be an http or https URL',
});

const directoryName = z.string().regex(/^(?!directory$)[a-z0-9-]{1,32}$/, {
  message:
    'is no name for a directory: 1 to 32 lower-case letters, digits and hyphens, and not "directory"',
});

function names(side: 'Allowed' | 'Refused') {
  const otherwise = side === 'Allowed' ? 'any' : 'none';
  return z
    .strictObject({
      dns: member(
        listOfText.optional(),
        `${side} DNS suffixes: example.org (and below) or .example.org (below only).`,
        otherwise,
      ),
      ip: member(
        networks.optional(),
        `${side} addresses and blocks in CIDR notation.`,
        side === 'Allowed' ? 'any, or none once DNS suffixes are listed' : otherwise,
      ),
    })
    .prefault({});
}

/** One ACME directory; every member has a default. */
export const directorySchema = z.strictObject({
  issuer: member(
    z.string().min(1).max(100).optional(),
    'Name or id of the issuer.',
    'the first issuing CA',
  ),
  alternateChains: member(
    z.array(path).default([]),
    'PEM files with further chains for the certificates: another certificate of the issuer (a cross certificate), then those above it. Clients may choose (RFC 8555 §7.4.2).',
  ),
  profiles: member(
    z.record(z.string(), z.string().max(500)).optional(),
    'Profiles that may be asked for, each with the words that clients are shown (empty: its title).',
    'tls-server, tls-mutual and short-lived, as far as they exist',
  ),
  defaultProfile: member(
    z.string().min(1).optional(),
    'Profile of an order that names none.',
    'the first of the profiles',
  ),
  challenges: member(
    z
      .array(z.enum(['http-01', 'dns-01', 'tls-alpn-01']))
      .min(1)
      .default(['http-01', 'dns-01', 'tls-alpn-01']),
    'Challenge types that are offered, where they suit the identifier.',
  ),
  names: z.strictObject({ allow: names('Allowed'), deny: names('Refused') }).prefault({}),
  externalAccount: member(
    z.enum(['none', 'newAccounts', 'always']).default('none'),
    'Whether external account binding is asked for: never, of new accounts, or always (then accounts without one are refused too).',
  ),
  termsOfService: member(
    webUrl.optional(),
    'URL of the terms; new accounts must agree to them.',
    'none',
  ),
  website: member(webUrl.optional(), 'URL of a page about this CA.', 'none'),
  limits: z
    .strictObject({
      newAccountPerAddress: member(
        rate('1000/1h'),
        'New accounts from one address (IPv6: one /64). As each limit: N/duration, or off.',
      ),
      newOrderPerAccount: member(rate('off'), 'New orders of one account.'),
      newOrderPerCredential: member(rate('off'), 'New orders of the accounts of one credential.'),
      newOrderPerName: member(rate('off'), 'New orders for one name, whoever asks.'),
      failedValidationPerName: member(
        rate('30/1h'),
        "An account's failed validations of one name.",
      ),
    })
    .prefault({}),
  maximumIdentifiers: member(
    z.int().min(1).max(1000).default(100),
    'Identifiers in one order at most.',
  ),
  orderLifetime: member(
    duration('1m', '90d').default('7d'),
    'How long an order may stay unfinished.',
  ),
  authorizationLifetime: member(
    duration('1m', '366d').default('7d'),
    'How long an authorization counts; until then new orders need no challenge for its name.',
  ),
  retryDelays: member(
    z.array(duration('0s', '1h')).max(10).default(['1s', '2s', '4s']),
    'Pauses before the second, third … attempt at a challenge; an empty list means one attempt.',
  ),
  resolver: member(resolver.optional(), 'As acme.resolver, for this directory.', 'acme.resolver'),
  sourceAddress: member(
    address.optional(),
    'As acme.sourceAddress, for this directory.',
    'acme.sourceAddress',
  ),
  targets: member(networks.optional(), 'As acme.targets, for this directory.', 'acme.targets'),
});

/** What an installation has that configures none: one open directory and one that wants a binding. */
export const standardDirectories = {
  default: {},
  eab: { externalAccount: 'always' },
} as const;

/** The section `acme`. */
export const acmeSchema = z
  .strictObject({
    resolver: setting(
      resolver.optional(),
      'CHANCERY_ACME_RESOLVER',
      'address:port of the DNS server that validation asks.',
      "the system's",
    ),
    http01Port: setting(
      port.default(80),
      'CHANCERY_ACME_HTTP01_PORT',
      'Port of http-01. Another one than 80 is for trials only (RFC 8555 §8.3).',
    ),
    tlsAlpn01Port: setting(
      port.default(443),
      'CHANCERY_ACME_TLSALPN01_PORT',
      'Port of tls-alpn-01. Another one than 443 is for trials only (RFC 8737 §3).',
    ),
    allowLoopback: setting(
      z.boolean().optional(),
      'CHANCERY_ACME_ALLOW_LOOPBACK',
      'Whether validation may connect to this machine itself.',
      'false; quickstart says true, for trials',
    ),
    targets: setting(
      networks.default([]),
      'CHANCERY_ACME_TARGETS',
      'Networks in CIDR notation that validation may connect to; empty: any. Link-local, metadata and other special addresses only where a network inside theirs is listed.',
    ),
    sourceAddress: setting(
      address.optional(),
      'CHANCERY_ACME_SOURCE_ADDRESS',
      'Address of this machine from which validation connects.',
      "the system's choice",
    ),
    timeout: setting(
      duration('1s', '1m').default('10s'),
      'CHANCERY_ACME_TIMEOUT',
      'How long one attempt at a challenge may take.',
    ),
    concurrentValidations: setting(
      z.int().min(1).max(1000).default(64),
      'CHANCERY_ACME_CONCURRENT_VALIDATIONS',
      'Attempts that run at once in this process; others wait.',
    ),
    secretFile: setting(
      path.optional(),
      'CHANCERY_ACME_SECRET_FILE',
      'File of mode 0600 with the secret of nonces and EAB keys: 64 hex digits a line, the newest first. The same on every node.',
      'acme/secret in the data folder',
    ),
    defaultDirectory: setting(
      z.string().min(1).optional(),
      'CHANCERY_ACME_DEFAULT_DIRECTORY',
      'Directory behind /acme/directory.',
      'the first directory',
    ),
    directories: setting(
      z
        .record(directoryName, directorySchema)
        .refine((value) => Object.keys(value).length > 0, { message: 'must name a directory' })
        .prefault(standardDirectories),
      'CHANCERY_ACME_DIRECTORIES',
      'Directories by name; what stands here replaces both standard ones. As a variable: JSON.',
      'default (no binding asked for) and eab (binding always)',
    ),
  })
  .prefault({});
