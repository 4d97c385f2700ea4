import { DerError, DerReader, tags } from '../der/index.ts';
import { readAlgorithmIdentifier } from './algorithms.ts';
import { asMalformed, refuse, type Structure } from './decoding.ts';
import { readName } from './name.ts';
import type { CertificateList } from './types.ts';

/** What stands at the beginning of a CRL, and how long the whole must be. */
export interface CertificateListHead {
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
}

/** Octets at the beginning that hold the head of every CRL that we publish, whatever its issuer's name. */
export const headOctets = 16_384;

/**
 * The times of a CRL from its first octets, once the lengths in it fit the whole: one that was cut, or
 * is empty, does not. The rest is not looked at (RFC 5280 §5.1).
 *
 * @param start - its first octets, `headOctets` of them or all
 * @param octets - the length of the whole
 * @throws DerError or RangeError when it is no CRL of that length
 */
export function readCertificateListHead(start: Uint8Array, octets: number): CertificateListHead {
  const outer = headerOf(start, 0);
  if (outer.tag !== tags.sequence || outer.end !== octets) {
    throw new RangeError(`no CRL of ${octets} octets`);
  }
  const tbs = headerOf(start, outer.start);
  const algorithmAt = tbs.end;
  if (tbs.tag !== tags.sequence || algorithmAt >= octets) throw new RangeError('no tbsCertList');
  let at = tbs.start;
  let next = headerOf(start, at);
  // version OPTIONAL, signature, issuer, thisUpdate, nextUpdate OPTIONAL (RFC 5280 §5.1.2).
  if (next.tag === tags.integer) {
    at = next.end;
    next = headerOf(start, at);
  }
  const issuer = headerOf(start, next.end);
  const thisUpdate = headerOf(start, issuer.end);
  const after = headerOf(start, thisUpdate.end);
  const hasNext = after.tag === tags.utcTime || after.tag === tags.generalizedTime;
  const time = ({ end }: { readonly end: number }, from: number): Date => {
    if (end > start.length) throw new RangeError('the head is longer than what was read');
    return new DerReader(start, from, end, 1).time();
  };
  return {
    thisUpdate: time(thisUpdate, issuer.end),
    nextUpdate: hasNext ? time(after, thisUpdate.end) : undefined,
  };
}

/** What stands before the entries of a TBSCertList. */
export type TbsCertListHead = Pick<
  CertificateList,
  'version' | 'tbsSignature' | 'issuer' | 'thisUpdate' | 'nextUpdate'
>;

const tbsStructure: Structure = { name: 'TBSCertList', clause: 'RFC 5280 §5.1.2' };

/**
 * The head of a TBSCertList that is not whole yet: everything before its entries, strictly, and that
 * what follows begins as entries or extensions do.
 *
 * @param start - its first octets, `headOctets` of them or all
 * @param octets - the length of the whole
 * @throws ChanceryError `malformed`
 */
export function readTbsCertListHead(start: Uint8Array, octets: number): TbsCertListHead {
  try {
    const outer = headerOf(start, 0);
    if (outer.tag !== tags.sequence || outer.end !== octets) {
      refuse(`it is no SEQUENCE of ${octets} octets`);
    }
    const body = new DerReader(start, outer.start, Math.min(octets, start.length), 16);
    if (body.smallInteger() !== 1) refuse('version is not v2 (1)', body);
    const tbsSignature = readAlgorithmIdentifier(body);
    const issuer = readName(body);
    const thisUpdate = body.time();
    const hasNext = body.is(tags.utcTime) || body.is(tags.generalizedTime);
    const nextUpdate = hasNext ? body.time() : undefined;
    if (!body.is(tags.sequence) && !body.is(0xa0)) refuse('neither entries nor extensions', body);
    return { version: 2, tbsSignature, issuer, thisUpdate, nextUpdate };
  } catch (error) {
    throw asMalformed(
      tbsStructure,
      error instanceof RangeError ? new DerError(error.message, 0) : error,
    );
  }
}

/** Tag, and where content begins and ends, of a definite length in its shortest form (X.690 §10.1). */
function headerOf(
  octets: Uint8Array,
  at: number,
): { readonly tag: number; readonly start: number; readonly end: number } {
  const tag = octets[at];
  const first = octets[at + 1];
  if (tag === undefined || first === undefined) throw new RangeError('the head ends too early');
  if (first < 0x80) return { tag, start: at + 2, end: at + 2 + first };
  const count = first - 0x80;
  if (count < 1 || count > 5 || at + 2 + count > octets.length) {
    throw new RangeError('a length that no CRL has');
  }
  let length = 0;
  for (let index = 0; index < count; index += 1) {
    length = length * 256 + (octets[at + 2 + index] ?? 0);
  }
  return { tag, start: at + 2 + count, end: at + 2 + count + length };
}
