import { ChanceryError, type Violation } from '../domain/index.ts';
import {
  formatGeneralName,
  type GeneralName,
  nameIsWithin,
  parseDistinguishedName,
  parseIpAddress,
} from '../pkix/index.ts';
import { normaliseDnsName } from './dns-name.ts';
import { readUserPrincipalName } from './general-name.ts';
import { hostOfUri } from './uri.ts';
import { violation } from './violation.ts';
import { policyOidPattern } from './vocabulary.ts';

/** Patterns of names by type. A type that is not listed has none. */
export interface NamePatterns {
  /** `example.org`: that name and all below; `.example.org`: only those below. */
  readonly dns?: readonly string[] | undefined;
  /** Addresses or CIDR blocks: `10.0.0.0/8`, `fd00::/8`, `192.0.2.7`. */
  readonly ip?: readonly string[] | undefined;
  /** A whole address, or a domain as in `dns`. */
  readonly email?: readonly string[] | undefined;
  /** The URI's host, as in `dns` or `ip`. */
  readonly uri?: readonly string[] | undefined;
  /** The realm of a user principal name, as in `dns`, or a whole one. */
  readonly userPrincipalName?: readonly string[] | undefined;
  /** RFC 4514 text; names at or below it. */
  readonly directory?: readonly string[] | undefined;
  /** Object identifiers; those at or below it. */
  readonly registeredID?: readonly string[] | undefined;
}

/**
 * Which names may be issued, beyond what the profile's syntax takes. While `allow` has no list
 * every name is allowed; once it has one, only names that a list holds, and none of a type
 * without a list: a policy on DNS names must not be passed by asking for an address. `deny` wins
 * over `allow`.
 */
export interface NamePolicy {
  readonly allow?: NamePatterns | undefined;
  readonly deny?: NamePatterns | undefined;
}

/** Any name that the profile's syntax takes: what a trial starts with. */
export const permitAll: NamePolicy = {};

const listOf: Readonly<Record<string, keyof NamePatterns>> = {
  dNSName: 'dns',
  iPAddress: 'ip',
  rfc822Name: 'email',
  uniformResourceIdentifier: 'uri',
  otherName: 'userPrincipalName',
  directoryName: 'directory',
  registeredID: 'registeredID',
};

/** Why the policy refuses a normalised name; undefined when it does not. */
export function checkNamePolicy(name: GeneralName, policy: NamePolicy): Violation | undefined {
  const list = listOf[name.type];
  const text = formatGeneralName(name);
  const refuse = (rule: string, message: string, mend: string): Violation =>
    violation(rule, `names.${name.type}`, message, 'name policy', { value: text, mend });
  // A pattern that can't be read denies all of its type and allows nothing.
  const denied = patternsOf(policy.deny, list).find(
    (pattern) => !isReadable(list, pattern) || matches(name, pattern, 'touches'),
  );
  if (denied !== undefined) {
    return refuse(
      'namePolicy.deny',
      `the name policy denies ${denied}`,
      'ask for another name, or have the name policy changed',
    );
  }
  if (policy.allow === undefined || Object.values(policy.allow).every((one) => one === undefined)) {
    return undefined;
  }
  const allowed = patternsOf(policy.allow, list);
  if (allowed.some((pattern) => isReadable(list, pattern) && matches(name, pattern, 'covers'))) {
    return undefined;
  }
  return refuse(
    'namePolicy.allow',
    allowed.length === 0
      ? `the name policy allows no ${name.type}`
      : `the name policy allows only ${allowed.join(', ')}`,
    'ask for a name that it allows, or have the name policy changed',
  );
}

function patternsOf(
  patterns: NamePatterns | undefined,
  list: keyof NamePatterns | undefined,
): readonly string[] {
  return (list === undefined ? undefined : patterns?.[list]) ?? [];
}

/**
 * Checks every pattern of a policy that a person wrote, so that a mistake is found at start-up.
 *
 * @throws ChanceryError `configuration` naming the list and the pattern.
 */
export function parseNamePolicy(policy: NamePolicy): NamePolicy {
  for (const side of ['allow', 'deny'] as const) {
    for (const list of Object.values(listOf)) {
      const bad = patternsOf(policy[side], list).find((pattern) => !isReadable(list, pattern));
      if (bad === undefined) continue;
      throw new ChanceryError('configuration', {
        message: `names.${side}.${list}: ${JSON.stringify(bad)} can't be read; ${patternHelp[list]}`,
      });
    }
  }
  return policy;
}

const patternHelp: Readonly<Record<keyof NamePatterns, string>> = {
  dns: 'write example.org (and below) or .example.org (below only)',
  ip: 'write an address or a block such as 10.0.0.0/8 or fd00::/8',
  email: 'write user@example.org, example.org or .example.org',
  uri: 'write a host such as example.org, or an address or block',
  userPrincipalName: 'write user@example.org, example.org or .example.org',
  directory: 'write an RFC 4514 name such as O=Example,C=CH',
  registeredID: 'write an object identifier such as 2.999.1',
};

function isReadable(list: keyof NamePatterns | undefined, pattern: string): boolean {
  switch (list) {
    case 'dns':
      return isDnsPattern(pattern);
    case 'ip':
      return isAddressPattern(pattern);
    case 'email':
    case 'userPrincipalName':
      return isDnsPattern(pattern.slice(pattern.lastIndexOf('@') + 1));
    case 'uri':
      return isDnsPattern(pattern) || isAddressPattern(pattern);
    case 'directory':
      return isDirectoryPattern(pattern);
    case 'registeredID':
      return policyOidPattern.test(pattern);
    case undefined:
      return false;
    default:
      return list satisfies never;
  }
}

function isDnsPattern(pattern: string): boolean {
  return normaliseDnsName(pattern.replace(/^\./, ''), { wildcard: false }).ok;
}

function isAddressPattern(pattern: string): boolean {
  const [text = '', prefix, ...more] = pattern.split('/');
  const base = tryParseIpAddress(text);
  if (base === undefined || more.length > 0) return false;
  return prefix === undefined || (/^[0-9]{1,3}$/.test(prefix) && Number(prefix) <= base.length * 8);
}

function isDirectoryPattern(pattern: string): boolean {
  try {
    return parseDistinguishedName(pattern).rdns.length > 0;
  } catch {
    return false;
  }
}

/** `covers`: the pattern holds all that the name stands for. `touches`: it holds some of it (a wildcard stands for many). */
type Relation = 'covers' | 'touches';

function matches(name: GeneralName, pattern: string, relation: Relation): boolean {
  switch (name.type) {
    case 'dNSName':
      return dnsMatches(name.value, pattern, relation);
    case 'iPAddress':
      return addressMatches(name.bytes, pattern);
    case 'rfc822Name':
      return mailMatches(name.value, pattern);
    case 'uniformResourceIdentifier':
      return hostMatches(hostOfUri(name.value), pattern);
    case 'otherName':
      return mailMatches(readUserPrincipalName(name.value) ?? '', pattern);
    case 'directoryName':
      return nameIsWithin(name.name, parseDistinguishedName(pattern));
    case 'registeredID':
      return name.oid === pattern || name.oid.startsWith(`${pattern}.`);
    default:
      return false;
  }
}

function dnsMatches(name: string, pattern: string, relation: Relation): boolean {
  const suffix = pattern.toLowerCase();
  if (!name.startsWith('*.')) return isAtOrBelow(name, suffix);
  const base = name.slice(2);
  // `*.example.org` stands for names one label below example.org: `.example.org` covers them all.
  if (isAtOrBelow(`any.${base}`, suffix)) return true;
  return relation === 'touches' && suffix.replace(/^\./, '').endsWith(`.${base}`);
}

function isAtOrBelow(name: string, suffix: string): boolean {
  if (suffix.startsWith('.')) return name.endsWith(suffix);
  return name === suffix || name.endsWith(`.${suffix}`);
}

function mailMatches(address: string, pattern: string): boolean {
  const at = pattern.lastIndexOf('@');
  if (at < 0)
    return isAtOrBelow(address.slice(address.lastIndexOf('@') + 1), pattern.toLowerCase());
  return address === `${pattern.slice(0, at)}${pattern.slice(at).toLowerCase()}`;
}

function hostMatches(host: string, pattern: string): boolean {
  const address = tryParseIpAddress(host);
  return address === undefined
    ? isAtOrBelow(host, pattern.toLowerCase())
    : addressMatches(address, pattern);
}

function addressMatches(address: Uint8Array, pattern: string): boolean {
  const [text = '', prefix] = pattern.split('/');
  const base = tryParseIpAddress(text);
  if (base === undefined || base.length !== address.length) return false;
  const bits = prefix === undefined ? base.length * 8 : Number(prefix);
  return address.every((octet, index) => {
    const significant = Math.min(8, Math.max(0, bits - index * 8));
    const mask = (0xff << (8 - significant)) & 0xff;
    return (octet & mask) === ((base[index] ?? 0) & mask);
  });
}

function tryParseIpAddress(text: string): Uint8Array | undefined {
  try {
    return parseIpAddress(text);
  } catch {
    return undefined;
  }
}
