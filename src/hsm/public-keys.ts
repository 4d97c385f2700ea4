import { createPublicKey } from 'node:crypto';
import type { KeyId } from '../domain/index.ts';
import { keyIdentifierHex, parseSubjectPublicKeyInfo } from '../pkix/index.ts';
import type { Cryptoki, Handle } from './cryptoki.ts';
import { attributeOf, cka, ckk, cko, findObjects } from './cryptoki.ts';

const curveNames: Readonly<Record<string, { readonly crv: string; readonly size: number }>> = {
  '06082a8648ce3d030107': { crv: 'P-256', size: 32 },
  '06052b81040022': { crv: 'P-384', size: 48 },
  '06052b81040023': { crv: 'P-521', size: 66 },
};

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}

/** CKA_EC_POINT is a DER OCTET STRING; some modules give the bare point, or (Edwards) a BIT STRING. */
function unwrapPoint(value: Buffer, lengths: readonly number[]): Buffer {
  if (lengths.includes(value.length)) return value;
  for (const length of lengths) {
    const point = value.subarray(value.length - length);
    const header = value.subarray(0, value.length - length);
    const octets = length < 0x80 ? [length] : [0x81, length];
    if (header.equals(Buffer.from([0x04, ...octets]))) return point;
    const bits = length + 1 < 0x80 ? [length + 1] : [0x81, length + 1];
    if (header.equals(Buffer.from([0x03, ...bits, 0x00]))) return point;
  }
  throw new Error('CKA_EC_POINT has no form that PKCS#11 allows');
}

function minimal(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  return bytes.subarray(start);
}

/**
 * The SubjectPublicKeyInfo (DER) of a key object, built from its attributes: the public key object,
 * or an RSA private key, which has both halves. Undefined when the object does not tell.
 */
export function subjectPublicKeyInfoOf(
  lib: Cryptoki,
  session: Handle,
  object: Handle,
): Uint8Array | undefined {
  const keyType = attributeOf(lib, session, object, cka.keyType);
  if (keyType === undefined) return undefined;
  const jwk = jsonWebKey(lib, session, object, keyType.readUInt8(0));
  if (jwk === undefined) return undefined;
  return new Uint8Array(
    createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'der' }),
  );
}

function jsonWebKey(
  lib: Cryptoki,
  session: Handle,
  object: Handle,
  keyType: number,
): Record<string, string> | undefined {
  const attribute = (type: number): Buffer | undefined => attributeOf(lib, session, object, type);
  switch (keyType) {
    case ckk.rsa: {
      const n = attribute(cka.modulus);
      const e = attribute(cka.publicExponent);
      if (n === undefined || e === undefined || n.length === 0 || e.length === 0) return undefined;
      return { kty: 'RSA', n: base64url(minimal(n)), e: base64url(minimal(e)) };
    }
    case ckk.ec: {
      const parameters = attribute(cka.ecParams);
      const value = attribute(cka.ecPoint);
      const curve = curveNames[parameters?.toString('hex') ?? ''];
      if (curve === undefined || value === undefined) return undefined;
      const { size } = curve;
      const point = unwrapPoint(value, [2 * size + 1]);
      if (point[0] !== 0x04) return undefined;
      return {
        kty: 'EC',
        crv: curve.crv,
        x: base64url(point.subarray(1, 1 + size)),
        y: base64url(point.subarray(1 + size)),
      };
    }
    case ckk.ecEdwards: {
      const value = attribute(cka.ecPoint);
      if (value === undefined) return undefined;
      return { kty: 'OKP', crv: 'Ed25519', x: base64url(unwrapPoint(value, [32])) };
    }
    default:
      return undefined;
  }
}

/** The SHA-1 key identifier (RFC 5280 §4.2.1.2 (1)) as lower-case hex: also the pair's CKA_ID. */
export function keyIdOf(subjectPublicKeyInfo: Uint8Array): KeyId {
  return keyIdentifierHex(parseSubjectPublicKeyInfo(subjectPublicKeyInfo));
}

/** A private key in the token with the public half that the token gives for it. */
export interface FoundKey {
  readonly privateKey: Handle;
  readonly subjectPublicKeyInfo: Uint8Array | undefined;
}

/** Finds a private key by CKA_ID. Two objects by one CKA_ID are told apart by their public halves only, so the first is taken: a wrong one fails the comparison. */
export function findKey(lib: Cryptoki, session: Handle, id: Buffer): FoundKey | undefined {
  const [privateKey] = findObjects(lib, session, [
    { type: cka.class, value: cko.privateKey },
    { type: cka.id, value: id },
  ]);
  if (privateKey === undefined) return undefined;
  const [publicKey] = findObjects(lib, session, [
    { type: cka.class, value: cko.publicKey },
    { type: cka.id, value: id },
  ]);
  return {
    privateKey,
    subjectPublicKeyInfo: subjectPublicKeyInfoOf(lib, session, publicKey ?? privateKey),
  };
}
