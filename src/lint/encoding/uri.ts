import type { Element } from './element.ts';
import { oid } from './oids.ts';

/** Identifier octet of uniformResourceIdentifier [6] in a GeneralName. */
export const uriTag = 0x86;

/** A distribution point of cRLDistributionPoints. */
export interface EncodedDistributionPoint {
  /** GeneralNames of fullName [0]; empty when the point is named otherwise. */
  readonly fullName: readonly Element[];
  readonly hasReasons: boolean;
  readonly hasCrlIssuer: boolean;
}

/** GeneralNames of `DistributionPointName.fullName` inside `[0] distributionPoint`. */
export function readFullName(distributionPoint: Element | undefined): readonly Element[] {
  return distributionPoint?.tagged(0xa0)?.children ?? [];
}

/** Reads a cRLDistributionPoints value (RFC 5280 §4.2.1.13). */
export function readDistributionPoints(value: Element): readonly EncodedDistributionPoint[] {
  return value.children.map((point) => ({
    fullName: readFullName(point.tagged(0xa0)),
    hasReasons: point.tagged(0x81) !== undefined,
    hasCrlIssuer: point.tagged(0xa2) !== undefined,
  }));
}

/** accessMethod and accessLocation of every AccessDescription (RFC 5280 §4.2.2.1). */
export function readAccessDescriptions(
  value: Element,
): readonly { readonly method: string; readonly location: Element | undefined }[] {
  return value.children.map((description) => ({
    method: description.child(0)?.oid ?? '',
    location: description.child(1),
  }));
}

/** Locations of one access method. */
export function accessLocations(
  value: Element | undefined,
  method: 'ocsp' | 'caIssuers',
): readonly Element[] {
  if (value === undefined) return [];
  const wanted = method === 'ocsp' ? oid.idAdOcsp : oid.idAdCaIssuers;
  return readAccessDescriptions(value)
    .filter((description) => description.method === wanted)
    .flatMap((description) => (description.location === undefined ? [] : [description.location]));
}

/**
 * What is wrong with a URL that relying parties fetch status or issuers from: it must be plain
 * http, because a fetch over TLS needs a certificate whose status would need the same fetch
 * (RFC 5280 §8).
 */
export function fetchUrlDefect(location: Element): string | undefined {
  if (location.tag !== uriTag) return 'a location that is no uniformResourceIdentifier';
  const { text } = location;
  if (!/^[\x21-\x7e]+$/.test(text))
    return `${JSON.stringify(text)} has characters that a URI does not have`;
  if (!/^http:\/\/[^/?#@]+(?:[/?]|$)/i.test(text))
    return `${text} is not a plain http URL with a host`;
  return undefined;
}
