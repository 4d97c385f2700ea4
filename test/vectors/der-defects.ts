import type { DerReader } from '../../src/der/index.ts';

/** One defect of an encoding: how it is read, and what the refusal must say. */
export interface DerDefect {
  readonly defect: string;
  readonly hex: string;
  readonly read: (reader: DerReader) => unknown;
  readonly says: RegExp;
}

const raw = (reader: DerReader): unknown => reader.raw();
const integer = (reader: DerReader): unknown => reader.integer();
const oid = (reader: DerReader): unknown => reader.oid();
const time = (reader: DerReader): unknown => reader.time();
const text =
  (tag: number) =>
  (reader: DerReader): unknown =>
    reader.string(tag);
const ascii = (value: string): string => Buffer.from(value, 'latin1').toString('hex');

/** Encodings that BER allows, or nobody does, and DER refuses; named by what is wrong. */
export const derDefects: readonly DerDefect[] = [
  { defect: 'no octet at all', hex: '', read: raw, says: /missing/ },
  { defect: 'tag without length', hex: '30', read: raw, says: /length is missing/ },
  { defect: 'content truncated', hex: '0402aa', read: raw, says: /truncated/ },
  { defect: 'length octets truncated', hex: '3082ff', read: raw, says: /length truncated/ },
  { defect: 'indefinite length', hex: '30800000', read: raw, says: /indefinite/ },
  { defect: 'long form for a short length', hex: '0481017f', read: raw, says: /not minimal/ },
  {
    defect: 'leading zero in the length',
    hex: `04820080${'00'.repeat(128)}`,
    read: raw,
    says: /not minimal/,
  },
  { defect: 'length of five octets', hex: '04850000000001ff', read: raw, says: /more than 4/ },
  {
    defect: 'length of 4 GiB in three octets',
    hex: '0484ffffffff00',
    read: raw,
    says: /truncated/,
  },
  { defect: 'reserved first length octet', hex: '04ff', read: raw, says: /more than 4/ },
  { defect: 'octet after the element', hex: '050000', read: raw, says: /too many/ },
  { defect: 'high tag number below 31', hex: '1f1e00', read: raw, says: /not minimal/ },
  {
    defect: 'high tag number with a leading zero group',
    hex: '1f801f00',
    read: raw,
    says: /not minimal/,
  },
  { defect: 'high tag number truncated', hex: '1f81', read: raw, says: /truncated/ },
  { defect: 'high tag number of four groups', hex: '1f8181818100', read: raw, says: /above/ },

  { defect: 'INTEGER without content', hex: '0200', read: integer, says: /without content/ },
  { defect: 'INTEGER with a leading 00', hex: '02020001', read: integer, says: /not minimal/ },
  { defect: 'INTEGER with a leading ff', hex: '0202ff80', read: integer, says: /not minimal/ },
  { defect: 'BOOLEAN 01', hex: '010101', read: (r) => r.boolean(), says: /neither/ },
  { defect: 'BOOLEAN of two octets', hex: '0102ffff', read: (r) => r.boolean(), says: /neither/ },
  { defect: 'BOOLEAN without content', hex: '0100', read: (r) => r.boolean(), says: /neither/ },
  { defect: 'NULL with content', hex: '050100', read: (r) => r.nullValue(), says: /NULL/ },
  {
    defect: 'negative small INTEGER',
    hex: '0201ff',
    read: (r) => r.smallInteger(),
    says: /negative/,
  },
  {
    defect: 'small INTEGER of five octets',
    hex: '02050100000000',
    read: (r) => r.smallInteger(),
    says: /above/,
  },
  { defect: 'ENUMERATED negative', hex: '0a0180', read: (r) => r.enumerated(), says: /negative/ },

  {
    defect: 'BIT STRING without the count',
    hex: '0300',
    read: (r) => r.bitString(),
    says: /without content/,
  },
  {
    defect: 'BIT STRING with 8 unused bits',
    hex: '030208ff',
    read: (r) => r.bitString(),
    says: /unused/,
  },
  {
    defect: 'empty BIT STRING with unused bits',
    hex: '030101',
    read: (r) => r.bitString(),
    says: /unused/,
  },
  {
    defect: 'unused bits that are ones',
    hex: '030201ff',
    read: (r) => r.bitString(),
    says: /not zero/,
  },
  {
    defect: 'key bits that are no octets',
    hex: '030204f0',
    read: (r) => r.bitStringOctets(),
    says: /whole octets/,
  },
  {
    defect: 'constructed BIT STRING',
    hex: '230403020000',
    read: (r) => r.bitString(),
    says: /expected/,
  },
  {
    defect: 'constructed OCTET STRING',
    hex: '2403040100',
    read: (r) => r.octetString(),
    says: /expected/,
  },

  { defect: 'OID without content', hex: '0600', read: oid, says: /without content/ },
  { defect: 'OID arc truncated', hex: '06022a86', read: oid, says: /truncated/ },
  { defect: 'OID arc with a leading 80', hex: '06032a8001', read: oid, says: /not minimal/ },
  { defect: 'OID of 129 octets', hex: `068181${'01'.repeat(129)}`, read: oid, says: /longer/ },

  {
    defect: 'SET OF out of order',
    hex: '3106020102020101',
    read: (r) => r.setOf(),
    says: /ascending/,
  },
  {
    defect: 'SEQUENCE where a SET is due',
    hex: '3000',
    read: (r) => r.setOf(),
    says: /expected SET/,
  },

  {
    defect: 'UTCTime without seconds',
    hex: `170b${ascii('2611210000Z')}`,
    read: time,
    says: /YYMMDD/,
  },
  {
    defect: 'UTCTime with an offset',
    hex: `1711${ascii('261121000000+0000')}`,
    read: time,
    says: /YYMMDD/,
  },
  {
    defect: 'UTCTime of February 30',
    hex: `170d${ascii('260230000000Z')}`,
    read: time,
    says: /calendar/,
  },
  {
    defect: 'UTCTime of month 13',
    hex: `170d${ascii('261301000000Z')}`,
    read: time,
    says: /calendar/,
  },
  {
    defect: 'UTCTime of day 0',
    hex: `170d${ascii('260100000000Z')}`,
    read: time,
    says: /calendar/,
  },
  {
    defect: 'UTCTime of hour 24',
    hex: `170d${ascii('260101240000Z')}`,
    read: time,
    says: /calendar/,
  },
  {
    defect: 'UTCTime of second 60',
    hex: `170d${ascii('260101000060Z')}`,
    read: time,
    says: /calendar/,
  },
  {
    defect: 'UTCTime with a sign',
    hex: `170d${ascii('26010100+060Z')}`,
    read: time,
    says: /digit/,
  },
  {
    defect: 'GeneralizedTime with a fraction',
    hex: `1811${ascii('20500101000000.5Z')}`,
    read: time,
    says: /YYYYMMDD/,
  },
  {
    defect: 'GeneralizedTime without Z',
    hex: `180e${ascii('20500101000000')}`,
    read: time,
    says: /YYYYMMDD/,
  },
  {
    defect: 'GeneralizedTime before 2050 as Time',
    hex: `180f${ascii('20491231235959Z')}`,
    read: time,
    says: /before 2050/,
  },
  {
    defect: 'GeneralizedTime of February 29, 2100',
    hex: `180f${ascii('21000229000000Z')}`,
    read: time,
    says: /calendar/,
  },

  { defect: 'UTF8String of an overlong slash', hex: '0c02c0af', read: text(0x0c), says: /UTF-8/ },
  { defect: 'UTF8String of a surrogate', hex: '0c03eda080', read: text(0x0c), says: /UTF-8/ },
  {
    defect: 'PrintableString with @',
    hex: `1303${ascii('a@b')}`,
    read: text(0x13),
    says: /alphabet/,
  },
  { defect: 'IA5String with é', hex: '1601e9', read: text(0x16), says: /127/ },
  { defect: 'NumericString with a letter', hex: '120161', read: text(0x12), says: /Numeric/ },
  { defect: 'VisibleString with a newline', hex: '1a010a', read: text(0x1a), says: /control/ },
  { defect: 'BMPString of odd length', hex: '1e03004100', read: text(0x1e), says: /odd/ },
  {
    defect: 'BMPString with half a surrogate pair',
    hex: '1e02d800',
    read: text(0x1e),
    says: /surrogate/,
  },
  {
    defect: 'UniversalString above Unicode',
    hex: '1c0400110000',
    read: text(0x1c),
    says: /Unicode/,
  },
];

/** Encodings that only a walk to the last leaf finds wrong (X.690 §10, §11). */
export const deepDefects: readonly { readonly defect: string; readonly hex: string }[] = [
  { defect: 'non-minimal INTEGER inside', hex: '3006300402020001' },
  { defect: 'BOOLEAN 01 inside', hex: '3003010101' },
  { defect: 'constructed OCTET STRING inside', hex: '30052403040100' },
  { defect: 'primitive SEQUENCE', hex: '30021000' },
  { defect: 'end-of-contents inside', hex: '30020000' },
  { defect: 'content of an element reaching beyond its parent', hex: '30030402aa' },
  { defect: 'indefinite length inside a context tag', hex: 'a00430800000' },
];
