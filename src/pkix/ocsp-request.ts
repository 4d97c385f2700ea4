import {
  DerError,
  type DerReader,
  explicit,
  octetString,
  readDer,
  sequence,
} from '../der/index.ts';
import { readAlgorithmIdentifier } from './algorithms.ts';
import { readCertID } from './cert-id.ts';
import { decode, encode, refuse, type Structure } from './decoding.ts';
import { encodeExtensions, findExtension, readExtensions } from './extensions/extension.ts';
import { readGeneralName } from './general-name.ts';
import { oids } from './oids.ts';
import type { CertID, Extension, GeneralName, OcspRequest, OcspRequestSignature } from './types.ts';

const structure: Structure = {
  name: 'OCSPRequest',
  clause: 'RFC 6960 §4.1.1',
  maxSize: 64 * 1024,
};

const defaultMaxRequests = 128;

/** Octets of a nonce (RFC 9654 §2.1). */
const maxNonceLength = 128;

/** Content of a nonce's inner OCTET STRING, 1 to 128 octets. @throws DerError. */
export function readNonce(extensions: readonly Extension[]): Uint8Array | undefined {
  const extension = findExtension(extensions, oids.ocspNonce);
  if (extension === undefined) return undefined;
  const reader = readDer(extension.value);
  const nonce = reader.octetString();
  reader.end();
  if (nonce.length < 1 || nonce.length > maxNonceLength) {
    throw new DerError(`a nonce of ${nonce.length} octets, not 1 to 128 (RFC 9654 §2.1)`, 0);
  }
  return nonce;
}

/** The nonce extension, non-critical. @throws ChanceryError `malformed` unless 1 to 128 octets. */
export function nonceExtension(bytes: Uint8Array): Extension {
  const value = encode({ name: 'nonce', clause: 'RFC 9654 §2.1' }, () => {
    if (bytes.length < 1 || bytes.length > maxNonceLength) {
      refuse(`a nonce has 1 to ${maxNonceLength} octets`);
    }
    return octetString(bytes);
  });
  return { oid: oids.ocspNonce, critical: false, value };
}

function optionalExtensions(body: DerReader, tag: number): Extension[] {
  const wrapped = body.optional(tag);
  if (wrapped === undefined) return [];
  const extensions = readExtensions(wrapped);
  wrapped.end();
  return extensions;
}

/** Read, not verified: RFC 9919 §3.1.2 lets a responder ignore it. Certificates are kept as octets. */
function readOptionalSignature(outer: DerReader): OcspRequestSignature | undefined {
  const wrapped = outer.optional(0xa0);
  if (wrapped === undefined) return undefined;
  const body = wrapped.sequence();
  wrapped.end();
  const algorithm = readAlgorithmIdentifier(body);
  const { bytes: value } = body.bitString();
  const certificates: Uint8Array[] = [];
  const wrappedCertificates = body.optional(0xa0);
  if (wrappedCertificates !== undefined) {
    const list = wrappedCertificates.sequence();
    wrappedCertificates.end();
    while (!list.done) {
      const { raw, body: certificate } = list.captured();
      certificate.checkRest();
      certificates.push(raw);
    }
  }
  body.end();
  return { algorithm, value, certificates };
}

/**
 * Parses an OCSPRequest. A version that says v1 is accepted although DER leaves it out: nothing
 * is copied from it. Serial numbers that are negative, zero or longer than 20 octets are refused.
 *
 * @param options.maxRequests most certIDs, default 128
 * @throws ChanceryError `malformed`, also for an empty list, too many certIDs, an extension twice,
 * and a nonce outside 1 to 128 octets (RFC 9654 §2.1).
 */
export function parseOcspRequest(
  der: Uint8Array,
  options: { readonly maxRequests?: number | undefined } = {},
): OcspRequest {
  const maxRequests = options.maxRequests ?? defaultMaxRequests;
  return decode(structure, der, (reader) => {
    const outer = reader.sequence();
    const { raw: tbsDer, body } = outer.captured();
    const version = body.optional(0xa0);
    if (version !== undefined) {
      if (version.smallInteger() !== 0) refuse('version is not v1 (0)', body);
      version.end();
    }
    let requestorName: GeneralName | undefined;
    const requestor = body.optional(0xa1);
    if (requestor !== undefined) {
      requestorName = readGeneralName(requestor);
      requestor.end();
    }
    const list = body.sequence();
    const requests: { certID: CertID; extensions: Extension[] }[] = [];
    while (!list.done) {
      if (requests.length === maxRequests) refuse(`more than ${maxRequests} certIDs`, list);
      const request = list.sequence();
      const certID = readCertID(request);
      requests.push({ certID, extensions: optionalExtensions(request, 0xa0) });
      request.end();
    }
    if (requests.length === 0) refuse('requestList is empty', body);
    const extensions = optionalExtensions(body, 0xa2);
    body.end();
    const signature = readOptionalSignature(outer);
    outer.end();
    const nonce = readNonce(extensions);
    return { der, tbsDer, requests, extensions, nonce, signature, requestorName };
  });
}

/** What an OCSP client asks; `nonce` becomes an extension before those given. */
export interface OcspQuestion {
  readonly certIDs: readonly CertID[];
  readonly nonce?: Uint8Array | undefined;
  readonly extensions?: readonly Extension[] | undefined;
}

/**
 * Encodes an unsigned OCSPRequest.
 *
 * @throws ChanceryError `malformed` for an empty list or a nonce outside 1 to 128 octets.
 */
export function encodeOcspRequest(question: OcspQuestion): Uint8Array {
  return encode(structure, () => {
    if (question.certIDs.length === 0) refuse('requestList is empty');
    const extensions = [...(question.extensions ?? [])];
    if (question.nonce !== undefined) extensions.unshift(nonceExtension(question.nonce));
    const parts = [sequence(...question.certIDs.map((certID) => sequence(certID.der)))];
    if (extensions.length > 0) parts.push(explicit(2, encodeExtensions(extensions)));
    return sequence(sequence(...parts));
  });
}
