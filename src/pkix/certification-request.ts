import { type DerReader, element, integer, oid, sequence, setOf } from '../der/index.ts';
import { readAlgorithmIdentifier } from './algorithms.ts';
import { decode, encode, refuse, type Structure } from './decoding.ts';
import { encodeExtensions, readExtensions } from './extensions/extension.ts';
import { readName } from './name.ts';
import { oids } from './oids.ts';
import { readSubjectPublicKeyInfo } from './subject-public-key-info.ts';
import type { CertificationRequest, Extension, Name, SubjectPublicKeyInfo } from './types.ts';

const structure: Structure = {
  name: 'CertificationRequest',
  clause: 'RFC 2986 §4',
  code: 'badCsr',
};

const maxAttributes = 64;

interface Attributes {
  readonly oids: string[];
  readonly extensions: Extension[];
}

/**
 * Attributes [0] IMPLICIT SET OF Attribute. The order of the SET is not enforced: common clients
 * don't sort, and nothing is copied from here but what the extensions say.
 */
function readAttributes(body: DerReader): Attributes {
  const found: Attributes = { oids: [], extensions: [] };
  // OpenSSL and others leave the empty set out; RFC 2986 wants it. Both are read.
  const attributes = body.optional(0xa0);
  const seen = new Set<string>();
  while (attributes !== undefined && !attributes.done) {
    const attribute = attributes.sequence();
    const type = attribute.oid();
    const values = attribute.setOf();
    attribute.end();
    found.oids.push(type);
    if (found.oids.length > maxAttributes) refuse(`more than ${maxAttributes} attributes`, body);
    if (values.done) refuse(`attribute ${type} without a value`, body);
    if (type !== oids.extensionRequest) {
      values.checkRest();
      continue;
    }
    while (!values.done) {
      for (const extension of readExtensions(values)) {
        if (seen.has(extension.oid)) {
          refuse(`extension ${extension.oid} asked for twice (RFC 5280 §4.2)`, body);
        }
        seen.add(extension.oid);
        found.extensions.push(extension);
      }
    }
  }
  return found;
}

/** What a CertificationRequestInfo says; a request adds the algorithm and the signature. */
type ParsedCertificationRequestInfo = Omit<
  CertificationRequest,
  'der' | 'signatureAlgorithm' | 'signature'
>;

function readInfo(outer: DerReader): ParsedCertificationRequestInfo {
  const { raw: infoDer, body } = outer.captured();
  if (body.smallInteger() !== 0) refuse('version is not v1 (0)', body);
  const subject = readName(body, 'strict');
  const subjectPublicKeyInfo = readSubjectPublicKeyInfo(body);
  const attributes = readAttributes(body);
  body.end();
  return {
    infoDer,
    subject,
    subjectPublicKeyInfo,
    requestedExtensions: attributes.extensions,
    attributeOids: attributes.oids,
  };
}

/**
 * Parses a CertificationRequestInfo, the part of a request that is signed.
 *
 * @throws ChanceryError `badCsr`.
 */
export function parseCertificationRequestInfo(der: Uint8Array): ParsedCertificationRequestInfo {
  return decode({ ...structure, name: 'CertificationRequestInfo' }, der, readInfo);
}

/**
 * Parses a PKCS#10 request. Extensions of every extensionRequest attribute are gathered; an OID
 * that occurs twice among them is refused, so nothing can hide behind the first. The signature
 * is not verified here: `verifyCertificationRequest` does.
 *
 * @throws ChanceryError `badCsr`.
 */
export function parseCertificationRequest(der: Uint8Array): CertificationRequest {
  return decode(structure, der, (reader) => {
    const outer = reader.sequence();
    const info = readInfo(outer);
    const signatureAlgorithm = readAlgorithmIdentifier(outer);
    const signature = outer.bitStringOctets();
    outer.end();
    return { der, ...info, signatureAlgorithm, signature };
  });
}

/** What a request says; `extensions` become one extensionRequest attribute, or none when empty. */
export interface CertificationRequestInfo {
  readonly subject: Name;
  readonly subjectPublicKeyInfo: SubjectPublicKeyInfo;
  readonly extensions: readonly Extension[];
}

/**
 * Encodes a CertificationRequestInfo (RFC 2986 §4.1); sign it and give it to `assembleSigned`.
 *
 * @throws ChanceryError `malformed`.
 */
export function encodeCertificationRequestInfo(info: CertificationRequestInfo): Uint8Array {
  return encode({ ...structure, code: 'malformed' }, () => {
    const attributes =
      info.extensions.length === 0
        ? element(0xa0)
        : element(
            0xa0,
            sequence(oid(oids.extensionRequest), setOf([encodeExtensions(info.extensions)])),
          );
    return sequence(integer(0), info.subject.der, info.subjectPublicKeyInfo.der, attributes);
  });
}
