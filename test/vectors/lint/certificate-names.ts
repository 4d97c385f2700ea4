import type { CertificateVector } from './certificate-parts.ts';
import * as c from './certificate-parts.ts';
import type { Bytes } from './der.ts';
import {
  commonName,
  hex,
  ia5,
  latin1,
  name,
  oid,
  printable,
  seq,
  set,
  tlv,
  utf8String,
} from './der.ts';

const { asCa, asEndEntity } = c;

const subject = (
  defect: string,
  lint: string,
  bytes: Bytes,
  also: readonly string[] = [],
): CertificateVector => ({
  name: defect,
  lint,
  also,
  der: c.endEntity({ subject: bytes }),
  context: asEndEntity,
});
const names = (defect: string, lint: string, ...list: readonly Bytes[]): CertificateVector => ({
  name: defect,
  lint,
  der: c.endEntity({ extensions: { names: c.alternativeNames(list) } }),
  context: asEndEntity,
});
const email = (text: string): Bytes => tlv(0x81, latin1(text));

/** Defects in the subject and in subjectAltName. */
export const nameVectors: readonly CertificateVector[] = [
  {
    name: 'ca-without-subject',
    lint: 'subject-present',
    der: c.ca({ subject: seq() }),
    context: asCa,
  },
  {
    name: 'nobody-named',
    lint: 'subject-present',
    der: c.endEntity({ subject: seq(), extensions: { names: null } }),
    context: asEndEntity,
  },
  {
    name: 'alternative-name-critical-beside-subject',
    lint: 'subject-alternative-name-criticality',
    der: c.endEntity({ extensions: { names: c.alternativeNames([c.dns('a.example')], true) } }),
    context: asEndEntity,
  },
  {
    name: 'alternative-name-not-critical-without-subject',
    lint: 'subject-alternative-name-criticality',
    der: c.endEntity({ subject: seq() }),
    context: asEndEntity,
  },
  names('x400-address', 'general-name-type', tlv(0xa3, seq())),
  names('edi-party-name', 'general-name-type', tlv(0xa5, tlv(0xa1, utf8String('x')))),
  names('dns-name-with-nul', 'general-name-ia5', c.dns('a.example\u0000.evil')),
  names('dns-name-in-latin1', 'general-name-ia5', c.dns('b\u00fccher.example')),
  names('email-with-newline', 'general-name-ia5', email('a@example\n')),
  names('dns-name-single-blank', 'general-name-ia5', c.dns(' ')),
  names('dns-name-empty', 'dns-name-syntax', c.dns('')),
  names('dns-name-underscore', 'dns-name-syntax', c.dns('a_b.example')),
  names('dns-name-trailing-dot', 'dns-name-syntax', c.dns('a.example.')),
  names('dns-name-label-of-64', 'dns-name-syntax', c.dns(`${'a'.repeat(64)}.example`)),
  names('dns-name-of-254', 'dns-name-syntax', c.dns(`${'a.'.repeat(126)}aa`)),
  names('dns-name-inner-wildcard', 'dns-name-syntax', c.dns('a.*.example')),
  names('dns-name-partial-wildcard', 'dns-name-syntax', c.dns('w*.example')),
  names('dns-name-bare-wildcard', 'dns-name-syntax', c.dns('*')),
  names('dns-name-is-an-address', 'dns-name-syntax', c.dns('127.0.0.1')),
  names('ip-address-of-5-octets', 'ip-address-octets', tlv(0x87, hex('7f00000100'))),
  names('ip-address-as-text', 'ip-address-octets', tlv(0x87, latin1('127.0.0.1'))),
  names('email-without-host', 'email-syntax', email('a@')),
  names('email-with-display-name', 'email-syntax', email('<a@example>')),
  names('uri-relative', 'uri-syntax', c.uri('/a/b')),
  names('uri-without-host', 'uri-syntax', c.uri('https:///a')),
  names('directory-name-empty', 'directory-name-not-empty', tlv(0xa4, seq())),
  subject(
    'relative-name-empty',
    'relative-name-not-empty',
    seq(set(), set(seq(oid('2.5.4.3'), utf8String('a')))),
  ),
  subject(
    'attribute-type-twice-in-one-relative-name',
    'relative-name-not-empty',
    seq(set(seq(oid('2.5.4.3'), utf8String('a')), seq(oid('2.5.4.3'), utf8String('b')))),
  ),
  subject(
    'common-name-teletex',
    'attribute-string-type',
    name(['2.5.4.3', tlv(0x14, latin1('a'))]),
  ),
  subject('common-name-bmp', 'attribute-string-type', name(['2.5.4.3', tlv(0x1e, hex('0061'))])),
  subject('country-utf8', 'attribute-string-type', name(['2.5.4.6', utf8String('DE')])),
  subject(
    'domain-component-utf8',
    'attribute-string-type',
    name(['0.9.2342.19200300.100.1.25', utf8String('example')]),
  ),
  names(
    'directory-name-with-teletex',
    'attribute-string-type',
    tlv(0xa4, name(['2.5.4.3', tlv(0x14, latin1('a'))])),
  ),
  subject('common-name-with-nul', 'attribute-characters', commonName('a\u0000b')),
  subject(
    'common-name-not-utf8',
    'attribute-characters',
    name(['2.5.4.3', tlv(0x0c, hex('c328'))]),
  ),
  subject('printable-string-with-at', 'attribute-characters', name(['2.5.4.3', printable('a@b')])),
  subject(
    'domain-component-not-ia5',
    'attribute-characters',
    name(['0.9.2342.19200300.100.1.25', ia5('b\u00fccher')]),
  ),
  subject('common-name-of-65-characters', 'attribute-length', commonName('ä'.repeat(65))),
  subject('common-name-empty', 'attribute-length', commonName('')),
  subject('country-of-three-letters', 'country-name', name(['2.5.4.6', printable('DEU')])),
  subject('country-in-small-letters', 'country-name', name(['2.5.4.6', printable('de')])),
];
