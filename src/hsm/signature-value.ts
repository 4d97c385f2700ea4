import { ecdsaRawToDer } from '../pkix/index.ts';
import type { BoundKey } from './key-bindings.ts';
import type { Message } from './message.ts';

/** Octets of r (and of s) by the curve's name in a KeyObject. */
const halfLength: Readonly<Record<string, number>> = {
  prime256v1: 32,
  secp384r1: 48,
  secp521r1: 66,
};

/** A signature that does not verify with the key's public half. */
export class WrongSignature extends Error {
  override readonly name = 'WrongSignature';
}

/**
 * Turns what C_Sign answered into the signature value of the BIT STRING (ECDSA: r‖s becomes
 * Ecdsa-Sig-Value, RFC 3279 §2.2.3) and verifies it with the public half.
 *
 * @throws WrongSignature when its length is wrong or it does not verify: it never leaves.
 */
export function verifiedSignature(key: BoundKey, message: Message, raw: Buffer): Uint8Array {
  let signature: Uint8Array;
  if (key.algorithm.keyType === 'ec') {
    const half = halfLength[key.verificationKey.asymmetricKeyDetails?.namedCurve ?? ''];
    if (half === undefined || raw.length !== 2 * half) {
      throw new WrongSignature(`the token's signature has ${raw.length} octets`);
    }
    signature = ecdsaRawToDer(raw);
  } else {
    signature = new Uint8Array(raw);
  }
  if (!message.verify(key, signature)) {
    throw new WrongSignature("the token's signature does not verify with the key's public half");
  }
  return signature;
}
