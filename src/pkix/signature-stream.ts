import { createVerify, type KeyObject, type Verify } from 'node:crypto';
import { ChanceryError } from '../domain/index.ts';
import { ecdsaInRange, rsaLengthRight, rsaPadding, verifySignature } from './signature.ts';
import type { SignatureAlgorithm } from './types.ts';

/**
 * Most octets that an Ed25519 signature is made or verified over: the algorithm reads its message
 * twice (RFC 8032 §5.1.6), so it is held whole. A CRL of 1.7 million entries has as many.
 */
export const ed25519MessageLimit = 64 * 1024 * 1024;

/** A message as Ed25519 needs it: collected, up to `ed25519MessageLimit`. */
export class CollectedMessage {
  readonly #chunks: Uint8Array[] = [];
  #octets = 0;

  /** @throws ChanceryError `invalidArgument` above the limit. */
  update(chunk: Uint8Array): void {
    this.#octets += chunk.length;
    if (this.#octets > ed25519MessageLimit) {
      throw new ChanceryError('invalidArgument', {
        message: `an Ed25519 key signs at most ${ed25519MessageLimit} octets, because it needs them whole; use more shards, or an issuer with an EC or RSA key`,
        field: 'length',
        clause: 'RFC 8032 §5.1.6',
      });
    }
    this.#chunks.push(Uint8Array.from(chunk));
  }

  take(): Buffer {
    return Buffer.concat(this.#chunks.splice(0));
  }
}

/**
 * Verifies a signature over octets that come in chunks, by the rules of `verifySignature`. They are
 * hashed as they come; those for Ed25519 are collected.
 */
export class SignatureVerification {
  readonly #algorithm: SignatureAlgorithm;
  readonly #key: KeyObject;
  readonly #message: Verify | CollectedMessage;

  constructor(algorithm: SignatureAlgorithm, key: KeyObject) {
    this.#algorithm = algorithm;
    this.#key = key;
    this.#message =
      algorithm.digest === undefined ? new CollectedMessage() : createVerify(algorithm.digest);
  }

  /** @throws ChanceryError `invalidArgument` when there are more octets than Ed25519 is verified over. */
  update(chunk: Uint8Array): void {
    this.#message.update(chunk);
  }

  /** Once, after the last chunk. Never throws for a bad signature or a key of another type. */
  verify(signature: Uint8Array): boolean {
    const message = this.#message;
    const key = this.#key;
    const algorithm = this.#algorithm;
    if (message instanceof CollectedMessage) {
      return verifySignature(algorithm, key, message.take(), signature);
    }
    const { digest, keyType } = algorithm;
    if (digest === undefined || key.type !== 'public' || key.asymmetricKeyType !== keyType) {
      return false;
    }
    try {
      if (keyType === 'ec') return ecdsaInRange(key, signature) && message.verify(key, signature);
      return (
        rsaLengthRight(key, signature) &&
        message.verify({ key, ...rsaPadding(algorithm, digest) }, signature)
      );
    } catch {
      return false;
    }
  }
}
