import {
  bitString,
  boolean,
  element,
  explicit,
  generalizedTime,
  ia5String,
  integer,
  nullValue,
  octetString,
  oid,
  printableString,
  sequence,
  set,
  utcTime,
  utf8String,
} from '../../src/der/index.ts';

/**
 * Certificates built from parts, so that one part can be wrong and the rest right. The signature
 * is never looked at by the parser.
 */
const algorithm = sequence(oid('1.2.840.10045.4.3.2'));
const point = Uint8Array.of(
  4,
  ...Buffer.from(
    '6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5',
    'hex',
  ),
);
const ecAlgorithm = sequence(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7'));
const spki = sequence(ecAlgorithm, bitString(point));
const rdn = (value: Uint8Array): Uint8Array => set(sequence(oid('2.5.4.3'), value));
const name = sequence(rdn(utf8String('a')));
const from = utcTime(new Date('2026-01-01T00:00:00Z'));
const to = utcTime(new Date('2027-01-01T00:00:00Z'));
const extension = (id: string, value: Uint8Array): Uint8Array =>
  sequence(oid(id), octetString(value));
const keyIdentifier = extension('2.5.29.14', octetString(Uint8Array.of(1)));

interface Parts {
  readonly version: Uint8Array;
  readonly serialNumber: Uint8Array;
  readonly algorithm: Uint8Array;
  readonly issuer: Uint8Array;
  readonly validity: Uint8Array;
  readonly subject: Uint8Array;
  readonly spki: Uint8Array;
  readonly trailer: Uint8Array;
  readonly signature: Uint8Array;
}

const sound: Parts = {
  version: explicit(0, integer(2)),
  serialNumber: integer(5),
  algorithm,
  issuer: name,
  validity: sequence(from, to),
  subject: name,
  spki,
  trailer: explicit(3, sequence(keyIdentifier)),
  signature: bitString(Uint8Array.of(1, 2, 3)),
};

/** A certificate with some parts replaced. */
export function certificateOf(changes: Partial<Parts> = {}): Uint8Array {
  const p = { ...sound, ...changes };
  return sequence(
    sequence(
      p.version,
      p.serialNumber,
      p.algorithm,
      p.issuer,
      p.validity,
      p.subject,
      p.spki,
      p.trailer,
    ),
    p.algorithm,
    p.signature,
  );
}

const none = new Uint8Array(0);
const rsa = (modulus: Uint8Array, exponent: Uint8Array, parameters = nullValue()): Uint8Array =>
  sequence(
    sequence(oid('1.2.840.113549.1.1.1'), parameters),
    bitString(sequence(modulus, exponent)),
  );
const extensions = (...list: Uint8Array[]): Partial<Parts> => ({
  trailer: explicit(3, sequence(...list)),
});

/** Certificates that RFC 5280 (or X.690) forbids; the parser must refuse each. */
export const certificateDefects: readonly { readonly defect: string; readonly der: Uint8Array }[] =
  [
    { defect: 'serial number zero', der: certificateOf({ serialNumber: integer(0) }) },
    { defect: 'serial number negative', der: certificateOf({ serialNumber: integer(-5) }) },
    {
      defect: 'serial number of 21 octets',
      der: certificateOf({ serialNumber: integer(2n ** 160n) }),
    },
    {
      defect: 'serial number not minimal',
      der: certificateOf({ serialNumber: Uint8Array.of(2, 2, 0, 5) }),
    },
    {
      defect: 'version written as v1',
      der: certificateOf({ version: explicit(0, integer(0)), trailer: none }),
    },
    { defect: 'version 4', der: certificateOf({ version: explicit(0, integer(3)) }) },
    { defect: 'extensions in version 1', der: certificateOf({ version: none }) },
    { defect: 'extensions in version 2', der: certificateOf({ version: explicit(0, integer(1)) }) },
    {
      defect: 'unique identifier in version 1',
      der: certificateOf({ version: none, trailer: Uint8Array.of(0x81, 2, 0, 1) }),
    },
    { defect: 'empty Extensions', der: certificateOf(extensions()) },
    {
      defect: 'extension twice (X4)',
      der: certificateOf(extensions(keyIdentifier, keyIdentifier)),
    },
    {
      defect: 'critical FALSE written',
      der: certificateOf(
        extensions(
          sequence(oid('2.5.29.14'), boolean(false), octetString(octetString(Uint8Array.of(1)))),
        ),
      ),
    },
    {
      defect: 'critical TRUE as 01',
      der: certificateOf(
        extensions(sequence(oid('2.5.29.14'), Uint8Array.of(1, 1, 1), octetString(nullValue()))),
      ),
    },
    {
      defect: 'extension without a value',
      der: certificateOf(extensions(sequence(oid('2.5.29.14')))),
    },
    {
      defect: 'extension with a third part',
      der: certificateOf(
        extensions(sequence(oid('2.5.29.14'), octetString(nullValue()), nullValue())),
      ),
    },
    {
      defect: 'two extension fields',
      der: certificateOf({ trailer: Uint8Array.from([...sound.trailer, ...sound.trailer]) }),
    },
    {
      defect: 'octets behind the extensions',
      der: certificateOf({ trailer: Uint8Array.from([...sound.trailer, 5, 0]) }),
    },
    {
      defect: 'notBefore as GeneralizedTime before 2050 (X2)',
      der: certificateOf({
        validity: sequence(generalizedTime(new Date('2026-01-01T00:00:00Z')), to),
      }),
    },
    { defect: 'validity without notAfter', der: certificateOf({ validity: sequence(from) }) },
    {
      defect: 'validity with three times',
      der: certificateOf({ validity: sequence(from, to, to) }),
    },
    { defect: 'issuer with an empty RDN', der: certificateOf({ issuer: sequence(set()) }) },
    {
      defect: 'attribute without a value',
      der: certificateOf({ issuer: sequence(set(sequence(oid('2.5.4.3')))) }),
    },
    {
      defect: 'attribute value that is no UTF-8',
      der: certificateOf({ issuer: sequence(rdn(Uint8Array.of(0x0c, 1, 0xff))) }),
    },
    {
      defect: 'RDN out of order',
      der: certificateOf({
        issuer: sequence(
          set(
            sequence(oid('2.5.4.10'), utf8String('b')),
            sequence(oid('2.5.4.3'), utf8String('a')),
          ),
        ),
      }),
    },
    {
      defect: 'EC key without parameters',
      der: certificateOf({ spki: sequence(sequence(oid('1.2.840.10045.2.1')), bitString(point)) }),
    },
    {
      defect: 'EC key with explicit curve parameters',
      der: certificateOf({
        spki: sequence(sequence(oid('1.2.840.10045.2.1'), sequence(integer(1))), bitString(point)),
      }),
    },
    {
      defect: 'EC point cut short',
      der: certificateOf({ spki: sequence(ecAlgorithm, bitString(point.subarray(0, 64))) }),
    },
    {
      defect: 'EC point at infinity',
      der: certificateOf({ spki: sequence(ecAlgorithm, bitString(Uint8Array.of(0))) }),
    },
    {
      defect: 'EC point in hybrid form',
      der: certificateOf({
        spki: sequence(ecAlgorithm, bitString(Uint8Array.of(6, ...point.subarray(1)))),
      }),
    },
    {
      defect: 'RSA key without NULL',
      der: certificateOf({ spki: rsa(integer(2n ** 2047n + 1n), integer(65_537), none) }),
    },
    {
      defect: 'RSA modulus negative',
      der: certificateOf({ spki: rsa(integer(-5), integer(65_537)) }),
    },
    {
      defect: 'RSA exponent zero',
      der: certificateOf({ spki: rsa(integer(2n ** 2047n + 1n), integer(0)) }),
    },
    {
      defect: 'RSA modulus of 16,385 bits (I38)',
      der: certificateOf({ spki: rsa(integer(2n ** 16_384n), integer(65_537)) }),
    },
    {
      defect: 'RSA key with a third number',
      der: certificateOf({
        spki: sequence(
          sequence(oid('1.2.840.113549.1.1.1'), nullValue()),
          bitString(sequence(integer(5), integer(3), integer(1))),
        ),
      }),
    },
    {
      defect: 'Ed25519 with NULL parameters',
      der: certificateOf({
        spki: sequence(sequence(oid('1.3.101.112'), nullValue()), bitString(new Uint8Array(32))),
      }),
    },
    {
      defect: 'Ed25519 key of 31 octets',
      der: certificateOf({
        spki: sequence(sequence(oid('1.3.101.112')), bitString(new Uint8Array(31))),
      }),
    },
    {
      defect: 'key bits that are no octets',
      der: certificateOf({
        spki: sequence(
          ecAlgorithm,
          element(3, Uint8Array.of(1), point.subarray(0, 64), Uint8Array.of(0)),
        ),
      }),
    },
    {
      defect: 'signature with unused bits',
      der: certificateOf({ signature: bitString(Uint8Array.of(0xfe), 1) }),
    },
    {
      defect: 'parameters of the algorithm that are no DER',
      der: certificateOf({
        algorithm: sequence(oid('1.2.3'), Uint8Array.of(0x30, 3, 2, 1, 1).subarray(0, 4)),
      }),
    },
    {
      defect: 'algorithm with two parameters',
      der: certificateOf({ algorithm: sequence(oid('1.2.3'), nullValue(), nullValue()) }),
    },
    { defect: 'an octet behind the certificate', der: Uint8Array.from([...certificateOf(), 0]) },
    { defect: 'a certificate of a certificate', der: sequence(certificateOf()) },
  ];

/** A sound one of each kind that must be read, with why it is worth naming. */
export const soundCertificates: readonly { readonly trait: string; readonly der: Uint8Array }[] = [
  { trait: 'the parts unchanged', der: certificateOf() },
  { trait: 'version 1', der: certificateOf({ version: none, trailer: none }) },
  {
    trait: 'version 2 with a unique identifier',
    der: certificateOf({ version: explicit(0, integer(1)), trailer: Uint8Array.of(0x81, 2, 0, 1) }),
  },
  {
    trait: 'a serial number of 20 octets',
    der: certificateOf({ serialNumber: integer(2n ** 159n - 1n) }),
  },
  {
    trait: 'no end of validity',
    der: certificateOf({
      validity: sequence(from, generalizedTime(new Date('9999-12-31T23:59:59Z'))),
    }),
  },
  {
    trait: 'PrintableString with & (deployed CAs)',
    der: certificateOf({ issuer: sequence(rdn(element(0x13, Buffer.from('AT&T')))) }),
  },
  {
    trait: 'an attribute that is no string',
    der: certificateOf({ issuer: sequence(rdn(bitString(Uint8Array.of(1)))) }),
  },
  {
    trait: 'a key of an unknown algorithm',
    der: certificateOf({
      spki: sequence(sequence(oid('2.16.840.1.101.3.4.3.17')), bitString(new Uint8Array(1312))),
    }),
  },
  {
    trait: 'an unknown extension',
    der: certificateOf(extensions(extension('1.2.3.4', ia5String('x')))),
  },
  {
    trait: 'a compressed EC point',
    der: certificateOf({
      spki: sequence(ecAlgorithm, bitString(Uint8Array.of(3, ...point.subarray(1, 33)))),
    }),
  },
  { trait: 'an empty subject', der: certificateOf({ subject: sequence() }) },
  {
    trait: 'a multi-valued RDN',
    der: certificateOf({
      issuer: sequence(
        set(
          sequence(oid('2.5.4.3'), printableString('a')),
          sequence(oid('2.5.4.10'), printableString('b')),
        ),
      ),
    }),
  },
];
