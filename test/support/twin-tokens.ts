/** Key pairs that are in two tokens at once, as a maker's cloning leaves them. */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { keyIdOf } from '../../src/hsm/public-keys.ts';
import type { TokenPlace } from '../../src/hsm/token-options.ts';
import type { KeyBinding } from '../../src/keys/ports.ts';

/** A key pair outside of any token. */
export interface SoftwarePair {
  readonly binding: KeyBinding;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** @param algorithm of P-256 or RSA 2048 */
export function softwarePair(
  purposes: KeyBinding['purposes'] = ['notice'],
  algorithm: 'ecdsa-with-SHA256' | 'sha256WithRSAEncryption' = 'ecdsa-with-SHA256',
): SoftwarePair {
  const { privateKey, publicKey } =
    algorithm === 'ecdsa-with-SHA256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const subjectPublicKeyInfo = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
  return {
    privateKey,
    publicKey,
    binding: {
      keyId: keyIdOf(subjectPublicKeyInfo),
      purposes,
      algorithm,
      subjectPublicKeyInfo,
      life: { state: 'active', scope: 'full' },
    },
  };
}

/** Puts the pair into the token, in a process of its own. */
export function importPair(
  place: TokenPlace,
  pin: string,
  label: string,
  { privateKey }: SoftwarePair,
): void {
  const script = new URL('./import-key-process.ts', import.meta.url).pathname;
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  // The key in the arguments is visible to others on this machine; it is a test's alone.
  execFileSync(process.execPath, [script, JSON.stringify([place, pin, label, pem])], {
    env: { ...place.environment, NODE_NO_WARNINGS: '1' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}
