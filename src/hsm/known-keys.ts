import type { KeyId } from '../domain/index.ts';
import type { KeyBinding } from '../keys/ports.ts';
import { wideningRefusal } from './key-life.ts';
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

  /**
   * Copies what the signer process needs: a record has more, and the channel takes plain data only.
   * A life that the process refuses, because it is wider than what is final, is not kept either: the
   * next process would take it.
   */
  remember(keys: readonly KeyBinding[]): void {
    for (const { keyId, purposes, algorithm, subjectPublicKeyInfo, life } of keys) {
      const known = this.#bindings.get(keyId)?.life;
      if (known !== undefined && wideningRefusal(known, life) !== undefined) continue;
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
