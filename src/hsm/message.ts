import { createHash, hash } from 'node:crypto';
import type { SigningPurpose } from '../domain/index.ts';
import { ChanceryError } from '../domain/index.ts';
import type { SignatureAlgorithm } from '../pkix/index.ts';
import {
  CollectedMessage,
  ed25519MessageLimit,
  SignatureVerification,
  verifySignature,
} from '../pkix/index.ts';
import type { BoundKey } from './key-bindings.ts';
import type { SigningMechanism } from './mechanisms.ts';
import { fitsPurpose, longestBeginning } from './outer-structure.ts';

/** What is to be signed, as the engine needs it. */
export interface Message {
  /** Whether it may be signed under the purpose, by its outer structure. */
  fits(purpose: SigningPurpose): boolean;
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

  fits(purpose: SigningPurpose): boolean {
    return fitsPurpose(purpose, this.#bytes);
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
  readonly #fits: (purpose: SigningPurpose) => boolean;
  #digest: Buffer | undefined;

  constructor(
    digest: string,
    key: Pick<BoundKey, 'algorithm' | 'verificationKey'>,
    fits: (purpose: SigningPurpose) => boolean,
  ) {
    this.#hash = createHash(digest);
    this.#verification = new SignatureVerification(key.algorithm, key.verificationKey);
    this.#fits = fits;
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#verification.update(chunk);
  }

  fits(purpose: SigningPurpose): boolean {
    return this.#fits(purpose);
  }

  input({ input }: SigningMechanism): Buffer {
    this.#digest ??= this.#hash.digest();
    return input(this.#digest);
  }

  verify(_key: unknown, signature: Uint8Array): boolean {
    return this.#verification.verify(signature);
  }
}

/** A message that comes in chunks: exactly `length` octets, of the purpose's outer structure. */
export class IncomingMessage {
  readonly #purpose: SigningPurpose;
  readonly #length: number;
  readonly #body: HashedMessage | CollectedMessage;
  #received = 0;
  #beginning = Buffer.alloc(0);

  /** @throws ChanceryError `invalidArgument` when the key can't sign so much. */
  constructor(
    purpose: SigningPurpose,
    length: number,
    key: {
      readonly algorithm: SignatureAlgorithm;
      readonly verificationKey: BoundKey['verificationKey'];
    },
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
    this.#body =
      digest === undefined
        ? new CollectedMessage()
        : new HashedMessage(digest, key, () => this.#fits());
  }

  /** @throws ChanceryError `purposeRefused` as soon as it is seen that this is not what was announced. */
  write(chunk: Uint8Array): void {
    this.#received += chunk.length;
    if (this.#beginning.length < longestBeginning) {
      const more = chunk.subarray(0, longestBeginning - this.#beginning.length);
      this.#beginning = Buffer.concat([this.#beginning, more]);
    }
    const begun = this.#beginning.length === Math.min(longestBeginning, this.#length);
    if (this.#received > this.#length || (begun && !this.#fits())) throw this.#refused();
    this.#body.update(chunk);
  }

  /** The whole, ready to be signed. @throws ChanceryError `purposeRefused` when octets are missing. */
  end(): Message {
    if (this.#received !== this.#length || !this.#fits()) throw this.#refused();
    return this.#body instanceof CollectedMessage
      ? new WholeMessage(this.#body.take())
      : this.#body;
  }

  #fits(): boolean {
    return fitsPurpose(this.#purpose, this.#beginning, this.#length);
  }

  #refused(): ChanceryError {
    return new ChanceryError('purposeRefused', {
      message: `nothing was signed: the stream is not ${this.#length} octets of the outer structure of the purpose ${this.#purpose} (${this.#received} came)`,
    });
  }
}
