import {
  contextPrimitive,
  type DerReader,
  explicit,
  integer,
  sequence,
  time,
} from '../der/index.ts';
import { readAlgorithmIdentifier } from './algorithms.ts';
import { decode, encode, refuse, type Structure } from './decoding.ts';
import { encodeExtensions, readExtensions } from './extensions/extension.ts';
import { readName } from './name.ts';
import { encodeSerialNumber, readSerialNumberBytes, serialNumberOf } from './serial-number.ts';
import { readSubjectPublicKeyInfo } from './subject-public-key-info.ts';
import type { Certificate, Extension, TbsCertificate, Validity } from './types.ts';

const tbsStructure: Structure = { name: 'TBSCertificate', clause: 'RFC 5280 §4.1.2' };
const structure: Structure = { name: 'Certificate', clause: 'RFC 5280 §4.1' };

/** What a TBSCertificate says; a Certificate adds the outer algorithm and the signature. */
export type ParsedTbsCertificate = Omit<Certificate, 'der' | 'signatureAlgorithm' | 'signature'>;

const version3 = explicit(0, integer(2));

/**
 * Encodes a TBSCertificate: version 3, no unique identifiers, the names' own bytes, times as
 * RFC 5280 §4.1.2.5 asks. What the fields should say is policy's and lint's to decide.
 *
 * @throws ChanceryError `malformed` when a field can't be encoded.
 */
export function encodeTbsCertificate(tbs: TbsCertificate): Uint8Array {
  return encode(tbsStructure, () => {
    const parts = [
      version3,
      encodeSerialNumber(tbs.serialNumber),
      tbs.signature.identifier.der,
      tbs.issuer.der,
      sequence(time(tbs.validity.notBefore), time(tbs.validity.notAfter)),
      tbs.subject.der,
      tbs.subjectPublicKeyInfo.der,
    ];
    if (tbs.extensions.length > 0) parts.push(explicit(3, encodeExtensions(tbs.extensions)));
    return sequence(...parts);
  });
}

function readVersion(body: DerReader): 1 | 2 | 3 {
  const wrapped = body.optional(0xa0);
  if (wrapped === undefined) return 1;
  const number = wrapped.smallInteger();
  wrapped.end();
  if (number === 1) return 2;
  if (number === 2) return 3;
  return refuse(`version ${number} (v1 is the default and must be left out)`, body);
}

function readValidity(reader: DerReader): Validity {
  const body = reader.sequence();
  const notBefore = body.time();
  const notAfter = body.time();
  body.end();
  return { notBefore, notAfter };
}

/** Unique identifiers are obsolete (RFC 5280 §4.1.2.8): foreign certificates may have them, nothing reads them. */
function skipUniqueIdentifiers(body: DerReader, version: 1 | 2 | 3): void {
  for (const n of [1, 2]) {
    if (!body.is(contextPrimitive(n))) continue;
    if (version === 1) refuse('a unique identifier in version 1', body);
    body.bitString(contextPrimitive(n));
  }
}

function readTbsCertificate(reader: DerReader): ParsedTbsCertificate {
  const { raw: tbsDer, body } = reader.captured();
  const version = readVersion(body);
  const serialNumberBytes = readSerialNumberBytes(body);
  const tbsSignature = readAlgorithmIdentifier(body);
  const issuer = readName(body);
  const validity = readValidity(body);
  const subject = readName(body);
  const subjectPublicKeyInfo = readSubjectPublicKeyInfo(body);
  skipUniqueIdentifiers(body, version);
  let extensions: Extension[] = [];
  const wrapped = body.optional(0xa3);
  if (wrapped !== undefined) {
    if (version !== 3) refuse('extensions need version 3', body);
    extensions = readExtensions(wrapped);
    wrapped.end();
  }
  body.end();
  return {
    tbsDer,
    version,
    serialNumber: serialNumberOf(serialNumberBytes),
    serialNumberBytes,
    tbsSignature,
    issuer,
    validity,
    subject,
    subjectPublicKeyInfo,
    extensions,
  };
}

/** Reads a Certificate where one is nested in another structure. */
export function readCertificate(reader: DerReader): Certificate {
  const { raw: der, body } = reader.captured();
  const tbs = readTbsCertificate(body);
  const signatureAlgorithm = readAlgorithmIdentifier(body);
  const signature = body.bitStringOctets();
  body.end();
  return { der, ...tbs, signatureAlgorithm, signature };
}

/**
 * Parses a TBSCertificate, as lint does with the bytes about to be signed.
 *
 * @throws ChanceryError `malformed`.
 */
export function parseTbsCertificate(tbsDer: Uint8Array): ParsedTbsCertificate {
  return decode(tbsStructure, tbsDer, readTbsCertificate);
}

/**
 * Parses a Certificate, our own or a foreign one. Strict DER; extensions once each; values of
 * extensions are left to their own parsers. Deliberately lenient in two things: the alphabet of
 * PrintableString in names, and unique identifiers, which are read over. That the two
 * AlgorithmIdentifiers agree (RFC 5280 §4.1.1.2) is checked by `verifyChain`, so that a
 * certificate that breaks the rule can still be shown.
 *
 * @throws ChanceryError `malformed`.
 */
export function parseCertificate(der: Uint8Array): Certificate {
  return decode(structure, der, readCertificate);
}
