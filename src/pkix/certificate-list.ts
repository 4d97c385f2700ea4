import {
  concat,
  DerError,
  DerReader,
  explicit,
  header,
  headerSize,
  integer,
  tags,
  time,
} from '../der/index.ts';
import { readAlgorithmIdentifier } from './algorithms.ts';
import { asMalformed, decode, refuse, type Structure } from './decoding.ts';
import {
  encodeFreshestCrl,
  encodeIssuingDistributionPoint,
} from './extensions/distribution-points.ts';
import { encodeExtensions, findExtension, readExtensions } from './extensions/extension.ts';
import { encodeAuthorityKeyIdentifier } from './extensions/key-identifiers.ts';
import {
  encodeCrlNumber,
  encodeDeltaCrlIndicator,
  encodeExpiredCertsOnCrl,
  parseCrlNumber,
  parseDeltaCrlIndicator,
} from './extensions/revocation.ts';
import { readName } from './name.ts';
import { oids } from './oids.ts';
import {
  maxEntryLength,
  type ParsedRevokedCertificate,
  readRevokedCertificate,
  revokedStructure,
  writeRevokedCertificate,
} from './revoked-certificate.ts';
import type { CertificateList, Extension, RevokedCertificate, TbsCertList } from './types.ts';

/** A list of 10 million entries with reasons has about 400 MB. */
export const maxCrlSize = 512 * 1024 * 1024;
const tbsStructure: Structure = {
  name: 'TBSCertList',
  clause: 'RFC 5280 §5.1.2',
  maxSize: maxCrlSize,
};
const structure: Structure = {
  name: 'CertificateList',
  clause: 'RFC 5280 §5.1',
  maxSize: maxCrlSize,
};

/** What a TBSCertList says; a CertificateList adds the outer algorithm and the signature. */
export type ParsedTbsCertList = Omit<CertificateList, 'der' | 'signatureAlgorithm' | 'signature'>;

const version2 = integer(1);

/** What stands before and behind the entries of a TBSCertList: its octets are head, entries, tail. */
export interface TbsCertListFrame {
  /** Up to and with the header of revokedCertificates, when there are entries. */
  readonly head: Uint8Array;
  /** The extensions. */
  readonly tail: Uint8Array;
  /** Octets of the whole TBSCertList. */
  readonly octets: number;
}

function extensionsOf(tbs: TbsCertList): Extension[] {
  const extensions = [
    encodeAuthorityKeyIdentifier(tbs.authorityKeyIdentifier),
    encodeCrlNumber(tbs.crlNumber),
  ];
  if (tbs.baseCrlNumber !== undefined) extensions.push(encodeDeltaCrlIndicator(tbs.baseCrlNumber));
  if (tbs.issuingDistributionPoint !== undefined) {
    extensions.push(encodeIssuingDistributionPoint(tbs.issuingDistributionPoint));
  }
  if (tbs.freshestCrl !== undefined) {
    if (tbs.baseCrlNumber !== undefined) refuse('freshestCRL in a delta CRL (RFC 5280 §5.2.6)');
    extensions.push(encodeFreshestCrl(tbs.freshestCrl));
  }
  if (tbs.expiredCertsOnCrl !== undefined) {
    extensions.push(encodeExpiredCertsOnCrl(tbs.expiredCertsOnCrl));
  }
  return extensions;
}

/**
 * Encodes a TBSCertList (version 2) around entries that are encoded elsewhere: AKI, CRL number
 * and, where there are such, deltaCRLIndicator, issuing distribution point, freshestCRL and
 * expiredCertsOnCRL. Without entries the revokedCertificates element is absent, never empty
 * (RFC 5280 §5.1.2.6).
 *
 * @param entriesLength octets of all entries
 * @throws ChanceryError `malformed`.
 */
export function encodeTbsCertListFrame(tbs: TbsCertList, entriesLength: number): TbsCertListFrame {
  try {
    const tail = explicit(0, encodeExtensions(extensionsOf(tbs)));
    const parts = [
      version2,
      tbs.signature.identifier.der,
      tbs.issuer.der,
      time(tbs.thisUpdate),
      time(tbs.nextUpdate),
    ];
    if (entriesLength > 0) parts.push(header(tags.sequence, entriesLength));
    let length = entriesLength + tail.length;
    for (const part of parts) length += part.length;
    const octets = length + headerSize(length);
    if (octets > maxCrlSize) refuse(`larger than ${maxCrlSize} octets`);
    return { head: concat([header(tags.sequence, length), ...parts]), tail, octets };
  } catch (error) {
    throw asMalformed(tbsStructure, error);
  }
}

const chunkLength = 1 << 20;

/**
 * Encodes a TBSCertList from entries, in the order given, in one pass.
 *
 * @throws ChanceryError `malformed`. That each serial number occurs once is the caller's to know:
 * checking it here would hold a million of them.
 */
export function encodeTbsCertList(
  tbs: TbsCertList,
  entries: Iterable<RevokedCertificate>,
): Uint8Array {
  const chunks: Uint8Array[] = [];
  let total = 0;
  let chunk = new Uint8Array(8192);
  let used = 0;
  try {
    for (const entry of entries) {
      if (chunk.length - used < maxEntryLength) {
        chunks.push(chunk.subarray(0, used));
        total += used;
        chunk = new Uint8Array(chunkLength);
        used = 0;
      }
      used = writeRevokedCertificate(chunk, used, entry);
    }
  } catch (error) {
    throw asMalformed(revokedStructure, error);
  }
  chunks.push(chunk.subarray(0, used));
  const { head, tail } = encodeTbsCertListFrame(tbs, total + used);
  return concat([head, ...chunks, tail]);
}

/** Walks encoded entries one by one. */
function* walk(encoded: Uint8Array, version: 1 | 2): IterableIterator<ParsedRevokedCertificate> {
  const reader = new DerReader(encoded, 0, encoded.length, 8);
  while (!reader.done) {
    let entry: ParsedRevokedCertificate;
    try {
      entry = readRevokedCertificate(reader, version);
    } catch (error) {
      throw asMalformed(revokedStructure, error);
    }
    yield entry;
  }
}

function isTime(reader: DerReader): boolean {
  return reader.is(tags.utcTime) || reader.is(tags.generalizedTime);
}

function readTbsCertList(reader: DerReader): ParsedTbsCertList {
  const { raw: tbsDer, body } = reader.captured();
  let version: 1 | 2 = 1;
  if (body.is(tags.integer)) {
    if (body.smallInteger() !== 1) refuse('version is not v2 (1)', body);
    version = 2;
  }
  const tbsSignature = readAlgorithmIdentifier(body);
  const issuer = readName(body);
  const thisUpdate = body.time();
  const nextUpdate = isTime(body) ? body.time() : undefined;
  let encodedEntries = new Uint8Array(0);
  const hasRevokedCertificates = body.is(tags.sequence);
  if (hasRevokedCertificates) {
    encodedEntries = body.content(tags.sequence) as Uint8Array<ArrayBuffer>;
    if (encodedEntries.length === 0) {
      throw new DerError('revokedCertificates is empty instead of absent', body.offset);
    }
  }
  let extensions: Extension[] = [];
  const wrapped = body.optional(0xa0);
  if (wrapped !== undefined) {
    if (version !== 2) refuse('extensions need version 2', body);
    extensions = readExtensions(wrapped);
    wrapped.end();
  }
  body.end();
  const number = findExtension(extensions, oids.crlNumber);
  const base = findExtension(extensions, oids.deltaCRLIndicator);
  return {
    tbsDer,
    version,
    tbsSignature,
    issuer,
    thisUpdate,
    nextUpdate,
    extensions,
    crlNumber: number === undefined ? undefined : parseCrlNumber(number.value),
    baseCrlNumber: base === undefined ? undefined : parseDeltaCrlIndicator(base.value),
    hasRevokedCertificates,
    encodedEntries,
    entries: () => walk(encodedEntries, version),
  };
}

/**
 * Parses a TBSCertList, as lint does with the bytes about to be signed.
 *
 * @throws ChanceryError `malformed`; so does `entries()`, at the first bad entry.
 */
export function parseTbsCertList(tbsDer: Uint8Array): ParsedTbsCertList {
  return decode(tbsStructure, tbsDer, readTbsCertList);
}

/**
 * Parses a CertificateList. Entries are walked by `entries()` only, each with a reader of its
 * own, so a list of any length costs no more memory than its octets. Deliberately not checked
 * here: that serial numbers are unique, that the two AlgorithmIdentifiers agree, the signature.
 *
 * @throws ChanceryError `malformed`; so does `entries()`, at the first bad entry.
 */
export function parseCertificateList(der: Uint8Array): CertificateList {
  return decode(structure, der, (reader) => {
    const outer = reader.sequence();
    const tbs = readTbsCertList(outer);
    const signatureAlgorithm = readAlgorithmIdentifier(outer);
    const signature = outer.bitStringOctets();
    outer.end();
    return { der, ...tbs, signatureAlgorithm, signature };
  });
}
