import {
  characterString,
  checkDer,
  type DerReader,
  decodeString,
  isStringTag,
  oid,
  type StringStrictness,
  sequence,
  setOf,
} from '../der/index.ts';
import { bytesEqual, decode, encode, refuse, type Structure, toHex } from './decoding.ts';
import { oids } from './oids.ts';
import type { AttributeTypeAndValue, Name } from './types.ts';

const structure: Structure = { name: 'Name', clause: 'RFC 5280 §4.1.2.4' };

function readAttribute(reader: DerReader, strictness: StringStrictness): AttributeTypeAndValue {
  const body = reader.sequence();
  const type = body.oid();
  const { tag, raw, content, offset } = body.element();
  body.end();
  if (isStringTag(tag)) {
    return { oid: type, value: decodeString(tag, content, strictness, offset), tag };
  }
  checkDer(raw);
  return { oid: type, value: `#${toHex(raw)}`, tag };
}

/**
 * Reads a Name. The alphabet of PrintableString is enforced only when `strictness` says so: it
 * is for certification requests; deployed CAs put `&`, `@` and `*` into it, their names are
 * copied as bytes and nothing is decided by the alphabet. Upper bounds (RFC 5280 appendix A.1)
 * are left to policy and lint.
 */
export function readName(
  reader: DerReader,
  strictness: StringStrictness = 'lenientPrintable',
): Name {
  const { raw, body } = reader.captured();
  const rdns: (readonly AttributeTypeAndValue[])[] = [];
  while (!body.done) {
    const set = body.setOf();
    const rdn: AttributeTypeAndValue[] = [];
    while (!set.done) rdn.push(readAttribute(set, strictness));
    if (rdn.length === 0) refuse('RelativeDistinguishedName without an attribute', body);
    rdns.push(rdn);
  }
  return { der: raw, rdns };
}

/**
 * Parses a Name as deployed CAs write it (see `readName` for the one leniency).
 *
 * @throws ChanceryError `malformed`.
 */
export function parseNameDer(der: Uint8Array): Name {
  return decode(structure, der, readName);
}

/**
 * Encodes a Name. Each value is written as the string type of its `tag`; a value `#` and hex
 * with a tag that is no string type is written as that DER. A SET of attributes is sorted.
 *
 * @throws ChanceryError `malformed` when a string type can't hold its value, or an RDN is empty.
 */
export function encodeName(rdns: readonly (readonly AttributeTypeAndValue[])[]): Name {
  const der = encode(structure, () =>
    sequence(
      ...rdns.map((rdn) => {
        if (rdn.length === 0) refuse('RelativeDistinguishedName without an attribute');
        return setOf(rdn.map((attribute) => sequence(oid(attribute.oid), encodeValue(attribute))));
      }),
    ),
  );
  return parseNameDer(der);
}

/** The DER of an attribute's value. @throws DerError when the type can't hold it. */
export function encodeValue(attribute: AttributeTypeAndValue): Uint8Array {
  if (isStringTag(attribute.tag)) return characterString(attribute.tag, attribute.value);
  const raw = Uint8Array.from(Buffer.from(attribute.value.slice(1), 'hex'));
  if (toHex(raw) !== attribute.value.slice(1).toLowerCase()) refuse('attribute value is not hex');
  checkDer(raw);
  return raw;
}

/** The Name without any RDN: what the subject is when all names stand in subjectAltName. */
export const emptyName: Name = { der: Uint8Array.of(0x30, 0), rdns: [] };

/** Byte equality. RFC 5280 §7.1 allows more; a relying party that compares bytes must agree with us. */
export function namesEqual(a: Name, b: Name): boolean {
  return bytesEqual(a.der, b.der);
}

/** The last (most specific) commonName, or undefined. */
export function commonNameOf(name: Name): string | undefined {
  for (let i = name.rdns.length - 1; i >= 0; i -= 1) {
    const found = name.rdns[i]?.find((attribute) => attribute.oid === oids.commonName);
    if (found !== undefined) return found.value;
  }
  return undefined;
}

/** Text prepared for comparison as RFC 5280 §7.1 means it: case, width and runs of space don't count. */
function prepared(attribute: AttributeTypeAndValue): string {
  if (!isStringTag(attribute.tag)) return attribute.value;
  return attribute.value.normalize('NFKC').toLowerCase().trim().replace(/\s+/gu, ' ');
}

/** One comparable text for each RDN, the attributes of a SET in any order. */
export function comparableRdns(name: Name): string[] {
  return name.rdns.map((rdn) =>
    JSON.stringify(rdn.map((attribute) => `${attribute.oid}=${prepared(attribute)}`).sort()),
  );
}

/**
 * Whether `name` lies in the subtree of `base`: its first RDNs match those of `base`, compared
 * as RFC 5280 §7.1 says, so that another string type or case neither escapes an excluded
 * subtree nor falls out of a permitted one.
 */
export function nameIsWithin(name: Name, base: Name): boolean {
  if (name.rdns.length < base.rdns.length) return false;
  const rdns = comparableRdns(name);
  return comparableRdns(base).every((rdn, i) => rdn === rdns[i]);
}
