import { decodeString, isPrintableString, isStringTag, readDer, tags } from '../der/index.ts';
import { ChanceryError } from '../domain/index.ts';
import { encode, toHex } from './decoding.ts';
import { encodeName, encodeValue } from './name.ts';
import { oids } from './oids.ts';
import type { AttributeTypeAndValue, Name } from './types.ts';

interface AttributeType {
  readonly oid: string;
  readonly keyword: string;
  /** Other keywords read, in lower case. */
  readonly aliases?: readonly string[];
  /** String type written; UTF8String unless said otherwise (RFC 5280 §4.1.2.4). */
  readonly tag?: number;
  /** Upper bound in characters (RFC 5280 appendix A.1). */
  readonly max?: number;
  readonly min?: number;
}

/** Attribute types that have a keyword; RFC 4514 §3 and the usual ones beyond. */
const attributeTypes: readonly AttributeType[] = [
  { oid: oids.commonName, keyword: 'CN', aliases: ['commonname'], max: 64 },
  { oid: oids.surname, keyword: 'SN', aliases: ['surname'], max: 32_768 },
  {
    oid: oids.serialNumber,
    keyword: 'serialNumber',
    aliases: ['serialnumber'],
    tag: tags.printableString,
    max: 64,
  },
  {
    oid: oids.countryName,
    keyword: 'C',
    aliases: ['countryname'],
    tag: tags.printableString,
    min: 2,
    max: 2,
  },
  { oid: oids.localityName, keyword: 'L', aliases: ['localityname'], max: 128 },
  { oid: oids.stateOrProvinceName, keyword: 'ST', aliases: ['stateorprovincename', 's'], max: 128 },
  { oid: oids.streetAddress, keyword: 'STREET', aliases: ['streetaddress'], max: 128 },
  { oid: oids.organizationName, keyword: 'O', aliases: ['organizationname'], max: 64 },
  { oid: oids.organizationalUnitName, keyword: 'OU', aliases: ['organizationalunitname'], max: 64 },
  { oid: oids.title, keyword: 'title', max: 64 },
  {
    oid: oids.businessCategory,
    keyword: 'businessCategory',
    aliases: ['businesscategory'],
    max: 128,
  },
  { oid: oids.postalCode, keyword: 'postalCode', aliases: ['postalcode'], max: 40 },
  { oid: oids.name, keyword: 'name', max: 32_768 },
  { oid: oids.givenName, keyword: 'GN', aliases: ['givenname'], max: 32_768 },
  { oid: oids.initials, keyword: 'initials', max: 32_768 },
  {
    oid: oids.generationQualifier,
    keyword: 'generationQualifier',
    aliases: ['generationqualifier'],
    max: 32_768,
  },
  {
    oid: oids.dnQualifier,
    keyword: 'dnQualifier',
    aliases: ['dnqualifier'],
    tag: tags.printableString,
  },
  { oid: oids.pseudonym, keyword: 'pseudonym', max: 128 },
  {
    oid: oids.organizationIdentifier,
    keyword: 'organizationIdentifier',
    aliases: ['organizationidentifier'],
  },
  { oid: oids.userId, keyword: 'UID', aliases: ['userid'], max: 256 },
  { oid: oids.domainComponent, keyword: 'DC', aliases: ['domaincomponent'], tag: tags.ia5String },
  {
    oid: oids.emailAddress,
    keyword: 'emailAddress',
    aliases: ['emailaddress', 'email', 'e'],
    tag: tags.ia5String,
    max: 255,
  },
];

const byOid = new Map(attributeTypes.map((type) => [type.oid, type]));
const byKeyword = new Map(
  attributeTypes.flatMap((type) =>
    [type.keyword.toLowerCase(), ...(type.aliases ?? [])].map((word) => [word, type] as const),
  ),
);

const clause = 'RFC 4514 §2';
const maxTextLength = 16_384;

function bad(text: string, problem: string): ChanceryError {
  return new ChanceryError('malformed', {
    message: `distinguished name ${JSON.stringify(text.slice(0, 120))}: ${problem}`,
    field: 'subject',
    clause,
  });
}

/** Checks length and alphabet of one attribute. @throws ChanceryError `malformed`. */
function checked(text: string, type: AttributeType, value: string): AttributeTypeAndValue {
  const length = Array.from(value).length;
  if (length < (type.min ?? 1) || (type.max !== undefined && length > type.max)) {
    throw bad(
      text,
      `${type.keyword} must have ${type.min ?? 1} to ${type.max ?? 'any number of'} characters, it has ${length} (RFC 5280 appendix A.1)`,
    );
  }
  if (type.tag === tags.printableString && !isPrintableString(value)) {
    throw bad(text, `${type.keyword} is limited to letters, digits, space and '()+,-./:=?`);
  }
  return { oid: type.oid, value, tag: type.tag ?? tags.utf8String };
}

/** A scanner of RFC 4514 §3; yields RDNs in the order written. */
class Scanner {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  get done(): boolean {
    return this.at >= this.text.length;
  }

  private skipSpace(): void {
    while (this.text[this.at] === ' ') this.at += 1;
  }

  /** One attribute and the separator behind it: `,` ends the RDN, `+` continues it. */
  attribute(): { attribute: AttributeTypeAndValue; separator: ',' | '+' | '' } {
    this.skipSpace();
    const equals = this.text.indexOf('=', this.at);
    if (equals < 0) throw bad(this.text, 'write it as CN=name,O=organization,C=DE');
    const keyword = this.text.slice(this.at, equals).trim();
    this.at = equals + 1;
    this.skipSpace();
    const attribute = this.text[this.at] === '#' ? this.hexValue(keyword) : this.value(keyword);
    const separator = this.text[this.at] ?? '';
    if (separator !== ',' && separator !== '+' && separator !== '') {
      throw bad(this.text, `unexpected ${JSON.stringify(separator)} after ${keyword}`);
    }
    this.at += 1;
    if (separator !== '' && this.done) throw bad(this.text, `it ends with ${separator}`);
    return { attribute, separator };
  }

  private typeOf(keyword: string): AttributeType {
    const known = byKeyword.get(keyword.toLowerCase()) ?? byOid.get(keyword);
    if (known !== undefined) return known;
    if (/^[0-2](\.(0|[1-9][0-9]*))+$/.test(keyword)) return { oid: keyword, keyword };
    const words = attributeTypes.map((type) => type.keyword).join(', ');
    throw bad(this.text, `unknown attribute ${JSON.stringify(keyword)}; use ${words} or an OID`);
  }

  private hexValue(keyword: string): AttributeTypeAndValue {
    const type = this.typeOf(keyword);
    const hex = /^#((?:[0-9a-fA-F]{2})+) */.exec(this.text.slice(this.at));
    if (hex?.[1] === undefined)
      throw bad(this.text, `${keyword}: # must be followed by hex octets`);
    this.at += hex[0].length;
    const raw = Uint8Array.from(Buffer.from(hex[1], 'hex'));
    try {
      const reader = readDer(raw);
      const { tag, content } = reader.element();
      if (isStringTag(tag)) return { oid: type.oid, value: decodeString(tag, content), tag };
      return { oid: type.oid, value: `#${toHex(raw)}`, tag };
    } catch (cause) {
      throw bad(this.text, `${keyword}: the hex is no DER value (${String(cause)})`);
    }
  }

  private value(keyword: string): AttributeTypeAndValue {
    const type = this.typeOf(keyword);
    const octets: number[] = [];
    // Length up to which spaces are part of the value: escaped ones and anything else.
    let kept = 0;
    for (;;) {
      const point = this.text.codePointAt(this.at);
      if (point === undefined) break;
      const character = String.fromCodePoint(point);
      if (character === ',' || character === '+') break;
      if ('";<>\0'.includes(character)) {
        throw bad(this.text, `${JSON.stringify(character)} must be escaped with a backslash`);
      }
      if (character === '\\') {
        this.escape(octets);
        kept = octets.length;
        continue;
      }
      octets.push(...Buffer.from(character, 'utf8'));
      this.at += character.length;
      if (character !== ' ') kept = octets.length;
    }
    const content = Uint8Array.from(octets.slice(0, kept));
    let value: string;
    try {
      value = decodeString(tags.utf8String, content);
    } catch {
      throw bad(this.text, `${keyword} is not UTF-8`);
    }
    return checked(this.text, type, value);
  }

  private escape(octets: number[]): void {
    const pair = this.text.slice(this.at + 1, this.at + 3);
    if (/^[0-9a-fA-F]{2}$/.test(pair)) {
      octets.push(Number.parseInt(pair, 16));
      this.at += 3;
      return;
    }
    const character = pair[0];
    if (character === undefined || !' "#+,;<=>\\'.includes(character)) {
      throw bad(
        this.text,
        'a backslash must precede two hex digits or one of space " # + , ; < = > \\',
      );
    }
    octets.push(character.charCodeAt(0));
    this.at += 2;
  }
}

/**
 * Reads a distinguished name as RFC 4514 writes it (most specific first: `CN=a,O=b,C=DE`).
 * UTF8String, except PrintableString for C, serialNumber and dnQualifier, and IA5String for DC
 * and emailAddress. Upper bounds of RFC 5280 appendix A.1 are enforced. Empty text is the empty name.
 *
 * @throws ChanceryError `malformed`, saying which attribute and why.
 */
export function parseDistinguishedName(text: string): Name {
  if (text.length > maxTextLength) throw bad(text, `longer than ${maxTextLength} characters`);
  if (!text.isWellFormed()) throw bad(text, 'it is no well-formed Unicode');
  const scanner = new Scanner(text);
  const rdns: AttributeTypeAndValue[][] = [];
  if (text.trim() === '') return encodeName([]);
  let rdn: AttributeTypeAndValue[] = [];
  while (!scanner.done) {
    const { attribute, separator } = scanner.attribute();
    rdn.push(attribute);
    if (separator !== '+') {
      rdns.push(rdn);
      rdn = [];
    }
  }
  return encodeName(rdns.reverse());
}

/** Nothing in it that needs an escape: almost every value. */
const plain = /^[A-Za-z0-9.*@_-](?:[A-Za-z0-9.*@_ -]*[A-Za-z0-9.*@_-])?$/;

function escaped(value: string): string {
  if (plain.test(value)) return value;
  const last = value.length - 1;
  return Array.from(value.matchAll(/./gsu), ({ 0: character, index }) => {
    const code = character.codePointAt(0) ?? 0;
    if (
      code < 0x20 ||
      code === 0x7f ||
      (code >= 0x80 && code < 0xa0) ||
      code === 0x2028 ||
      code === 0x2029
    ) {
      return toHex(Buffer.from(character, 'utf8')).replace(/../g, '\\$&');
    }
    if (',+"\\<>;='.includes(character)) return `\\${character}`;
    if (index === 0 && (character === ' ' || character === '#')) return `\\${character}`;
    if (index === last && character === ' ') return '\\ ';
    return character;
  }).join('');
}

function formatAttribute(attribute: AttributeTypeAndValue): string {
  const type = byOid.get(attribute.oid);
  if (!isStringTag(attribute.tag)) {
    return `${type?.keyword ?? attribute.oid}=${attribute.value}`;
  }
  if (type !== undefined) return `${type.keyword}=${escaped(attribute.value)}`;
  // RFC 4514 §2.4: a type in dotted form has its value as # and the hex of its DER.
  const der = encode({ name: 'Name', clause }, () => encodeValue(lenient(attribute)));
  return `${attribute.oid}=#${toHex(der)}`;
}

/** Values read leniently may not fit their own type; formatting never fails. */
function lenient(attribute: AttributeTypeAndValue): AttributeTypeAndValue {
  return attribute.tag === tags.printableString && !isPrintableString(attribute.value)
    ? { ...attribute, tag: tags.utf8String }
    : attribute;
}

/**
 * The name as RFC 4514 writes it, most specific RDN first. Controls are written as hex, so a
 * name can't break a line or a log. For people: never compare or authorise by it.
 */
export function formatDistinguishedName(name: Name): string {
  return [...name.rdns]
    .reverse()
    .map((rdn) => rdn.map(formatAttribute).join('+'))
    .join(',');
}
