import type { KeyId } from '../domain/index.ts';
import type { KeyBinding } from '../keys/ports.ts';
import type { BlockedKey } from './messages.ts';

/** What every signer process of a token is told when it starts. */
export class KnownKeys {
  readonly #bindings = new Map<KeyId, KeyBinding>();
  readonly #blocked = new Map<KeyId, BlockedKey>();

  get bindings(): readonly KeyBinding[] {
    return [...this.#bindings.values()];
  }

  get blocked(): readonly BlockedKey[] {
    return [...this.#blocked.values()];
  }

  /** Copies what the signer process needs: a record has more, and the channel takes plain data only. */
  remember(keys: readonly KeyBinding[]): void {
    for (const { keyId, purposes, algorithm, subjectPublicKeyInfo, life } of keys) {
      this.#bindings.set(keyId, { keyId, purposes, algorithm, subjectPublicKeyInfo, life });
    }
  }

  forget(keyId: KeyId): void {
    this.#bindings.delete(keyId);
  }

  block(key: BlockedKey): void {
    this.#blocked.set(key.keyId, key);
  }

  unblock(keyId: KeyId): void {
    this.#blocked.delete(keyId);
  }
}
