import type { Element } from './element.ts';

/** One AttributeTypeAndValue as encoded. */
export interface EncodedAttribute {
  readonly oid: string;
  readonly value: Element;
}

/** Every attribute of a Name, in order. @throws UnreadableError when it is no RDNSequence. */
export function readAttributes(name: Element): readonly EncodedAttribute[] {
  const attributes: EncodedAttribute[] = [];
  for (const rdn of name.children) {
    for (const attribute of rdn.children) {
      const [type, value] = attribute.children;
      if (type?.tag === 0x06 && value !== undefined) attributes.push({ oid: type.oid, value });
    }
  }
  return attributes;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text of a string value by its type; undefined when the octets don't decode. */
export function decodeString(value: Element): string | undefined {
  switch (value.tag) {
    case 0x0c:
      try {
        return utf8.decode(value.content);
      } catch {
        return undefined;
      }
    case 0x1e: {
      const { content } = value;
      if (content.length % 2 !== 0) return undefined;
      let text = '';
      for (let index = 0; index < content.length; index += 2) {
        text += String.fromCharCode((content[index] ?? 0) * 256 + (content[index + 1] ?? 0));
      }
      return text;
    }
    default:
      return value.text;
  }
}

/** Attribute types with their short names and upper bounds in characters (RFC 5280 Appendix A.1). */
export const attributeTypes: ReadonlyMap<
  string,
  { readonly name: string; readonly upperBound?: number }
> = new Map([
  ['2.5.4.3', { name: 'commonName', upperBound: 64 }],
  ['2.5.4.4', { name: 'surname', upperBound: 32_768 }],
  ['2.5.4.5', { name: 'serialNumber', upperBound: 64 }],
  ['2.5.4.6', { name: 'countryName', upperBound: 2 }],
  ['2.5.4.7', { name: 'localityName', upperBound: 128 }],
  ['2.5.4.8', { name: 'stateOrProvinceName', upperBound: 128 }],
  ['2.5.4.9', { name: 'streetAddress', upperBound: 128 }],
  ['2.5.4.10', { name: 'organizationName', upperBound: 64 }],
  ['2.5.4.11', { name: 'organizationalUnitName', upperBound: 64 }],
  ['2.5.4.12', { name: 'title', upperBound: 64 }],
  ['2.5.4.17', { name: 'postalCode', upperBound: 40 }],
  ['2.5.4.41', { name: 'name', upperBound: 32_768 }],
  ['2.5.4.42', { name: 'givenName', upperBound: 32_768 }],
  ['2.5.4.43', { name: 'initials', upperBound: 32_768 }],
  ['2.5.4.44', { name: 'generationQualifier', upperBound: 32_768 }],
  ['2.5.4.46', { name: 'dnQualifier' }],
  ['2.5.4.65', { name: 'pseudonym', upperBound: 128 }],
  ['2.5.4.97', { name: 'organizationIdentifier', upperBound: 256 }],
  ['0.9.2342.19200300.100.1.1', { name: 'userId', upperBound: 256 }],
  ['0.9.2342.19200300.100.1.25', { name: 'domainComponent', upperBound: 63 }],
  ['1.2.840.113549.1.9.1', { name: 'emailAddress', upperBound: 255 }],
]);

/** `commonName` for 2.5.4.3; the dotted form of what is not known. */
export function attributeName(type: string): string {
  return attributeTypes.get(type)?.name ?? type;
}
