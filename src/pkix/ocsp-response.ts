import {
  type DerReader,
  element,
  enumerated,
  explicit,
  generalizedTime,
  octetString,
  oid,
  readDer,
  sequence,
  tags,
} from '../der/index.ts';
import { type ReasonCode, reasonCodeName, reasonCodeNumber } from '../domain/index.ts';
import { assembleSigned, readAlgorithmIdentifier } from './algorithms.ts';
import { readCertID } from './cert-id.ts';
import { readCertificate } from './certificate.ts';
import { asMalformed, decode, encode, refuse, type Structure } from './decoding.ts';
import { encodeExtensions, readExtensions } from './extensions/extension.ts';
import { readName } from './name.ts';
import { readNonce } from './ocsp-request.ts';
import { oids } from './oids.ts';
import {
  type BasicOcspResponse,
  type Certificate,
  type CertStatus,
  type Extension,
  type OcspResponse,
  type OcspResponseStatus,
  ocspResponseStatus,
  type ResponderID,
  type ResponseData,
  type SignatureAlgorithm,
  type SingleResponse,
} from './types.ts';

const maxSize = 1024 * 1024;
const structure: Structure = { name: 'OCSPResponse', clause: 'RFC 6960 §4.2.1', maxSize };
const dataStructure: Structure = { name: 'ResponseData', clause: 'RFC 6960 §4.2.1', maxSize };

const good = element(0x80);
const unknown = element(0x82);

function encodeCertStatus(status: CertStatus): Uint8Array {
  switch (status.type) {
    case 'good':
      return good;
    case 'unknown':
      return unknown;
    case 'revoked': {
      const at = generalizedTime(status.revocationTime);
      const { reasonCode } = status;
      if (reasonCode === undefined) return element(0xa1, at);
      return element(0xa1, at, explicit(0, enumerated(reasonCodeNumber(reasonCode))));
    }
    default:
      return status satisfies never;
  }
}

function encodeSingleResponse(response: SingleResponse): Uint8Array {
  const parts = [
    response.certID.der,
    encodeCertStatus(response.certStatus),
    generalizedTime(response.thisUpdate),
  ];
  if (response.nextUpdate !== undefined) {
    parts.push(explicit(0, generalizedTime(response.nextUpdate)));
  }
  if (response.extensions !== undefined && response.extensions.length > 0) {
    parts.push(explicit(1, encodeExtensions(response.extensions)));
  }
  return sequence(...parts);
}

function encodeResponderID(id: ResponderID): Uint8Array {
  return id.type === 'byKey' ? explicit(2, octetString(id.keyHash)) : explicit(1, id.name.der);
}

/**
 * Encodes ResponseData: CertIDs as they were asked, times as GeneralizedTime to the second.
 *
 * @throws ChanceryError `malformed`, also for an empty list of responses.
 */
export function encodeResponseData(data: ResponseData): Uint8Array {
  return encode(dataStructure, () => {
    if (data.responses.length === 0) refuse('no SingleResponse');
    const parts = [
      encodeResponderID(data.responderID),
      generalizedTime(data.producedAt),
      sequence(...data.responses.map(encodeSingleResponse)),
    ];
    if (data.extensions.length > 0) parts.push(explicit(1, encodeExtensions(data.extensions)));
    return sequence(...parts);
  });
}

const basicOid = oid(oids.basicOcspResponse);
const successful = enumerated(ocspResponseStatus.successful);

/**
 * The whole OCSPResponse, status successful, around a signed BasicOCSPResponse.
 *
 * @param certs DER of the delegate's certificate, or of none when the issuer signs itself
 */
export function assembleBasicOcspResponse(
  responseDataDer: Uint8Array,
  algorithm: SignatureAlgorithm,
  signature: Uint8Array,
  certs: readonly Uint8Array[],
): Uint8Array {
  const basic =
    certs.length === 0
      ? assembleSigned(responseDataDer, algorithm, signature)
      : sequence(
          responseDataDer,
          algorithm.identifier.der,
          element(tags.bitString, Uint8Array.of(0), signature),
          explicit(0, sequence(...certs)),
        );
  return sequence(successful, explicit(0, sequence(basicOid, octetString(basic))));
}

/** An unsigned error: status alone, without responseBytes (RFC 6960 §4.2.1). */
export function encodeOcspError(status: Exclude<OcspResponseStatus, 'successful'>): Uint8Array {
  return sequence(enumerated(ocspResponseStatus[status]));
}

function readReason(body: DerReader): ReasonCode | undefined {
  const wrapped = body.optional(0xa0);
  if (wrapped === undefined) return undefined;
  const reason = reasonCodeName(wrapped.enumerated());
  wrapped.end();
  return reason ?? refuse('no reason has this number', body);
}

function readCertStatus(reader: DerReader): CertStatus {
  for (const type of ['good', 'unknown'] as const) {
    const tag = type === 'good' ? 0x80 : 0x82;
    if (!reader.is(tag)) continue;
    if (reader.content(tag).length > 0) refuse(`certStatus ${type} with content`, reader);
    return { type };
  }
  const body = reader.enter(0xa1, 'certStatus');
  const revocationTime = body.generalizedTime();
  const reasonCode = readReason(body);
  body.end();
  return { type: 'revoked', revocationTime, reasonCode };
}

function optionalExtensions(body: DerReader): Extension[] {
  const wrapped = body.optional(0xa1);
  if (wrapped === undefined) return [];
  const extensions = readExtensions(wrapped);
  wrapped.end();
  return extensions;
}

function readSingleResponse(reader: DerReader): SingleResponse {
  const body = reader.sequence();
  const certID = readCertID(body);
  const certStatus = readCertStatus(body);
  const thisUpdate = body.generalizedTime();
  const wrapped = body.optional(0xa0);
  const nextUpdate = wrapped?.generalizedTime();
  wrapped?.end();
  const extensions = optionalExtensions(body);
  body.end();
  return { certID, certStatus, thisUpdate, nextUpdate, extensions };
}

function readResponderID(body: DerReader): ResponderID {
  const byName = body.optional(0xa1);
  if (byName !== undefined) {
    const name = readName(byName);
    byName.end();
    return { type: 'byName', name };
  }
  const byKey = body.enter(0xa2, 'responderID');
  const keyHash = byKey.octetString();
  byKey.end();
  if (keyHash.length !== 20) refuse('a KeyHash is a SHA-1 of 20 octets', body);
  return { type: 'byKey', keyHash };
}

function readResponseData(body: DerReader): ResponseData {
  // v1 is the default: DER leaves it out.
  const responderID = readResponderID(body);
  const producedAt = body.generalizedTime();
  const list = body.sequence();
  const responses: SingleResponse[] = [];
  while (!list.done) responses.push(readSingleResponse(list));
  if (responses.length === 0) refuse('no SingleResponse', body);
  const extensions = optionalExtensions(body);
  body.end();
  return { responderID, producedAt, responses, extensions };
}

/**
 * Parses ResponseData, as lint does with the bytes about to be signed.
 *
 * @throws ChanceryError `malformed`.
 */
export function parseResponseData(der: Uint8Array): ResponseData {
  return decode(dataStructure, der, (reader) => readResponseData(reader.sequence()));
}

function readBasicResponse(der: Uint8Array): BasicOcspResponse {
  const reader = readDer(der, { maxSize });
  const outer = reader.sequence();
  reader.end();
  const { raw: tbsDer, body } = outer.captured();
  const responseData = readResponseData(body);
  const signatureAlgorithm = readAlgorithmIdentifier(outer);
  const signature = outer.bitStringOctets();
  const certs: Certificate[] = [];
  const wrapped = outer.optional(0xa0);
  if (wrapped !== undefined) {
    const list = wrapped.sequence();
    wrapped.end();
    if (list.done) refuse('certs is empty instead of absent', outer);
    while (!list.done) certs.push(readCertificate(list));
  }
  outer.end();
  const nonce = readNonce(responseData.extensions);
  return { der, tbsDer, responseData, nonce, signatureAlgorithm, signature, certs };
}

function statusOf(number: number): OcspResponseStatus {
  const names = Object.keys(ocspResponseStatus) as OcspResponseStatus[];
  const name = names.find((candidate) => ocspResponseStatus[candidate] === number);
  return name ?? refuse(`no OCSPResponseStatus has the number ${number}`);
}

/**
 * Parses an OCSPResponse. An error status must come without responseBytes, `successful` with a
 * basic response. Nothing is verified here.
 *
 * @throws ChanceryError `malformed`.
 */
export function parseOcspResponse(der: Uint8Array): OcspResponse {
  return decode(structure, der, (reader) => {
    const outer = reader.sequence();
    const status = statusOf(outer.enumerated());
    const wrapped = outer.optional(0xa0);
    outer.end();
    if (wrapped === undefined) {
      if (status === 'successful') refuse('successful without responseBytes', outer);
      return { status };
    }
    if (status !== 'successful') refuse(`${status} with responseBytes`, outer);
    const bytes = wrapped.sequence();
    wrapped.end();
    if (bytes.oid() !== oids.basicOcspResponse) refuse('responseType is not basic', bytes);
    const basicDer = bytes.octetString();
    bytes.end();
    try {
      return { status, basic: readBasicResponse(basicDer) };
    } catch (error) {
      throw asMalformed({ ...structure, name: 'BasicOCSPResponse' }, error);
    }
  });
}
