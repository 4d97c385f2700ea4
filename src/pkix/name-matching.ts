import { decodeString, readDer, tags } from '../der/index.ts';
import { prefixLength } from './ip-address.ts';
import { comparableRdns } from './name.ts';
import { oids } from './oids.ts';
import type { GeneralName } from './types.ts';

/**
 * Whether a name lies in a subtree. `unclear` when either can't be judged (bad syntax, a form
 * without rules): no proof of being permitted, and no proof of not being excluded.
 */
export type Match = 'yes' | 'no' | 'unclear';

/**
 * What kind of name it is, as far as constraints tell kinds apart: an otherName by its type, so
 * that a subtree of one type says nothing of another.
 */
export type Form =
  | Exclude<GeneralName['type'], 'otherName'>
  | 'userPrincipalName'
  | `otherName ${string}`;

function formOf(name: GeneralName): Form {
  if (name.type !== 'otherName') return name.type;
  return name.typeId === oids.userPrincipalName ? 'userPrincipalName' : `otherName ${name.typeId}`;
}

/** A name or subtree made ready once, so that each comparison is a cheap one. */
export type Comparable =
  | { readonly form: 'dNSName'; readonly host: string; readonly wildcard: boolean }
  | { readonly form: 'rfc822Name'; readonly local: string; readonly host: string }
  | { readonly form: 'userPrincipalName'; readonly local: string; readonly host: string }
  | { readonly form: 'uniformResourceIdentifier'; readonly host: string }
  | { readonly form: 'iPAddress'; readonly bytes: Uint8Array }
  | { readonly form: 'directoryName'; readonly rdns: readonly string[] }
  | { readonly form: Form; readonly unclear: true };

/** A subtree ready to compare. `subdomains`: written with a leading period. */
export type Subtree =
  | { readonly form: Form; readonly everything: true }
  | {
      readonly form: 'dNSName' | 'rfc822Name' | 'uniformResourceIdentifier' | 'userPrincipalName';
      readonly host: string;
      readonly subdomains: boolean;
      readonly local?: string | undefined;
    }
  | { readonly form: 'iPAddress'; readonly address: Uint8Array; readonly bits: number }
  | { readonly form: 'directoryName'; readonly rdns: readonly string[] }
  | { readonly form: Form; readonly unclear: true };

const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** Lower-case host name, or undefined when it is none (a final period, an empty label, an IP address). */
export function hostName(text: string): string | undefined {
  if (text.length > 253) return undefined;
  const host = text.toLowerCase();
  const labels = host.split('.');
  if (!labels.every((part) => label.test(part))) return undefined;
  return /^[0-9]+$/.test(labels[labels.length - 1] ?? '') ? undefined : host;
}

function mailbox(text: string): { local: string; host: string } | undefined {
  const at = text.lastIndexOf('@');
  const local = text.slice(0, Math.max(at, 0));
  const host = hostName(text.slice(at + 1));
  // Quoted local parts may hide another @: not judged.
  if (host === undefined || !/^[^\s"@\\()<>,;:[\]]+$/u.test(local)) return undefined;
  return { local, host };
}

/**
 * Host of an absolute URI with an authority (RFC 3986 §3.2), or undefined. Characters that the
 * RFC does not allow there make it undefined: browsers read a backslash as the authority's end.
 */
function uriHost(text: string): string | undefined {
  const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(text)?.[1];
  const parts = /^(?:[\w.~!$&'()*+,;=:%-]*@)?([\w.-]+)(?::[0-9]*)?$/.exec(authority ?? '');
  return parts?.[1] === undefined ? undefined : hostName(parts[1]);
}

/** Text of a UTF8String; undefined when it is none: what can't be read can't be judged. */
function utf8Text(value: Uint8Array): string | undefined {
  try {
    const { tag, content } = readDer(value).element();
    return tag === tags.utf8String ? decodeString(tag, content) : undefined;
  } catch {
    return undefined;
  }
}

/** A SmtpUTF8Mailbox (RFC 9598) falls under rfc822Name subtrees. */
function smtpUtf8Mailbox(value: Uint8Array): Comparable {
  const parsed = mailbox(utf8Text(value) ?? '');
  return parsed === undefined
    ? { form: 'rfc822Name', unclear: true }
    : { form: 'rfc822Name', ...parsed };
}

/** Makes a name ready for comparison. */
export function comparable(name: GeneralName): Comparable {
  const unclear = { form: formOf(name), unclear: true } as const;
  switch (name.type) {
    case 'dNSName': {
      const wildcard = name.value.startsWith('*.');
      const host = hostName(wildcard ? name.value.slice(2) : name.value);
      return host === undefined ? unclear : { form: name.type, host, wildcard };
    }
    case 'rfc822Name': {
      const parsed = mailbox(name.value);
      return parsed === undefined ? unclear : { form: name.type, ...parsed };
    }
    case 'uniformResourceIdentifier': {
      const host = uriHost(name.value);
      return host === undefined ? unclear : { form: name.type, host };
    }
    case 'iPAddress':
      return { form: name.type, bytes: name.bytes };
    case 'directoryName':
      return { form: name.type, rdns: comparableRdns(name.name) };
    case 'otherName': {
      if (name.typeId !== oids.userPrincipalName) return unclear;
      const parsed = mailbox(utf8Text(name.value) ?? '');
      return parsed === undefined ? unclear : { form: 'userPrincipalName', ...parsed };
    }
    default:
      return unclear;
  }
}

/** The mailbox form of an otherName that is one, judged beside the otherName itself. */
export function mailboxOf(name: GeneralName): Comparable | undefined {
  return name.type === 'otherName' && name.typeId === oids.smtpUtf8Mailbox
    ? smtpUtf8Mailbox(name.value)
    : undefined;
}

/** A mailbox, the mailboxes of a host, or of the hosts below it; undefined when it is none of these. */
function mailSubtree(form: 'rfc822Name' | 'userPrincipalName', text: string): Subtree | undefined {
  if (text === '') return { form, everything: true };
  if (text.includes('@')) {
    const parsed = mailbox(text);
    return parsed === undefined ? undefined : { form, ...parsed, subdomains: false };
  }
  const subdomains = text.startsWith('.');
  const host = hostName(subdomains ? text.slice(1) : text);
  return host === undefined ? undefined : { form, host, subdomains };
}

/**
 * Makes a subtree ready for comparison (RFC 5280 §4.2.1.10; user principal names, for which it has
 * no rule, as mail addresses).
 */
export function subtree(base: GeneralName): Subtree {
  const unclear = { form: formOf(base), unclear: true } as const;
  switch (base.type) {
    case 'dNSName':
    case 'uniformResourceIdentifier': {
      if (base.value === '') return { form: base.type, everything: true };
      const subdomains = base.value.startsWith('.');
      const host = hostName(subdomains ? base.value.slice(1) : base.value);
      return host === undefined ? unclear : { form: base.type, host, subdomains };
    }
    case 'rfc822Name':
      return mailSubtree(base.type, base.value) ?? unclear;
    case 'otherName': {
      if (base.typeId !== oids.userPrincipalName) return unclear;
      const text = utf8Text(base.value);
      // `@host` is how a whole realm is mostly written.
      return (text && mailSubtree('userPrincipalName', text.replace(/^@/, ''))) || unclear;
    }
    case 'iPAddress': {
      const half = base.bytes.length / 2;
      const bits = prefixLength(base.bytes.subarray(half));
      if (bits === undefined || (half !== 4 && half !== 16)) return unclear;
      return { form: base.type, address: base.bytes.subarray(0, half), bits };
    }
    case 'directoryName':
      return { form: base.type, rdns: comparableRdns(base.name) };
    default:
      return unclear;
  }
}

function isBelow(host: string, base: string): boolean {
  return (
    host.length > base.length + 1 &&
    host.endsWith(base) &&
    host[host.length - base.length - 1] === '.'
  );
}

/**
 * DNS: "example.com" is itself and everything below. A leading period is not in RFC 5280 for
 * DNS; permitted it means what is below only, excluded the name itself as well. A wildcard is
 * permitted when all it can stand for is, and excluded when any of it is.
 */
function dnsMatches(
  name: { readonly host: string; readonly wildcard: boolean },
  base: { readonly host: string; readonly subdomains: boolean },
  excluding: boolean,
): boolean {
  if (isBelow(name.host, base.host)) return true;
  if (name.host === base.host) return name.wildcard || excluding || !base.subdomains;
  if (!excluding || !name.wildcard || !isBelow(base.host, name.host)) return false;
  return !base.host.slice(0, base.host.length - name.host.length - 1).includes('.');
}

function samePrefix(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  const whole = bits >> 3;
  for (let i = 0; i < whole; i += 1) {
    if (a[i] !== b[i]) return false;
  }
  const rest = bits & 7;
  if (rest === 0) return true;
  return (((a[whole] ?? 0) ^ (b[whole] ?? 0)) & (0xff << (8 - rest)) & 0xff) === 0;
}

/** Excluded IPv4 subtrees also cover the IPv4-mapped IPv6 addresses of their hosts. */
function ipMatches(
  bytes: Uint8Array,
  address: Uint8Array,
  bits: number,
  excluding: boolean,
): boolean {
  if (bytes.length === address.length) return samePrefix(bytes, address, bits);
  if (!excluding || bytes.length !== 16 || address.length !== 4) return false;
  const mapped = bytes.subarray(0, 12).every((octet, i) => octet === (i < 10 ? 0 : 0xff));
  return mapped && samePrefix(bytes.subarray(12), address, bits);
}

/** Whether the name lies in the subtree of the same form. */
export function matches(name: Comparable, base: Subtree, excluding: boolean): Match {
  if ('everything' in base) return 'yes';
  if ('unclear' in name || 'unclear' in base) return 'unclear';
  const yes = (value: boolean): Match => (value ? 'yes' : 'no');
  if (name.form === 'dNSName' && base.form === 'dNSName') {
    return yes(dnsMatches(name, base, excluding));
  }
  if (
    (name.form === 'rfc822Name' && base.form === 'rfc822Name') ||
    (name.form === 'userPrincipalName' && base.form === 'userPrincipalName')
  ) {
    if (base.subdomains) return yes(isBelow(name.host, base.host));
    if (name.host !== base.host) return 'no';
    if (base.local === undefined || base.local === name.local) return 'yes';
    // Local parts are case-sensitive in RFC 5321; most hosts ignore case, so exclusion does too.
    return yes(excluding && base.local.toLowerCase() === name.local.toLowerCase());
  }
  if (name.form === 'uniformResourceIdentifier' && base.form === 'uniformResourceIdentifier') {
    return yes(base.subdomains ? isBelow(name.host, base.host) : name.host === base.host);
  }
  if (name.form === 'iPAddress' && base.form === 'iPAddress') {
    return yes(ipMatches(name.bytes, base.address, base.bits, excluding));
  }
  if (name.form === 'directoryName' && base.form === 'directoryName') {
    return yes(base.rdns.every((rdn, i) => rdn === name.rdns[i]));
  }
  return 'unclear';
}
