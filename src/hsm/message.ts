import { createHash, hash } from 'node:crypto';
import type { SigningPurpose } from '../domain/index.ts';
import { ChanceryError } from '../domain/index.ts';
import type { KeyBinding } from '../keys/ports.ts';
import {
  CollectedMessage,
  ed25519MessageLimit,
  headOctets,
  SignatureVerification,
  verifySignature,
} from '../pkix/index.ts';
import type { BoundKey } from './key-bindings.ts';
import type { SigningMechanism } from './mechanisms.ts';
import { fitsPurpose, longestBeginning } from './outer-structure.ts';
import { contentRefusal, headRefusal } from './permitted-content.ts';

/** What is to be signed, as the engine needs it. */
export interface Message {
  /** Why the key may not sign it under the purpose, by its content; undefined when it may. */
  refusal(purpose: SigningPurpose, binding: KeyBinding): string | undefined;
  /** What C_Sign takes. */
  input(mechanism: SigningMechanism): Buffer;
  /** Whether the signature value is right; asked once. */
  verify(key: Pick<BoundKey, 'algorithm' | 'verificationKey'>, signature: Uint8Array): boolean;
}

/** A message that came in one piece. */
export class WholeMessage implements Message {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  refusal(purpose: SigningPurpose, binding: KeyBinding): string | undefined {
    return contentRefusal(purpose, this.#bytes, binding);
  }

  input({ digest, input }: SigningMechanism): Buffer {
    const { buffer, byteOffset, length } = this.#bytes;
    return input(
      digest === undefined
        ? Buffer.from(buffer, byteOffset, length)
        : hash(digest, this.#bytes, 'buffer'),
    );
  }

  verify(key: Pick<BoundKey, 'algorithm' | 'verificationKey'>, signature: Uint8Array): boolean {
    return verifySignature(key.algorithm, key.verificationKey, this.#bytes, signature);
  }
}

/** The message's hash, and its verification once there is a signature; both take every chunk. */
class HashedMessage implements Message {
  readonly #hash: ReturnType<typeof createHash>;
  readonly #verification: SignatureVerification;
  readonly #refusal: (binding: KeyBinding) => string | undefined;
  #digest: Buffer | undefined;

  constructor(
    digest: string,
    key: Pick<BoundKey, 'algorithm' | 'verificationKey'>,
    refusal: (binding: KeyBinding) => string | undefined,
  ) {
    this.#hash = createHash(digest);
    this.#verification = new SignatureVerification(key.algorithm, key.verificationKey);
    this.#refusal = refusal;
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#verification.update(chunk);
  }

  refusal(_purpose: SigningPurpose, binding: KeyBinding): string | undefined {
    return this.#refusal(binding);
  }

  input({ input }: SigningMechanism): Buffer {
    this.#digest ??= this.#hash.digest();
    return input(this.#digest);
  }

  verify(_key: unknown, signature: Uint8Array): boolean {
    return this.#verification.verify(signature);
  }
}

/**
 * A CRL that comes in chunks: exactly `length` octets. Its head is judged as soon as it is there,
 * and again by the engine before anything is signed; entries and extensions go by unread, because
 * they are hashed as they come and a list may have millions (lint reads them before).
 */
export class IncomingMessage {
  readonly #purpose: SigningPurpose;
  readonly #length: number;
  readonly #binding: KeyBinding;
  readonly #body: HashedMessage | CollectedMessage;
  readonly #beginningLength: number;
  #received = 0;
  #beginning: Uint8Array = new Uint8Array(0);

  /** @throws ChanceryError `invalidArgument` when the key can't sign so much. */
  constructor(
    purpose: SigningPurpose,
    length: number,
    key: Pick<BoundKey, 'algorithm' | 'verificationKey' | 'binding'>,
  ) {
    const { digest } = key.algorithm;
    if (digest === undefined && length > ed25519MessageLimit) {
      throw new ChanceryError('invalidArgument', {
        message: `an Ed25519 key signs at most ${ed25519MessageLimit} octets, not ${length}; use more shards, or an issuer with an EC or RSA key`,
        field: 'length',
      });
    }
    this.#purpose = purpose;
    this.#length = length;
    this.#binding = key.binding;
    this.#beginningLength = Math.min(headOctets, length);
    this.#body =
      digest === undefined
        ? new CollectedMessage()
        : new HashedMessage(digest, key, (binding) => this.#refusal(binding));
  }

  /** @throws ChanceryError `purposeRefused` as soon as it is seen that this is not what was announced. */
  write(chunk: Uint8Array): void {
    const missing = this.#beginningLength - this.#beginning.length;
    this.#received += chunk.length;
    if (missing > 0) {
      this.#beginning = Buffer.concat([this.#beginning, chunk.subarray(0, missing)]);
      this.#judge(chunk.length >= missing);
    }
    if (this.#received > this.#length) throw this.#refused('it is longer');
    this.#body.update(chunk);
  }

  /** The whole, ready to be signed. @throws ChanceryError `purposeRefused` when octets are missing. */
  end(): Message {
    if (this.#received !== this.#length) throw this.#refused(`${this.#received} came`);
    this.#judge(true);
    return this.#body instanceof CollectedMessage
      ? new WholeMessage(this.#body.take())
      : this.#body;
  }

  /** The outer form with the first octets, the rest once the whole head is there. */
  #judge(complete: boolean): void {
    const outwardly =
      this.#beginning.length < Math.min(longestBeginning, this.#length) ||
      fitsPurpose(this.#purpose, this.#beginning, this.#length);
    if (!outwardly) throw this.#refused('its outer structure is another');
    const refusal = complete ? this.#refusal(this.#binding) : undefined;
    if (refusal !== undefined) throw this.#refused(refusal);
  }

  #refusal(binding: KeyBinding): string | undefined {
    return fitsPurpose(this.#purpose, this.#beginning, this.#length)
      ? headRefusal(this.#beginning, this.#length, binding)
      : `its outer structure is not that of the purpose ${this.#purpose}`;
  }

  #refused(why: string): ChanceryError {
    return new ChanceryError('purposeRefused', {
      message: `nothing was signed: the stream is not ${this.#length} octets that key ${this.#binding.keyId} signs under the purpose ${this.#purpose}: ${why}`,
    });
  }
}
