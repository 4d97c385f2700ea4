import { randomBytes } from 'node:crypto';
import { type KeyBinding, selfTestLabel } from '../keys/ports.ts';
import {
  defaultSignatureAlgorithm,
  keyAlgorithmOf,
  parseSubjectPublicKeyInfo,
} from '../pkix/index.ts';
import { attributeOf, cka, cko, findObjects } from './cryptoki.ts';
import type { BoundKey } from './key-bindings.ts';
import { type Message, WholeMessage } from './message.ts';
import { findKey } from './public-keys.ts';
import { verifiedSignature, WrongSignature } from './signature-value.ts';
import type { TokenConnection } from './token-connection.ts';

/** Octets of a self-test message: random, and without the form of any X.509 structure. */
const selfTestMessageLength = 64;

export function selfTestMessage(): Message {
  const marked = [Buffer.from('chancery self-test\0'), randomBytes(selfTestMessageLength)];
  return new WholeMessage(Buffer.concat(marked));
}

/** The token's own self-test key, found by its label; undefined when there is none that can sign. */
export function selfTestBinding({ lib, control }: TokenConnection): KeyBinding | undefined {
  for (const handle of findObjects(lib, control, [
    { type: cka.class, value: cko.privateKey },
    { type: cka.label, value: selfTestLabel },
  ])) {
    const id = attributeOf(lib, control, handle, cka.id);
    const spki = id === undefined ? undefined : findKey(lib, control, id)?.subjectPublicKeyInfo;
    const keyAlgorithm =
      spki === undefined ? undefined : keyAlgorithmOf(parseSubjectPublicKeyInfo(spki));
    if (id === undefined || spki === undefined || keyAlgorithm === undefined) continue;
    return {
      keyId: id.toString('hex'),
      purposes: ['selfTest'],
      algorithm: defaultSignatureAlgorithm(keyAlgorithm, 'pkcs1').name,
      subjectPublicKeyInfo: spki,
      life: { state: 'active', scope: 'full' },
    };
  }
  return undefined;
}

/**
 * Signs and verifies with the self-test key, before anything else is done with the token.
 *
 * @returns `signed`; `absent` when the key can't be used; else what is wrong with the signature
 * @throws Error of the module
 */
export function proveSelfTest(
  { lib, pool }: TokenConnection,
  key: BoundKey,
): 'signed' | 'absent' | WrongSignature {
  const [session] = pool;
  if (session === undefined || key.handle === undefined) return 'absent';
  const message = selfTestMessage();
  lib.C_SignInit(session.handle, key.mechanism.mechanism, key.handle);
  const raw = lib.C_Sign(session.handle, message.input(key.mechanism), session.output);
  try {
    verifiedSignature(key, message, raw);
    return 'signed';
  } catch (error) {
    if (error instanceof WrongSignature) return error;
    throw error;
  }
}
