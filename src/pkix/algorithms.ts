import {
  checkDer,
  concat,
  type DerReader,
  element,
  explicit,
  header,
  integer,
  nullValue,
  oid,
  readDer,
  sequence,
  tags,
} from '../der/index.ts';
import { oids } from './oids.ts';
import type {
  AlgorithmIdentifier,
  KeyAlgorithmName,
  SignatureAlgorithm,
  SignatureAlgorithmName,
  SubjectPublicKeyInfo,
} from './types.ts';

/** Hashes that CertIDs and PSS parameters name. */
export const hashOids = {
  sha1: oids.sha1,
  sha256: oids.sha256,
  sha384: oids.sha384,
  sha512: oids.sha512,
} as const;
export type HashName = keyof typeof hashOids;
type SignatureDigest = Exclude<HashName, 'sha1'>;

/** Octets of a digest. */
export const hashLengths: Readonly<Record<HashName, number>> = {
  sha1: 20,
  sha256: 32,
  sha384: 48,
  sha512: 64,
};

/** AlgorithmIdentifier with parameters absent (default) or the complete DER given. */
export function encodeAlgorithmIdentifier(
  algorithm: string,
  parameters?: Uint8Array,
): AlgorithmIdentifier {
  const der =
    parameters === undefined ? sequence(oid(algorithm)) : sequence(oid(algorithm), parameters);
  return { oid: algorithm, parameters, der };
}

/** Reads an AlgorithmIdentifier; its parameters are checked to be DER and kept as they are. */
export function readAlgorithmIdentifier(reader: DerReader): AlgorithmIdentifier {
  const { raw, body: inner } = reader.captured();
  const algorithm = inner.oid();
  if (inner.done) return { oid: algorithm, parameters: undefined, der: raw };
  const parameters = inner.raw();
  inner.end();
  checkDer(parameters);
  return { oid: algorithm, parameters, der: raw };
}

const derNull = nullValue();

/** Identifier of a hash, with the NULL parameters that RFC 4055 §2.1 shows. */
export function hashIdentifier(hash: HashName): AlgorithmIdentifier {
  return encodeAlgorithmIdentifier(hashOids[hash], derNull);
}

/** RSASSA-PSS-params (RFC 4055 §3.1): hash, MGF1 with the same hash, salt as long as the hash, default trailer. */
function pssParameters(digest: SignatureDigest): Uint8Array {
  const hash = hashIdentifier(digest).der;
  return sequence(
    explicit(0, hash),
    explicit(1, sequence(oid(oids.mgf1), hash)),
    explicit(2, integer(hashLengths[digest])),
  );
}

function ecdsa(name: SignatureAlgorithmName, id: string, digest: SignatureDigest) {
  return {
    name,
    oid: id,
    identifier: encodeAlgorithmIdentifier(id),
    keyType: 'ec',
    digest,
  } as const;
}

function rsa(name: SignatureAlgorithmName, id: string, digest: SignatureDigest) {
  const identifier = encodeAlgorithmIdentifier(id, derNull);
  return { name, oid: id, identifier, keyType: 'rsa', digest, padding: 'pkcs1' } as const;
}

function pss(name: SignatureAlgorithmName, digest: SignatureDigest) {
  const identifier = encodeAlgorithmIdentifier(oids.rsassaPss, pssParameters(digest));
  return { name, oid: oids.rsassaPss, identifier, keyType: 'rsa', digest, padding: 'pss' } as const;
}

/**
 * The registry: the only signature algorithms that Chancery makes or believes. Parameters: NULL
 * for RSA with PKCS#1 v1.5 (RFC 4055 §5), absent for ECDSA (RFC 5758 §3.2) and Ed25519
 * (RFC 8410 §3), explicit for PSS.
 */
export const signatureAlgorithms: Readonly<Record<SignatureAlgorithmName, SignatureAlgorithm>> = {
  'ecdsa-with-SHA256': ecdsa('ecdsa-with-SHA256', oids.ecdsaWithSHA256, 'sha256'),
  'ecdsa-with-SHA384': ecdsa('ecdsa-with-SHA384', oids.ecdsaWithSHA384, 'sha384'),
  'ecdsa-with-SHA512': ecdsa('ecdsa-with-SHA512', oids.ecdsaWithSHA512, 'sha512'),
  sha256WithRSAEncryption: rsa('sha256WithRSAEncryption', oids.sha256WithRSAEncryption, 'sha256'),
  sha384WithRSAEncryption: rsa('sha384WithRSAEncryption', oids.sha384WithRSAEncryption, 'sha384'),
  sha512WithRSAEncryption: rsa('sha512WithRSAEncryption', oids.sha512WithRSAEncryption, 'sha512'),
  'rsassa-pss-sha256': pss('rsassa-pss-sha256', 'sha256'),
  'rsassa-pss-sha384': pss('rsassa-pss-sha384', 'sha384'),
  'rsassa-pss-sha512': pss('rsassa-pss-sha512', 'sha512'),
  ed25519: {
    name: 'ed25519',
    oid: oids.ed25519,
    identifier: encodeAlgorithmIdentifier(oids.ed25519),
    keyType: 'ed25519',
  },
};

function isNull(parameters: Uint8Array | undefined): boolean {
  return parameters?.length === 2 && parameters[0] === tags.null && parameters[1] === 0;
}

/** Reads a hash's AlgorithmIdentifier; NULL and absent parameters mean the same (RFC 4055 §2.1). */
export function hashOf(identifier: AlgorithmIdentifier): HashName | undefined {
  if (identifier.parameters !== undefined && !isNull(identifier.parameters)) return undefined;
  return (Object.keys(hashOids) as HashName[]).find((name) => hashOids[name] === identifier.oid);
}

function pssDigest(parameters: Uint8Array | undefined): HashName | undefined {
  if (parameters === undefined) return undefined;
  try {
    const reader = readDer(parameters);
    const body = reader.sequence();
    // Each field's default is SHA-1 or belongs to it: what is left out is refused.
    const hashField = body.optional(0xa0);
    const maskField = body.optional(0xa1);
    const saltField = body.optional(0xa2);
    if (hashField === undefined || maskField === undefined || saltField === undefined) {
      return undefined;
    }
    const hash = hashOf(readAlgorithmIdentifier(hashField));
    const mask = maskField.sequence();
    if (mask.oid() !== oids.mgf1) return undefined;
    const maskHash = hashOf(readAlgorithmIdentifier(mask));
    const salt = saltField.smallInteger();
    for (const part of [hashField, mask, maskField, saltField, body]) part.end();
    return hash !== undefined && hash === maskHash && salt === hashLengths[hash] ? hash : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The registry's row for an AlgorithmIdentifier, or undefined when the algorithm or its
 * parameters are not in the registry: SHA-1 and MD5, PSS with defaults (SHA-1), PSS with another
 * mask hash or salt length than the hash's, ECDSA or Ed25519 with parameters. RSA PKCS#1 v1.5
 * with absent parameters is read (RFC 4055 §5 demands it) and never written.
 */
export function resolveSignatureAlgorithm(
  identifier: AlgorithmIdentifier,
): SignatureAlgorithm | undefined {
  if (identifier.oid === oids.rsassaPss) {
    const digest = pssDigest(identifier.parameters);
    if (digest === undefined || digest === 'sha1') return undefined;
    return signatureAlgorithms[`rsassa-pss-${digest}`];
  }
  for (const row of Object.values(signatureAlgorithms)) {
    if (row.oid !== identifier.oid) continue;
    const { parameters } = identifier;
    if (parameters === undefined) return row;
    return row.padding === 'pkcs1' && isNull(parameters) ? row : undefined;
  }
  return undefined;
}

/** The name of a public key's algorithm and size, or undefined for what Chancery does not certify. */
export function keyAlgorithmOf(spki: SubjectPublicKeyInfo): KeyAlgorithmName | undefined {
  switch (spki.key.type) {
    case 'ec':
      switch (spki.key.curve) {
        case 'P-256':
          return 'p256';
        case 'P-384':
          return 'p384';
        case 'P-521':
          return 'p521';
        default:
          return undefined;
      }
    case 'rsa':
      switch (spki.key.modulusBits) {
        case 2048:
          return 'rsa2048';
        case 3072:
          return 'rsa3072';
        case 4096:
          return 'rsa4096';
        default:
          return undefined;
      }
    case 'ed25519':
      return 'ed25519';
    default:
      return undefined;
  }
}

/** The signature algorithm that a key uses unless told otherwise: the hash matches the key's strength. */
export function defaultSignatureAlgorithm(
  key: KeyAlgorithmName,
  padding: 'pkcs1' | 'pss',
): SignatureAlgorithm {
  switch (key) {
    case 'p256':
      return signatureAlgorithms['ecdsa-with-SHA256'];
    case 'p384':
      return signatureAlgorithms['ecdsa-with-SHA384'];
    case 'p521':
      return signatureAlgorithms['ecdsa-with-SHA512'];
    case 'ed25519':
      return signatureAlgorithms.ed25519;
    case 'rsa2048':
    case 'rsa3072':
    case 'rsa4096':
      return padding === 'pss'
        ? signatureAlgorithms['rsassa-pss-sha256']
        : signatureAlgorithms.sha256WithRSAEncryption;
    default:
      return key satisfies never;
  }
}

/** The SEQUENCE that Certificate, CertificateList and CertificationRequest share: TBS, algorithm, signature. */
export function assembleSigned(
  tbsDer: Uint8Array,
  algorithm: SignatureAlgorithm,
  signature: Uint8Array,
): Uint8Array {
  const { head, tail } = frameSigned(tbsDer.length, algorithm, signature);
  return concat([head, tbsDer, tail]);
}

/** What stands before and behind a TBS of so many octets, once it is signed. */
export function frameSigned(
  tbsOctets: number,
  algorithm: SignatureAlgorithm,
  signature: Uint8Array,
): { readonly head: Uint8Array; readonly tail: Uint8Array } {
  const tail = concat([
    algorithm.identifier.der,
    element(tags.bitString, Uint8Array.of(0), signature),
  ]);
  return { head: header(tags.sequence, tbsOctets + tail.length), tail };
}
