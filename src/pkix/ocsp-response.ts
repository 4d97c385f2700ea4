import {
  type DerNode,
  type DerReader,
  element,
  enumerated,
  generalizedTime,
  node,
  oid,
  readDer,
  render,
  sequence,
  tags,
} from '../der/index.ts';
import { type ReasonCode, reasonCodeName, reasonCodeNumber } from '../domain/index.ts';
import { readAlgorithmIdentifier } from './algorithms.ts';
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

function certStatusNode(status: CertStatus): Uint8Array | DerNode {
  switch (status.type) {
    case 'good':
      return good;
    case 'unknown':
      return unknown;
    case 'revoked': {
      const at = generalizedTime(status.revocationTime);
      const { reasonCode } = status;
      if (reasonCode === undefined) return node(0xa1, at);
      return node(0xa1, at, node(0xa0, enumerated(reasonCodeNumber(reasonCode))));
    }
    default:
      return status satisfies never;
  }
}

function singleResponseNode(response: SingleResponse): DerNode {
  const parts = [
    response.certID.der,
    certStatusNode(response.certStatus),
    generalizedTime(response.thisUpdate),
  ];
  if (response.nextUpdate !== undefined) {
    parts.push(node(0xa0, generalizedTime(response.nextUpdate)));
  }
  if (response.extensions !== undefined && response.extensions.length > 0) {
    parts.push(node(0xa1, encodeExtensions(response.extensions)));
  }
  return node(tags.sequence, ...parts);
}

function responderIDNode(id: ResponderID): DerNode {
  if (id.type === 'byName') return node(0xa1, id.name.der);
  return node(0xa2, node(tags.octetString, id.keyHash));
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
      responderIDNode(data.responderID),
      generalizedTime(data.producedAt),
      node(tags.sequence, ...data.responses.map(singleResponseNode)),
    ];
    if (data.extensions.length > 0) parts.push(node(0xa1, encodeExtensions(data.extensions)));
    return render(node(tags.sequence, ...parts));
  });
}

const basicOid = oid(oids.basicOcspResponse);
const successful = enumerated(ocspResponseStatus.successful);
const noUnusedBits = Uint8Array.of(0);

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
  const basic = [
    responseDataDer,
    algorithm.identifier.der,
    node(tags.bitString, noUnusedBits, signature),
  ];
  if (certs.length > 0) basic.push(node(0xa0, node(tags.sequence, ...certs)));
  const responseBytes = node(
    tags.sequence,
    basicOid,
    node(tags.octetString, node(tags.sequence, ...basic)),
  );
  return render(node(tags.sequence, successful, node(0xa0, responseBytes)));
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
