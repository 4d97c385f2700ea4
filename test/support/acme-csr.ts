/** PKCS#10 requests put together octet by octet: right ones, and those that clients must not send. */
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { isIP } from 'node:net';
import {
  bitString,
  boolean,
  element,
  integer,
  octetString,
  oid,
  sequence,
  set,
  utf8String,
} from '../../src/der/index.ts';

export interface Csr {
  readonly der: Uint8Array;
  readonly privateKey: KeyObject;
}

export interface CsrOptions {
  /** An EC or RSA private key; default a new P-256 one. */
  readonly privateKey?: KeyObject | undefined;
  readonly commonNames?: readonly string[] | undefined;
  /** GeneralNames after those of `names`. */
  readonly more?: readonly Uint8Array[] | undefined;
  /** Further extensions of the same extensionRequest attribute. */
  readonly extensions?: readonly Uint8Array[] | undefined;
  /** Further extensionRequest attributes. */
  readonly attributes?: readonly (readonly Uint8Array[])[] | undefined;
  readonly criticalNames?: boolean | undefined;
  /** Signs with another key than the one inside. */
  readonly signedBy?: KeyObject | undefined;
}

const extensionRequest = '1.2.840.113549.1.9.14';
const subjectAltName = '2.5.29.17';

export function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

/** A request for these DNS names and addresses. */
export function csr(names: readonly string[], options: CsrOptions = {}): Csr {
  const privateKey = options.privateKey ?? newKey();
  const general = [...names.map(generalName), ...(options.more ?? [])];
  const extensions = [
    ...(general.length === 0
      ? []
      : [extension(subjectAltName, sequence(...general), options.criticalNames)]),
    ...(options.extensions ?? []),
  ];
  const attributes = [extensions, ...(options.attributes ?? [])].filter(({ length }) => length > 0);
  const info = sequence(
    integer(0),
    sequence(
      ...(options.commonNames ?? []).map((name) => set(sequence(oid('2.5.4.3'), utf8String(name)))),
    ),
    createPublicKey(privateKey).export({ format: 'der', type: 'spki' }),
    element(
      0xa0,
      ...attributes.map((one) => sequence(oid(extensionRequest), set(sequence(...one)))),
    ),
  );
  const signer = options.signedBy ?? privateKey;
  const algorithm =
    signer.asymmetricKeyType === 'rsa'
      ? sequence(oid('1.2.840.113549.1.1.11'), element(0x05))
      : sequence(oid('1.2.840.10045.4.3.2'));
  return {
    der: sequence(info, algorithm, bitString(sign('sha256', info, signer))),
    privateKey,
  };
}

export function extension(id: string, value: Uint8Array, critical = false): Uint8Array {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(value));
}

/** A subjectAltName extension of its own, for a second attribute or a duplicate. */
export function namesExtension(...general: readonly Uint8Array[]): Uint8Array {
  return extension(subjectAltName, sequence(...general));
}

export function generalName(name: string): Uint8Array {
  return isIP(name) === 0 ? dnsName(name) : element(0x87, address(name));
}

export function dnsName(name: string): Uint8Array {
  return element(0x82, Buffer.from(name, 'latin1'));
}

export function emailName(name: string): Uint8Array {
  return element(0x81, Buffer.from(name));
}

export function uriName(uri: string): Uint8Array {
  return element(0x86, Buffer.from(uri));
}

/** otherName with a UTF8String, say a user principal name. */
export function otherName(id: string, value: string): Uint8Array {
  return element(0xa0, oid(id), element(0xa0, utf8String(value)));
}

/** IPv4, or IPv6 written with all groups or one `::`. */
function address(text: string): Uint8Array {
  if (isIP(text) === 4) return Uint8Array.from(text.split('.').map(Number));
  const [head = '', tail] = text.split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return Uint8Array.from(
    [...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 255]),
  );
}
