import { createHash, type KeyObject } from 'node:crypto';
import { concat, DerError, DerReader, element, readHeader, tags } from '../der/index.ts';
import { readAlgorithmIdentifier, resolveSignatureAlgorithm } from './algorithms.ts';
import { maxCrlSize, type ParsedTbsCertList, parseTbsCertList } from './certificate-list.ts';
import { asMalformed, bytesEqual, refuse, type Structure } from './decoding.ts';
import { OctetStream } from './octet-stream.ts';
import {
  type ParsedRevokedCertificate,
  readRevokedCertificate,
  revokedStructure,
} from './revoked-certificate.ts';
import { SignatureVerification } from './signature-stream.ts';
import type { AlgorithmIdentifier } from './types.ts';

const structure: Structure = { name: 'CertificateList', clause: 'RFC 5280 §5.1' };
/** Octets of the fields before the entries, and of those behind them. */
const maxFields = 1 << 20;
/** Octets of one entry. */
const maxEntry = 1 << 16;
const noOctets = new Uint8Array(0);

/** What stands before the entries. */
type ListHead = Pick<
  ParsedTbsCertList,
  'version' | 'tbsSignature' | 'issuer' | 'thisUpdate' | 'nextUpdate'
>;

/** All that a CertificateList says but its entries. */
export interface CertificateListOutline
  extends ListHead,
    Pick<
      ParsedTbsCertList,
      'extensions' | 'crlNumber' | 'baseCrlNumber' | 'hasRevokedCertificates'
    > {
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
  /** Of the whole. */
  readonly octets: number;
  /** Lower-case hex, of the whole. */
  readonly sha256: string;
  readonly entries: number;
  /**
   * Whether the signature is right by the key that was given, and both AlgorithmIdentifiers are the
   * same (RFC 5280 §5.1.1.2); undefined without a key.
   */
  readonly verified: boolean | undefined;
}

/**
 * A CertificateList that is read once, in pieces: `head`, then the entries by `entries` or
 * `revokedCertificates`, then `end`. As strict as `parseCertificateList`, and what it reads it does
 * not hold: fields up to 1 MiB before and behind the entries, one entry up to 64 KiB, the whole up
 * to 512 MiB.
 *
 * Every method throws ChanceryError `malformed` for what is no CertificateList, and what the source
 * throws as it is.
 */
export class CertificateListStream {
  readonly #stream: OctetStream;
  readonly #key: KeyObject | undefined;
  readonly #hash = createHash('sha256');
  #verification: SignatureVerification | undefined;
  #inTbs = false;
  #end = 0;
  #tbsEnd = 0;
  #listEnd = 0;
  #fields: Uint8Array = noOctets;
  #list: Uint8Array = noOctets;
  /** The beginning of an entry whose end has not come: another walk goes on with it. */
  #carried: Uint8Array = noOctets;
  #entries = 0;
  #head: Promise<ListHead> | undefined;

  /** @param key verifies the signature in passing */
  constructor(chunks: AsyncIterable<Uint8Array>, key?: KeyObject) {
    this.#key = key;
    this.#stream = new OctetStream(chunks, (octets) => {
      this.#hash.update(octets);
      if (this.#inTbs) this.#verification?.update(octets);
    });
  }

  head(): Promise<ListHead> {
    this.#head ??= strictly(structure, () => this.#readHead());
    return this.#head;
  }

  /** Whole entries one behind the other, as they stand in the list. Only their outer lengths are looked at. */
  async *entries(): AsyncGenerator<Uint8Array> {
    await this.head();
    while (this.#stream.position < this.#listEnd) {
      const left = this.#listEnd - this.#stream.position;
      const octets = await strictly(structure, () => this.#stream.some(left));
      const joined = this.#carried.length === 0 ? octets : concat([this.#carried, octets]);
      const { end, count } = await strictly(revokedStructure, () => wholeEntries(joined));
      this.#carried = Uint8Array.from(joined.subarray(end));
      this.#entries += count;
      if (end > 0) yield joined.subarray(0, end);
    }
    await strictly(revokedStructure, () => {
      if (this.#carried.length > 0) refuse('the list ends within an entry');
    });
  }

  /** The entries as they are, strictly read; one array for what came at once. */
  async *revokedCertificates(): AsyncGenerator<readonly ParsedRevokedCertificate[]> {
    const { version } = await this.head();
    for await (const chunk of this.entries()) {
      yield await strictly(revokedStructure, () => {
        const reader = new DerReader(chunk, 0, chunk.length, 8);
        const read: ParsedRevokedCertificate[] = [];
        while (!reader.done) read.push(readRevokedCertificate(reader, version));
        return read;
      });
    }
  }

  /** Reads what is left, entries too. */
  async end(): Promise<CertificateListOutline> {
    for await (const _ of this.entries());
    return strictly(structure, () => this.#readEnd());
  }

  /** Gives the source back; nothing can be read afterwards. */
  async close(): Promise<void> {
    await this.#stream.close();
  }

  async #readHead(): Promise<ListHead> {
    const stream = this.#stream;
    const outer = await stream.header();
    this.#expect(outer.tag, 'CertificateList');
    this.#end = stream.position + outer.length;
    if (this.#end > maxCrlSize) refuse(`larger than ${maxCrlSize} octets`);
    const tbs = await stream.header();
    this.#expect(tbs.tag, 'TBSCertList');
    this.#tbsEnd = stream.position + tbs.length;
    if (this.#tbsEnd > this.#end) refuse('TBSCertList is longer than CertificateList');
    this.#fields = await this.#readFields();
    const head = parseTbsCertList(element(tags.sequence, this.#fields));
    const algorithm = resolveSignatureAlgorithm(head.tbsSignature);
    if (this.#key !== undefined && algorithm !== undefined) {
      this.#verification = new SignatureVerification(algorithm, this.#key);
      this.#verification.update(tbs.raw);
      this.#verification.update(this.#fields);
    }
    this.#inTbs = true;
    this.#listEnd = stream.position;
    if (stream.position < this.#tbsEnd && (await stream.peek()).tag === tags.sequence) {
      const list = await stream.header();
      if (list.length === 0) refuse('revokedCertificates is empty instead of absent');
      this.#list = list.raw;
      this.#listEnd = stream.position + list.length;
      if (this.#listEnd > this.#tbsEnd) refuse('revokedCertificates is longer than TBSCertList');
    }
    const { version, tbsSignature, issuer, thisUpdate, nextUpdate } = head;
    return { version, tbsSignature, issuer, thisUpdate, nextUpdate };
  }

  /** Version, algorithm, issuer and times: all before the list of entries. */
  async #readFields(): Promise<Uint8Array> {
    const stream = this.#stream;
    const parts: Uint8Array[] = [];
    let octets = 0;
    let sequences = 0;
    while (stream.position < this.#tbsEnd) {
      const { tag, octets: before, length } = await stream.peek();
      // Algorithm and issuer are the first two; the third SEQUENCE is the list.
      if (tag === tags.sequence) sequences += 1;
      if (sequences > 2 || tag === 0xa0) break;
      octets += before + length;
      if (octets > maxFields || stream.position + before + length > this.#tbsEnd) {
        refuse('the fields before the entries are too long');
      }
      parts.push(Uint8Array.from(await stream.take(before + length)));
    }
    return concat(parts);
  }

  async #readEnd(): Promise<CertificateListOutline> {
    const stream = this.#stream;
    const behind = this.#tbsEnd - stream.position;
    if (behind > maxFields || this.#end - this.#tbsEnd > maxFields) {
      refuse('the fields behind the entries are too long');
    }
    const extensions = Uint8Array.from(await stream.take(behind));
    this.#inTbs = false;
    const last = await stream.take(this.#end - this.#tbsEnd);
    const reader = new DerReader(last, 0, last.length, 32);
    const signatureAlgorithm = readAlgorithmIdentifier(reader);
    const signature = Uint8Array.from(reader.bitStringOctets());
    reader.end();
    await stream.end();
    // The list may hold anything for this: it was read by itself.
    const rest = parseTbsCertList(element(tags.sequence, this.#fields, extensions));
    const { tbsDer: _, encodedEntries: __, entries: ___, ...outline } = rest;
    return {
      ...outline,
      hasRevokedCertificates: this.#list.length > 0,
      signatureAlgorithm: { ...signatureAlgorithm, der: Uint8Array.from(signatureAlgorithm.der) },
      signature,
      octets: stream.position,
      sha256: this.#hash.digest('hex'),
      entries: this.#entries,
      verified:
        this.#key === undefined
          ? undefined
          : bytesEqual(signatureAlgorithm.der, outline.tbsSignature.der) &&
            this.#verification?.verify(signature) === true,
    };
  }

  #expect(tag: number, name: string): void {
    if (tag !== tags.sequence) {
      throw new DerError(`expected ${name}, found tag 0x${tag.toString(16)}`, 0);
    }
  }
}

async function strictly<T>(what: Structure, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw asMalformed(what, error);
  }
}

/** How far whole entries reach, and how many they are. @throws DerError */
function wholeEntries(octets: Uint8Array): { readonly end: number; readonly count: number } {
  let end = 0;
  let count = 0;
  while (end < octets.length) {
    const header = readHeader(octets, end);
    if (header === undefined) break;
    if (header.tag !== tags.sequence) throw new DerError('an entry is no SEQUENCE', end);
    if (header.length > maxEntry) throw new DerError('an entry of more than 64 KiB', end);
    const next = end + header.octets + header.length;
    if (next > octets.length) break;
    end = next;
    count += 1;
  }
  return { end, count };
}
