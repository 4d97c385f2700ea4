import type { KeyObject } from 'node:crypto';
import type { KeyId, SigningPurpose } from '../domain/index.ts';
import { ChanceryError } from '../domain/index.ts';
import type { KeyBinding } from '../keys/ports.ts';
import type { SignatureAlgorithm, SignatureAlgorithmName } from '../pkix/index.ts';
import {
  importVerificationKey,
  keyAlgorithmOf,
  parseSubjectPublicKeyInfo,
  signatureAlgorithms,
} from '../pkix/index.ts';
import type { Cryptoki, Handle } from './cryptoki.ts';
import { purposeRefusal, standstillOf, wideningRefusal } from './key-life.ts';
import type { SigningMechanism } from './mechanisms.ts';
import { signingMechanisms } from './mechanisms.ts';
import type { Message } from './message.ts';
import type { BlockedKey, SignItem } from './messages.ts';
import { sameBytes } from './permitted-content.ts';
import { findKey } from './public-keys.ts';

/** A key that may sign: what it is bound to, and its handle in the present login. */
export interface BoundKey {
  readonly binding: KeyBinding;
  readonly algorithm: SignatureAlgorithm;
  readonly mechanism: SigningMechanism;
  readonly verificationKey: KeyObject;
  /** Undefined while the token does not have the key, or has another under its name. */
  readonly handle: Handle | undefined;
  readonly problem: string | undefined;
}

/** What is to be signed with which key, and as what. */
export interface SigningItem extends Omit<SignItem, 'id' | 'bytes'> {
  readonly message?: Message | undefined;
}

/**
 * One key, one purpose where it matters here: the self-test key signs nothing else, and no other
 * key signs probes. Which other purposes may go together is the key inventory's to say.
 */
export function checkPurposes(purposes: readonly SigningPurpose[]): void {
  if (purposes.length === 0) {
    throw new ChanceryError('invalidArgument', {
      message: 'a key needs at least one purpose; name what it may sign',
      field: 'purposes',
    });
  }
  if (purposes.includes('selfTest') && purposes.length > 1) {
    throw new ChanceryError('purposeRefused', {
      message: 'the self-test key signs nothing else; make another key for the other purposes',
      field: 'purposes',
      clause: 'SP 800-57 Part 1 §5.2',
    });
  }
}

/** Which keys sign what. Nothing outside these bindings is ever signed. */
export class KeyBindings {
  readonly #keys = new Map<KeyId, BoundKey>();
  readonly #blocked = new Map<KeyId, BlockedKey>();

  constructor(blocked: readonly BlockedKey[]) {
    for (const key of blocked) this.#blocked.set(key.keyId, key);
  }

  get blocked(): readonly BlockedKey[] {
    return [...this.#blocked.values()];
  }

  /** All bindings, to be looked up again after a new login. */
  get bindings(): readonly KeyBinding[] {
    return [...this.#keys.values()].map((key) => key.binding);
  }

  block(key: BlockedKey): void {
    this.#blocked.set(key.keyId, key);
  }

  clear(keyId: KeyId): void {
    this.#blocked.delete(keyId);
  }

  forget(keyId: KeyId): void {
    this.#keys.delete(keyId);
  }

  get(keyId: KeyId): BoundKey | undefined {
    return this.#keys.get(keyId);
  }

  /**
   * Finds the key in the token and compares its public half with the binding's.
   *
   * @throws ChanceryError `purposeRefused` when the new life is wider than what is final.
   */
  bind(lib: Cryptoki, session: Handle, binding: KeyBinding): BoundKey {
    checkPurposes(binding.purposes);
    const known = this.#keys.get(binding.keyId)?.binding.life;
    const widening = known === undefined ? undefined : wideningRefusal(known, binding.life);
    if (widening !== undefined) {
      throw new ChanceryError('purposeRefused', {
        message: `key ${binding.keyId} keeps its life: ${widening}`,
        clause: 'SP 800-57 Part 1 §7',
      });
    }
    const spki = parseSubjectPublicKeyInfo(binding.subjectPublicKeyInfo);
    const algorithm = signatureAlgorithms[binding.algorithm];
    const keyType = keyAlgorithmOf(spki);
    if (keyType === undefined || spki.key.type !== algorithm.keyType) {
      throw new ChanceryError('invalidArgument', {
        message: `key ${binding.keyId} (${keyType ?? spki.key.type}) can't sign with ${binding.algorithm}`,
        field: 'algorithm',
      });
    }
    const found = findKey(lib, session, Buffer.from(binding.keyId, 'hex'));
    const same =
      found?.subjectPublicKeyInfo !== undefined &&
      sameBytes(found.subjectPublicKeyInfo, binding.subjectPublicKeyInfo);
    const problem =
      found === undefined
        ? `the token has no private key with CKA_ID ${binding.keyId}`
        : same
          ? undefined
          : `the token's key with CKA_ID ${binding.keyId} has another public key than the inventory's record`;
    const key: BoundKey = {
      binding,
      algorithm,
      mechanism: signingMechanisms[binding.algorithm],
      verificationKey: importVerificationKey(spki),
      handle: same ? found.privateKey : undefined,
      problem,
    };
    this.#keys.set(binding.keyId, key);
    return key;
  }

  /**
   * The key that may sign this item; `message` is undefined while it is still on its way.
   *
   * @throws ChanceryError `purposeRefused` when key, purpose, algorithm and message do not belong
   * together; `keyBlocked` in a state or after a period in which it signs nothing, after a wrong
   * signature, or when the token's key is missing or another.
   */
  permit(item: SigningItem): BoundKey & { readonly handle: Handle } {
    const key = this.#keys.get(item.keyId);
    const refuse = (why: string): ChanceryError =>
      new ChanceryError('purposeRefused', { message: `key ${item.keyId} signs nothing: ${why}` });
    if (key === undefined) throw refuse('it is not bound; bind it with its purposes first');
    if (!key.binding.purposes.includes(item.purpose)) {
      throw refuse(
        `its record binds ${key.binding.purposes.join(', ')}, not ${item.purpose}; use the key made for that`,
      );
    }
    checkAlgorithm(key.binding.algorithm, item.algorithm, refuse);
    const { life } = key.binding;
    const standstill = standstillOf(life, Date.now());
    if (standstill !== undefined) {
      throw new ChanceryError('keyBlocked', {
        message: `key ${item.keyId} signs nothing: ${standstill}`,
        clause: 'SP 800-57 Part 1 §7',
      });
    }
    const refusal =
      purposeRefusal(life, item.purpose) ?? item.message?.refusal(item.purpose, key.binding);
    if (refusal !== undefined) throw refuse(refusal);
    const blocked = this.#blocked.get(item.keyId);
    if (blocked !== undefined) {
      throw new ChanceryError('keyBlocked', {
        message: `key ${item.keyId} is blocked since ${blocked.since}: ${blocked.reason}; an operator must examine the token and clear the key`,
      });
    }
    if (key.handle === undefined) {
      throw new ChanceryError('keyBlocked', {
        message: `key ${item.keyId} can't sign: ${key.problem ?? 'it was not found in the token'}`,
      });
    }
    return { ...key, handle: key.handle };
  }
}

function checkAlgorithm(
  bound: SignatureAlgorithmName,
  asked: SignatureAlgorithmName,
  refuse: (why: string) => ChanceryError,
): void {
  if (bound !== asked) throw refuse(`its record binds ${bound}, not ${asked}`);
}
