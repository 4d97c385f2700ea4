import { domainToASCII, domainToUnicode } from 'node:url';
import type { Violation } from '../domain/index.ts';
import { violation } from './violation.ts';

/** A DNS name in the one form that Chancery compares and issues, or why it is refused. */
export type DnsNameResult =
  | { readonly ok: true; readonly name: string; readonly wildcard: boolean }
  | { readonly ok: false; readonly violation: Violation };

const field = 'names.dNSName';

/**
 * Lower-cases a DNS name and checks the preferred name syntax (RFC 1034 §3.5 as modified by
 * RFC 1123 §2.1). Underscores, trailing dots, addresses and U-labels are refused, not repaired:
 * the requester learns what to write. Single labels (`localhost`) are allowed.
 */
export function normaliseDnsName(
  text: string,
  options: { readonly wildcard: boolean },
): DnsNameResult {
  const refuse = (
    rule: string,
    message: string,
    mend?: string,
    clause = 'RFC 5280 §4.2.1.6',
  ): DnsNameResult => ({
    ok: false,
    violation: violation(rule, field, message, clause, { value: text, mend }),
  });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII is meant
  if (!/^[\x00-\x7f]*$/.test(text)) {
    const aLabel = domainToASCII(text);
    return refuse(
      'names.dns.uLabel',
      'a DNS name in a certificate is written in ASCII',
      aLabel === '' ? 'write it with A-labels (xn--…)' : `write ${aLabel}`,
      'RFC 5280 §7.2',
    );
  }
  const wildcard = text.startsWith('*.');
  const host = (wildcard ? text.slice(2) : text).toLowerCase();
  if (host.includes('*')) {
    return refuse(
      'names.dns.wildcardPlace',
      'a wildcard is the whole leftmost label and nothing else',
      'write *.example.org',
      'RFC 9525 §6.3',
    );
  }
  if (wildcard && !options.wildcard) {
    return refuse(
      'names.dns.wildcard',
      'this profile takes no wildcard names',
      'name each host',
      'RFC 9525 §7.1',
    );
  }
  if (host.endsWith('.')) {
    return refuse(
      'names.dns.trailingDot',
      'a DNS name in a certificate has no trailing dot',
      `write ${text.slice(0, -1)}`,
    );
  }
  if (wildcard && !host.includes('.')) {
    return refuse(
      'names.dns.wildcardTooWide',
      'a wildcard directly below a top-level name covers too much',
      'put at least two labels behind *.',
      'RFC 9525 §7.1',
    );
  }
  if (looksLikeAddress(host)) {
    return refuse(
      'names.dns.address',
      'an IP address is not a DNS name',
      'ask for it as an IP address',
    );
  }
  if (host.length > 253)
    return refuse(
      'names.dns.length',
      'a DNS name has at most 253 characters',
      undefined,
      'RFC 1035 §2.3.4',
    );
  for (const label of host.split('.')) {
    const wrong = labelFault(label);
    if (wrong !== undefined)
      return refuse(`names.dns.${wrong.rule}`, wrong.message, wrong.mend, wrong.clause);
  }
  return { ok: true, name: wildcard ? `*.${host}` : host, wildcard };
}

/** Dotted quads and all else that resolvers read as IPv4 (`127.1`, `0x7f000001`), and IPv6 with colons. */
function looksLikeAddress(host: string): boolean {
  const last = host.slice(host.lastIndexOf('.') + 1);
  if (/^[0-9]+$/.test(last) || /^0x[0-9a-f]*$/.test(last)) return true;
  return /^\[?[0-9a-f:.]*:[0-9a-f:.]*\]?$/.test(host);
}

interface LabelFault {
  readonly rule: string;
  readonly message: string;
  readonly mend?: string;
  readonly clause: string;
}

function labelFault(label: string): LabelFault | undefined {
  if (label === '')
    return { rule: 'emptyLabel', message: 'a label is empty', clause: 'RFC 1034 §3.5' };
  if (label.length > 63) {
    return {
      rule: 'labelLength',
      message: 'a label has at most 63 characters',
      clause: 'RFC 1035 §2.3.4',
    };
  }
  if (label.includes('_')) {
    return {
      rule: 'underscore',
      message: 'an underscore is no character of a host name',
      mend: 'use a hyphen, here and in the DNS',
      clause: 'RFC 5280 §4.2.1.6',
    };
  }
  if (!/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(label)) {
    return {
      rule: 'syntax',
      message: 'a label has letters, digits and inner hyphens only',
      clause: 'RFC 1034 §3.5',
    };
  }
  if (label.slice(2, 4) !== '--') return undefined;
  if (!label.startsWith('xn--')) {
    return {
      rule: 'reservedLabel',
      message: 'a label with -- as third and fourth character is reserved',
      clause: 'RFC 5890 §2.3.1',
    };
  }
  // An A-label that does not come back from its U-label shows people another name than it resolves to.
  const uLabel = domainToUnicode(label);
  if (uLabel === '' || uLabel === label || domainToASCII(uLabel) !== label) {
    return { rule: 'aLabel', message: `${label} is no valid A-label`, clause: 'RFC 5891 §4.4' };
  }
  return undefined;
}
