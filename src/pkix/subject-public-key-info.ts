import { DerError, type DerReader, readDer } from '../der/index.ts';
import { readAlgorithmIdentifier } from './algorithms.ts';
import { bytesEqual, decode, refuse } from './decoding.ts';
import { oids } from './oids.ts';
import type { SubjectPublicKeyInfo } from './types.ts';

type Key = SubjectPublicKeyInfo['key'];

const curves: Readonly<Record<string, { curve: 'P-256' | 'P-384' | 'P-521'; octets: number }>> = {
  [oids.secp256r1]: { curve: 'P-256', octets: 32 },
  [oids.secp384r1]: { curve: 'P-384', octets: 48 },
  [oids.secp521r1]: { curve: 'P-521', octets: 66 },
};

/** Bits of the largest modulus that is read at all; key policy is much narrower. */
const maxModulusBits = 16_384;

function rsaKey(parameters: Uint8Array | undefined, subjectPublicKey: Uint8Array): Key {
  if (parameters === undefined || !bytesEqual(parameters, Uint8Array.of(5, 0))) {
    refuse('rsaEncryption without NULL parameters (RFC 3279 §2.3.1)');
  }
  const outer = readDer(subjectPublicKey);
  const body = outer.sequence();
  const modulus = body.integer();
  const exponent = body.integer();
  body.end();
  if (modulus <= 0n || exponent <= 0n) refuse('RSA modulus and exponent must be positive');
  const modulusBits = modulus.toString(2).length;
  if (modulusBits > maxModulusBits) refuse(`RSA modulus of more than ${maxModulusBits} bits`);
  return { type: 'rsa', modulus, exponent, modulusBits };
}

function ecKey(parameters: Uint8Array | undefined, subjectPublicKey: Uint8Array): Key {
  if (parameters === undefined || parameters[0] !== 0x06) {
    refuse('id-ecPublicKey without a named curve (RFC 5480 §2.1.1)');
  }
  const curveOid = readDer(parameters).oid();
  const known = curves[curveOid];
  if (known === undefined) return { type: 'ec', curve: 'other', curveOid };
  const form = subjectPublicKey[0];
  const { length } = subjectPublicKey;
  const uncompressed = form === 4 && length === 1 + 2 * known.octets;
  const compressed = (form === 2 || form === 3) && length === 1 + known.octets;
  if (!uncompressed && !compressed) refuse(`the point is not one of ${known.curve}`);
  return { type: 'ec', curve: known.curve, curveOid };
}

/**
 * Reads a SubjectPublicKeyInfo. Keys of unknown algorithms are kept and never interpreted.
 * That an EC point lies on its curve is found by `importVerificationKey`, not here.
 */
export function readSubjectPublicKeyInfo(reader: DerReader): SubjectPublicKeyInfo {
  const { raw, body } = reader.captured();
  const algorithm = readAlgorithmIdentifier(body);
  const { bytes: subjectPublicKey, unusedBits } = body.bitString();
  body.end();
  let key: Key = { type: 'unknown' };
  switch (algorithm.oid) {
    case oids.rsaEncryption:
      key = rsaKey(algorithm.parameters, subjectPublicKey);
      break;
    case oids.ecPublicKey:
      key = ecKey(algorithm.parameters, subjectPublicKey);
      break;
    case oids.ed25519:
      if (algorithm.parameters !== undefined) refuse('Ed25519 with parameters (RFC 8410 §3)');
      if (subjectPublicKey.length !== 32) refuse('Ed25519 key that is not 32 octets');
      key = { type: 'ed25519' };
      break;
    default:
  }
  if (key.type !== 'unknown' && unusedBits !== 0) {
    throw new DerError('subjectPublicKey is not of whole octets', reader.offset);
  }
  return { der: raw, algorithm, subjectPublicKey, key };
}

/**
 * Parses a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7, RFC 3279, RFC 5480, RFC 8410).
 *
 * @throws ChanceryError `malformed`.
 */
export function parseSubjectPublicKeyInfo(der: Uint8Array): SubjectPublicKeyInfo {
  return decode(
    { name: 'SubjectPublicKeyInfo', clause: 'RFC 5280 §4.1.2.7' },
    der,
    readSubjectPublicKeyInfo,
  );
}
