import type { KeyAlgorithmName, SignatureAlgorithmName } from '../pkix/index.ts';
import { signatureAlgorithms } from '../pkix/index.ts';

/** How strong a key is, and until when that is enough to apply protection (SP 800-57 Part 1 §5.6.1, §5.6.3). */
export interface KeyStrength {
  /** Bits of security. */
  readonly bits: number;
  /** After this moment nothing may be signed with it any more; undefined: no end is set. */
  readonly end?: Date | undefined;
}

/** SP 800-57 Part 1 Table 4: 112 bits apply protection through 2030. */
const endOf112Bits = new Date('2031-01-01T00:00:00Z');

/**
 * SP 800-57 Part 1 Table 2. RSA 4096 stands between its rows: SP 800-56B Rev. 2 appendix D computes 152.
 * Ed25519: SP 800-186 §3.2.3.
 */
export const keyStrengths: Readonly<Record<KeyAlgorithmName, number>> = {
  rsa2048: 112,
  rsa3072: 128,
  rsa4096: 152,
  p256: 128,
  p384: 192,
  p521: 256,
  ed25519: 128,
};

/** Collision resistance of the digest that is signed, in bits (SP 800-57 Part 1 Table 3). */
const digestStrengths = { sha256: 128, sha384: 192, sha512: 256 } as const;

/** The weaker of key and digest decides (§5.6.2). */
export function strengthOf(
  keyAlgorithm: KeyAlgorithmName,
  signatureAlgorithm?: SignatureAlgorithmName,
): KeyStrength {
  const key = keyStrengths[keyAlgorithm];
  const digest =
    signatureAlgorithm === undefined ? undefined : signatureAlgorithms[signatureAlgorithm].digest;
  const bits = Math.min(key, digest === undefined ? key : digestStrengths[digest]);
  return bits < 128 ? { bits, end: endOf112Bits } : { bits };
}

/** Why a key of this kind is not made or taken now; undefined when it is strong enough. */
export function weakness(
  keyAlgorithm: KeyAlgorithmName,
  signatureAlgorithm: SignatureAlgorithmName | undefined,
  minimumBits: number,
  now: Date,
): string | undefined {
  const { bits, end } = strengthOf(keyAlgorithm, signatureAlgorithm);
  if (bits < minimumBits) {
    return `${keyAlgorithm} has ${bits} bits of security, less than the ${minimumBits} that keys.minimumStrength asks for; choose a stronger kind of key`;
  }
  return end !== undefined && now >= end
    ? `${keyAlgorithm} has ${bits} bits of security, which may not be used to sign from ${end.toISOString()} on; choose a stronger kind of key`
    : undefined;
}
