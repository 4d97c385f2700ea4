import {
  checkDer,
  type DerReader,
  element,
  explicit,
  isIa5String,
  oid,
  sequence,
  tags,
} from '../der/index.ts';
import { decode, encode, refuse, type Structure, toHex } from './decoding.ts';
import { formatDistinguishedName } from './distinguished-name.ts';
import { formatIpAddress } from './ip-address.ts';
import { readName } from './name.ts';
import type { GeneralName } from './types.ts';

const structure: Structure = { name: 'GeneralName', clause: 'RFC 5280 §4.2.1.6' };

/** Where a GeneralName stands: an iPAddress has 4 or 16 octets, in name constraints 8 or 32. */
export type GeneralNamePlace = 'name' | 'constraint';

function ipLengthFits(length: number, place: GeneralNamePlace): boolean {
  return place === 'name' ? length === 4 || length === 16 : length === 8 || length === 32;
}

function ia5(reader: DerReader, tag: number, place: GeneralNamePlace): string {
  const content = reader.content(tag);
  const text = Buffer.from(content).toString('latin1');
  if (!isIa5String(text)) refuse('a name with an octet above 127 is no IA5String', reader);
  // In name constraints an empty name is the whole space (RFC 5280 §4.2.1.10).
  if (text === '' && place === 'name') refuse('an empty name', reader);
  return text;
}

/** Reads one GeneralName. Names that are not IA5, empty, or IP addresses of a wrong length are refused. */
export function readGeneralName(reader: DerReader, place: GeneralNamePlace = 'name'): GeneralName {
  if (reader.is(0xa0)) {
    const body = reader.enter(0xa0);
    const typeId = body.oid();
    const wrapped = body.explicit(0);
    const value = wrapped.raw();
    wrapped.end();
    body.end();
    checkDer(value);
    return { type: 'otherName', typeId, value };
  }
  if (reader.is(0x81)) return { type: 'rfc822Name', value: ia5(reader, 0x81, place) };
  if (reader.is(0x82)) return { type: 'dNSName', value: ia5(reader, 0x82, place) };
  if (reader.is(0xa3)) {
    const der = reader.raw();
    checkDer(der);
    return { type: 'x400Address', der };
  }
  if (reader.is(0xa4)) {
    const wrapped = reader.enter(0xa4);
    const name = readName(wrapped);
    wrapped.end();
    return { type: 'directoryName', name };
  }
  if (reader.is(0xa5)) {
    const der = reader.raw();
    checkDer(der);
    return { type: 'ediPartyName', der };
  }
  if (reader.is(0x86)) {
    return { type: 'uniformResourceIdentifier', value: ia5(reader, 0x86, place) };
  }
  if (reader.is(0x87)) {
    const bytes = reader.content(0x87);
    if (!ipLengthFits(bytes.length, place)) {
      refuse(`iPAddress of ${bytes.length} octets`, reader);
    }
    return { type: 'iPAddress', bytes };
  }
  if (reader.is(0x88)) return { type: 'registeredID', oid: reader.oid(0x88) };
  const { tag } = reader.element();
  return refuse(`tag 0x${tag.toString(16)} is no GeneralName`, reader);
}

/** Reads GeneralNames behind the given tag (SEQUENCE unless IMPLICIT); at least one. */
export function readGeneralNames(reader: DerReader, tag: number = tags.sequence): GeneralName[] {
  const body = reader.enter(tag, 'GeneralNames');
  const names: GeneralName[] = [];
  while (!body.done) names.push(readGeneralName(body));
  if (names.length === 0) refuse('GeneralNames without a name (SIZE 1..MAX)', reader);
  return names;
}

/**
 * Parses GeneralNames.
 *
 * @throws ChanceryError `malformed`, also when the SEQUENCE is empty.
 */
export function parseGeneralNames(der: Uint8Array): GeneralName[] {
  return decode({ ...structure, name: 'GeneralNames' }, der, (reader) => readGeneralNames(reader));
}

function ia5Element(tag: number, text: string, place: GeneralNamePlace): Uint8Array {
  if (!isIa5String(text)) {
    refuse(
      `${JSON.stringify(text.slice(0, 80))} is not ASCII: write host names as A-labels (xn--)`,
    );
  }
  if (text === '' && place === 'name') refuse('an empty name');
  return element(tag, Buffer.from(text, 'latin1'));
}

function write(name: GeneralName, place: GeneralNamePlace): Uint8Array {
  switch (name.type) {
    case 'otherName':
      checkDer(name.value);
      return element(0xa0, oid(name.typeId), explicit(0, name.value));
    case 'rfc822Name':
      return ia5Element(0x81, name.value, place);
    case 'dNSName':
      return ia5Element(0x82, name.value, place);
    case 'x400Address':
    case 'ediPartyName':
      checkDer(name.der);
      if (name.der[0] !== (name.type === 'x400Address' ? 0xa3 : 0xa5)) {
        refuse(`${name.type} with a wrong tag`);
      }
      return name.der;
    case 'directoryName':
      return explicit(4, name.name.der);
    case 'uniformResourceIdentifier':
      return ia5Element(0x86, name.value, place);
    case 'iPAddress':
      if (!ipLengthFits(name.bytes.length, place)) {
        refuse(`iPAddress of ${name.bytes.length} octets`);
      }
      return element(0x87, name.bytes);
    case 'registeredID': {
      const encoded = oid(name.oid).slice();
      encoded[0] = 0x88;
      return encoded;
    }
    default:
      return name satisfies never;
  }
}

/**
 * Encodes one GeneralName. Names must be ASCII (host names as A-labels) and not empty.
 *
 * @throws ChanceryError `malformed`.
 */
export function encodeGeneralName(name: GeneralName, place: GeneralNamePlace = 'name'): Uint8Array {
  return encode(structure, () => write(name, place));
}

/**
 * Encodes GeneralNames (SEQUENCE SIZE 1..MAX).
 *
 * @throws ChanceryError `malformed`, also for an empty list.
 */
export function encodeGeneralNames(names: readonly GeneralName[]): Uint8Array {
  return encode({ ...structure, name: 'GeneralNames' }, () => {
    if (names.length === 0) refuse('GeneralNames without a name (SIZE 1..MAX)');
    return sequence(...names.map((name) => write(name, 'name')));
  });
}

/** Quoted as JSON when the value could be taken for more than one name, or break a line. */
function quoted(value: string): string {
  return /^[A-Za-z0-9._~:/?#[\]@!$&'()*+;=%-]+$/.test(value) ? value : JSON.stringify(value);
}

/**
 * Text for people: `DNS:a`, `IP:192.0.2.1`, `email:`, `URI:`, `dirName:`, `RID:`, `otherName:`.
 * A value with a comma, quote, space or control is quoted, so that one name never reads as two.
 * Never authorise by this text.
 */
export function formatGeneralName(name: GeneralName): string {
  switch (name.type) {
    case 'otherName':
      return `otherName:${name.typeId}:${toHex(name.value)}`;
    case 'rfc822Name':
      return `email:${quoted(name.value)}`;
    case 'dNSName':
      return `DNS:${quoted(name.value)}`;
    case 'x400Address':
      return `x400:${toHex(name.der)}`;
    case 'directoryName':
      return `dirName:${JSON.stringify(formatDistinguishedName(name.name))}`;
    case 'ediPartyName':
      return `ediParty:${toHex(name.der)}`;
    case 'uniformResourceIdentifier':
      return `URI:${quoted(name.value)}`;
    case 'iPAddress':
      return `IP:${formatIpAddress(name.bytes)}`;
    case 'registeredID':
      return `RID:${name.oid}`;
    default:
      return name satisfies never;
  }
}
