import { isIPv4, isIPv6 } from 'node:net';
import { normaliseDnsName } from './dns-name.ts';
import type { NormalisedName } from './normalised-name.ts';
import { violation } from './violation.ts';

const field = 'names.uniformResourceIdentifier';

/** Scheme, authority, host and rest of an absolute URI (RFC 3986 appendix B, narrowed to what is issued). */
const uriPattern =
  /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(\[[0-9A-Fa-f:.]+\]|[^/?#@:[\]]+)(:[0-9]{1,5})?([/?#].*)?$/;
const restPattern = /^[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]*$/;

/**
 * An absolute URI with a host, as name constraints on URIs need one (RFC 5280 §4.2.1.10).
 * Scheme and host are lower-cased, the rest stays as it is (it may be case-sensitive). URIs
 * with credentials and URIs without an authority (`urn:…`) are refused.
 */
export function normaliseUri(text: string): NormalisedName {
  const refuse = (rule: string, message: string, mend?: string): NormalisedName => ({
    ok: false,
    violation: violation(`names.uri.${rule}`, field, message, 'RFC 5280 §4.2.1.6', {
      value: text,
      mend,
    }),
  });
  if (text.length > 2048) return refuse('length', 'a URI has at most 2048 characters here');
  const match = uriPattern.exec(text);
  if (match === null) {
    return /^[^/?#]*:\/\/[^/?#]*@/.test(text)
      ? refuse(
          'userinfo',
          'a URI in a certificate carries no user or password',
          'leave out what stands before @',
        )
      : refuse('syntax', 'not an absolute URI with a host', 'write scheme://host/path');
  }
  const [, scheme = '', host = '', port = '', rest = ''] = match;
  if (!restPattern.test(rest) || /%(?![0-9A-Fa-f]{2})/.test(rest)) {
    return refuse(
      'characters',
      'the URI has characters that must be percent-encoded',
      'encode them (RFC 3986 §2.1)',
    );
  }
  const normalHost = normaliseUriHost(host);
  if (normalHost === undefined) {
    return refuse(
      'host',
      'the host of the URI is neither a DNS name nor an IP address',
      'write a host name in A-labels',
    );
  }
  return {
    ok: true,
    name: {
      type: 'uniformResourceIdentifier',
      value: `${scheme.toLowerCase()}://${normalHost}${port}${rest}`,
    },
  };
}

function normaliseUriHost(host: string): string | undefined {
  if (isIPv4(host)) return host;
  if (host.startsWith('[')) return isIPv6(host.slice(1, -1)) ? host.toLowerCase() : undefined;
  const dns = normaliseDnsName(host, { wildcard: false });
  return dns.ok ? dns.name : undefined;
}

/** The host of a URI that `normaliseUri` made: a DNS name, or an address (IPv6 without brackets). */
export function hostOfUri(uri: string): string {
  const host = uriPattern.exec(uri)?.[2] ?? '';
  return host.startsWith('[') ? host.slice(1, -1) : host;
}
