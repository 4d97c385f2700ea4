import {
  constants,
  createHash,
  createPublicKey,
  type JsonWebKey,
  type KeyObject,
  verify,
} from 'node:crypto';
import { integer, readDer, sequence } from '../der/index.ts';
import { ChanceryError } from '../domain/index.ts';
import { type HashName, hashLengths, resolveSignatureAlgorithm } from './algorithms.ts';
import { oids } from './oids.ts';
import type {
  CertificationRequest,
  Name,
  SignatureAlgorithm,
  SubjectPublicKeyInfo,
} from './types.ts';

/** Orders of the curves (SEC 2), by OpenSSL's name of the curve: r and s lie in 1 to n - 1. */
const curveOrders: Readonly<Record<string, bigint>> = {
  prime256v1: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  secp384r1:
    0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  secp521r1:
    0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
};

/** Largest RSA key that is verified with: beyond it one verification becomes a lever. */
const maxModulusBits = 8192;
const maxExponent = 0xffff_ffffn;

function base64url(octets: Uint8Array): string {
  return Buffer.from(octets).toString('base64url');
}

function unsigned(value: bigint): string {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url');
}

/** The key as a JWK, which imports in a fraction of the time of DER; undefined for a compressed point. */
function jwkOf({ key, subjectPublicKey }: SubjectPublicKeyInfo): JsonWebKey | undefined {
  if (key.type === 'rsa') {
    return { kty: 'RSA', n: unsigned(key.modulus), e: unsigned(key.exponent) };
  }
  if (key.type !== 'ec' || subjectPublicKey[0] !== 4) return undefined;
  const half = (subjectPublicKey.length - 1) / 2;
  return {
    kty: 'EC',
    crv: key.curve,
    x: base64url(subjectPublicKey.subarray(1, 1 + half)),
    y: base64url(subjectPublicKey.subarray(1 + half)),
  };
}

/**
 * A public key ready to verify with. Import it once and keep it: importing costs more than
 * verifying. An EC point that is not on its curve is refused here.
 *
 * @throws ChanceryError `badPublicKey` for an algorithm outside the registry, a key that the
 * crypto library refuses, or an RSA key above 8192 bits or with an exponent above 2^32 - 1.
 */
export function importVerificationKey(spki: SubjectPublicKeyInfo): KeyObject {
  const { key } = spki;
  const refused = (problem: string, cause?: unknown): ChanceryError =>
    new ChanceryError('badPublicKey', {
      message: `the public key can't be used: ${problem}; use EC P-256, P-384 or P-521, RSA of 2048 to 4096 bits, or Ed25519`,
      field: 'subjectPublicKeyInfo',
      clause: 'RFC 5280 §4.1.2.7',
      cause,
    });
  if (key.type === 'unknown' || (key.type === 'ec' && key.curve === 'other')) {
    throw refused(`algorithm ${spki.algorithm.oid} or its curve is not supported`);
  }
  if (key.type === 'rsa' && (key.modulusBits > maxModulusBits || key.exponent > maxExponent)) {
    throw refused(`an RSA key of ${key.modulusBits} bits or its exponent is too large`);
  }
  try {
    const jwk = jwkOf(spki);
    return jwk === undefined
      ? createPublicKey({ key: Buffer.from(spki.der), format: 'der', type: 'spki' })
      : createPublicKey({ key: jwk, format: 'jwk' });
  } catch (cause) {
    throw refused('it is no valid key of its algorithm', cause);
  }
}

/** ECDSA-Sig-Value: minimal DER of two INTEGERs, each 1 to n - 1 (RFC 3279 §2.2.3, FIPS 186-5 §6.4.2). */
export function ecdsaInRange(key: KeyObject, signature: Uint8Array): boolean {
  const order = curveOrders[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (order === undefined) return false;
  const reader = readDer(signature, { maxSize: 256 });
  const body = reader.sequence();
  const r = body.integer();
  const s = body.integer();
  body.end();
  reader.end();
  return r > 0n && r < order && s > 0n && s < order;
}

/**
 * Whether the signature over `data` is right. Never throws for a bad signature or a key of
 * another type: that is false. An ECDSA signature must be minimal DER with r and s in range
 * (low s is not asked for); PSS salts are as long as the hash; an RSA value has the modulus' length.
 */
export function verifySignature(
  algorithm: SignatureAlgorithm,
  key: KeyObject,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (key.type !== 'public' || key.asymmetricKeyType !== algorithm.keyType) return false;
  try {
    if (algorithm.keyType === 'ed25519') {
      return signature.length === 64 && verify(null, data, key, signature);
    }
    const { digest } = algorithm;
    if (digest === undefined) return false;
    if (algorithm.keyType === 'ec') {
      return ecdsaInRange(key, signature) && verify(digest, data, key, signature);
    }
    return (
      rsaLengthRight(key, signature) &&
      verify(digest, data, { key, ...rsaPadding(algorithm, digest) }, signature)
    );
  } catch {
    return false;
  }
}

/**
 * An RSA signature is as long as the modulus (RFC 8017 §8.1.2, §8.2.2, step 1 of each). OpenSSL asks
 * for it with PKCS #1 v1.5; with PSS it accepts a value whose leading zeros were taken away.
 */
export function rsaLengthRight(key: KeyObject, signature: Uint8Array): boolean {
  return signature.length === Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
}

/** Padding as node:crypto names it; the salt is as long as the hash. */
export function rsaPadding(
  algorithm: SignatureAlgorithm,
  digest: HashName,
): { readonly padding: number; readonly saltLength?: number } {
  return algorithm.padding === 'pss'
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: hashLengths[digest] }
    : { padding: constants.RSA_PKCS1_PADDING };
}

/** Outcome of checking a request's proof of possession. */
export type CertificationRequestVerification =
  | { readonly ok: true; readonly algorithm: SignatureAlgorithm }
  | { readonly ok: false; readonly reason: string };

const weakAlgorithms: Readonly<Record<string, string>> = {
  [oids.md5WithRSAEncryption]: 'MD5 with RSA',
  [oids.sha1WithRSAEncryption]: 'SHA-1 with RSA',
  [oids.ecdsaWithSHA1]: 'ECDSA with SHA-1',
};

/**
 * Verifies that the requester holds the private key (RFC 2986 §3). SHA-1, MD5 and anything
 * outside the registry is refused; the reason says what to do.
 */
export function verifyCertificationRequest(
  request: CertificationRequest,
): CertificationRequestVerification {
  const algorithm = resolveSignatureAlgorithm(request.signatureAlgorithm);
  if (algorithm === undefined) {
    const { oid } = request.signatureAlgorithm;
    const weak = weakAlgorithms[oid];
    const what = weak ?? `algorithm ${oid} with these parameters`;
    return {
      ok: false,
      reason: `the request is signed by ${what}; sign it with SHA-256 or stronger`,
    };
  }
  let key: KeyObject;
  try {
    key = importVerificationKey(request.subjectPublicKeyInfo);
  } catch (error) {
    if (error instanceof ChanceryError) return { ok: false, reason: error.message };
    throw error;
  }
  if (!verifySignature(algorithm, key, request.infoDer, request.signature)) {
    return {
      ok: false,
      reason: `the request's signature (${algorithm.name}) does not verify with the key in it; make the request again with the key's own private half`,
    };
  }
  return { ok: true, algorithm };
}

/** Key identifier: SHA-1 of the subjectPublicKey's octets (RFC 5280 §4.2.1.2 (1)). */
export function keyIdentifier(spki: SubjectPublicKeyInfo): Uint8Array {
  return hashKey(spki, 'sha1');
}

/** The same as lower-case hex: the id of an issuer, and the CKA_ID of its pair. */
export function keyIdentifierHex(spki: SubjectPublicKeyInfo): string {
  return Buffer.from(keyIdentifier(spki)).toString('hex');
}

/** Hash of a name's DER: issuerNameHash of a CertID (RFC 6960 §4.1.1). */
export function hashName(name: Name, digest: HashName): Uint8Array {
  return new Uint8Array(createHash(digest).update(name.der).digest());
}

/** Hash of the subjectPublicKey's octets without tag, length and unused bits: issuerKeyHash of a CertID. */
export function hashKey(spki: SubjectPublicKeyInfo, digest: HashName): Uint8Array {
  return new Uint8Array(createHash(digest).update(spki.subjectPublicKey).digest());
}

/**
 * ECDSA-Sig-Value from r‖s as PKCS#11 returns it (C_Sign with CKM_ECDSA).
 *
 * @throws ChanceryError `malformed` for an odd or empty string.
 */
export function ecdsaRawToDer(raw: Uint8Array): Uint8Array {
  if (raw.length === 0 || raw.length % 2 !== 0) {
    throw new ChanceryError('malformed', {
      message: `a raw ECDSA signature has r and s of equal length; ${raw.length} octets can't be halved`,
      clause: 'RFC 3279 §2.2.3',
    });
  }
  const half = raw.length / 2;
  return sequence(integer(raw.subarray(0, half)), integer(raw.subarray(half)));
}
