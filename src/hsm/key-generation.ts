import { ChanceryError } from '../domain/index.ts';
import {
  type GeneratedKey,
  type GenerateKeyRequest,
  type KeyLife,
  type PrivateKeyAttributes,
  selfTestLabel,
} from '../keys/ports.ts';
import { keyAlgorithmOf, parseSubjectPublicKeyInfo, signatureAlgorithms } from '../pkix/index.ts';
import type { Attribute, Cryptoki, Handle } from './cryptoki.ts';
import { attributeOf, cka, returnValueOf } from './cryptoki.ts';
import type { GenerationMechanism } from './mechanisms.ts';
import { generationMechanisms } from './mechanisms.ts';
import { keyIdOf, subjectPublicKeyInfoOf } from './public-keys.ts';
import { classifyReturnValue } from './return-values.ts';
import type { TokenConnection } from './token-connection.ts';
import { openSession } from './token-connection.ts';

interface Pair {
  readonly privateKey: Handle;
  readonly publicKey: Handle;
}

/** The life of a key that nobody has activated (SP 800-57 Part 1 §7.1). */
export function newLife(issuerName: Uint8Array | undefined): KeyLife {
  return { state: 'pre-activation', scope: 'full', issuerName };
}

const publicExponent = Buffer.from([0x01, 0x00, 0x01]);

function template(entries: readonly (readonly [number, boolean | string | Buffer | number])[]) {
  return entries.map(([type, value]): Attribute => ({ type, value }));
}

function publicTemplate(
  generation: GenerationMechanism,
  label: string,
  id: Buffer,
  curve: Buffer | undefined,
): Attribute[] {
  const size: (readonly [number, Buffer | number])[] =
    curve === undefined
      ? [
          [cka.modulusBits, generation.bits ?? 0],
          [cka.publicExponent, publicExponent],
        ]
      : [[cka.ecParams, curve]];
  return template([
    [cka.token, true],
    [cka.private, false],
    [cka.label, label],
    [cka.id, id],
    [cka.verify, true],
    [cka.encrypt, false],
    [cka.wrap, false],
    ...size,
  ]);
}

/** Signs and nothing else; what a module leaves on by default (decrypt, unwrap, derive) is switched off by name. */
function privateTemplate(label: string, id: Buffer): Attribute[] {
  return template([
    [cka.token, true],
    [cka.private, true],
    [cka.label, label],
    [cka.id, id],
    [cka.sensitive, true],
    [cka.extractable, false],
    [cka.sign, true],
    [cka.signRecover, false],
    [cka.decrypt, false],
    [cka.unwrap, false],
    [cka.derive, false],
    // CKA_ID is the public key's identifier, known only afterwards: see `sealed`.
    [cka.modifiable, true],
  ]);
}

function isTrue(value: Buffer | undefined): boolean {
  return value?.[0] === 1;
}

/**
 * Reads a private key's attributes back from the token. One that the module does not tell counts
 * as the weaker value.
 */
export function readAttributes(lib: Cryptoki, session: Handle, key: Handle): PrivateKeyAttributes {
  const value = (type: number): Buffer | undefined => attributeOf(lib, session, key, type);
  const set = (type: number): boolean => isTrue(value(type));
  const notClear = (type: number): boolean => value(type)?.[0] !== 0;
  return {
    token: set(cka.token),
    private: set(cka.private),
    sensitive: set(cka.sensitive),
    alwaysSensitive: set(cka.alwaysSensitive),
    extractable: notClear(cka.extractable),
    neverExtractable: set(cka.neverExtractable),
    local: set(cka.local),
    sign: set(cka.sign),
    // Absent where the key type can't do it at all (Ed25519 and CKA_DECRYPT on some modules).
    decrypt: set(cka.decrypt),
    unwrap: set(cka.unwrap),
    derive: set(cka.derive),
    modifiable: notClear(cka.modifiable),
    copyable: notClear(cka.copyable),
  };
}

/**
 * What is wrong with a private key's attributes (SP 800-57 §6.2.2); empty when nothing is.
 * CKA_MODIFIABLE and CKA_COPYABLE are recorded and not refused: not every module can clear them,
 * and neither can make a sensitive key readable.
 */
export function weaknesses(attributes: PrivateKeyAttributes): readonly string[] {
  const must: readonly (readonly [string, boolean])[] = [
    ['CKA_TOKEN is not set', attributes.token],
    ['CKA_PRIVATE is not set', attributes.private],
    ['CKA_SENSITIVE is not set', attributes.sensitive],
    ['CKA_ALWAYS_SENSITIVE is not set', attributes.alwaysSensitive],
    ['CKA_EXTRACTABLE is set', !attributes.extractable],
    ['CKA_NEVER_EXTRACTABLE is not set', attributes.neverExtractable],
    ['CKA_LOCAL is not set', attributes.local],
    ['CKA_SIGN is not set', attributes.sign],
    ['CKA_DECRYPT is set', !attributes.decrypt],
    ['CKA_UNWRAP is set', !attributes.unwrap],
    ['CKA_DERIVE is set', !attributes.derive],
  ];
  return must.filter(([, holds]) => !holds).map(([problem]) => problem);
}

async function generatePair(
  lib: Cryptoki,
  session: Handle,
  request: GenerateKeyRequest,
  temporaryId: Buffer,
): Promise<Pair> {
  const generation = generationMechanisms[request.keyAlgorithm];
  const curves = generation.curves ?? [undefined];
  let refusal: unknown;
  for (const curve of curves) {
    try {
      return await lib.C_GenerateKeyPairAsync(
        session,
        { mechanism: generation.mechanism },
        publicTemplate(generation, request.label, temporaryId, curve),
        privateTemplate(request.label, temporaryId),
      );
    } catch (error) {
      const code = returnValueOf(error);
      if (code === undefined || classifyReturnValue(code).faultClass !== 'fatal') throw error;
      refusal = error;
    }
  }
  const code = returnValueOf(refusal) ?? 0;
  throw new ChanceryError('invalidArgument', {
    message: `the token does not make ${request.keyAlgorithm} keys (${classifyReturnValue(code).name}); choose another key algorithm or another module`,
    field: 'keyAlgorithm',
    cause: refusal,
  });
}

/**
 * Makes the private key unchangeable. CKA_ID can be set only while CKA_MODIFIABLE is true, and
 * CKA_MODIFIABLE itself changes only in a copy (PKCS#11 v2.40 §4.1.2), so the key is copied with
 * it cleared and the first object destroyed. A module that won't copy, or whose copy is weaker,
 * keeps the first; the attributes read back say so.
 */
function sealed(lib: Cryptoki, session: Handle, first: Handle): Handle {
  // NSS answers C_CopyObject with the handle of the original: what is refused anyway is not copied.
  if (weaknesses(readAttributes(lib, session, first)).length > 0) return first;
  const attempts: readonly Attribute[][] = [
    template([
      [cka.modifiable, false],
      [cka.copyable, false],
    ]),
    template([[cka.modifiable, false]]),
  ];
  for (const attempt of attempts) {
    let copy: Handle;
    try {
      copy = lib.C_CopyObject(session, first, attempt);
    } catch (error) {
      const code = returnValueOf(error);
      if (code === undefined || classifyReturnValue(code).faultClass !== 'fatal') throw error;
      continue;
    }
    if (copy.equals(first)) return first;
    if (weaknesses(readAttributes(lib, session, copy)).length === 0) {
      lib.C_DestroyObject(session, first);
      return copy;
    }
    lib.C_DestroyObject(session, copy);
  }
  return first;
}

/** Makes a pair in the token; anything weaker than asked is destroyed and refused. */
export async function generateKeyPair(
  connection: TokenConnection,
  request: GenerateKeyRequest,
  temporaryId: Buffer,
): Promise<GeneratedKey> {
  const { lib, slot, identity } = connection;
  const session = openSession(slot, 'readWrite');
  try {
    const pair = await generatePair(lib, session.handle, request, temporaryId);
    let { privateKey } = pair;
    try {
      const spki = subjectPublicKeyInfoOf(lib, session.handle, pair.publicKey);
      if (spki === undefined) throw new Error("the token does not tell the new key's public half");
      const made = keyAlgorithmOf(parseSubjectPublicKeyInfo(spki));
      if (made !== request.keyAlgorithm) {
        throw new Error(
          `the token made ${made ?? 'another kind of key'}, not ${request.keyAlgorithm}`,
        );
      }
      const keyId = keyIdOf(spki);
      const id = Buffer.from(keyId, 'hex');
      lib.C_SetAttributeValue(session.handle, pair.publicKey, [{ type: cka.id, value: id }]);
      lib.C_SetAttributeValue(session.handle, privateKey, [{ type: cka.id, value: id }]);
      privateKey = sealed(lib, session.handle, privateKey);
      const attributes = readAttributes(lib, session.handle, privateKey);
      const weak = weaknesses(attributes);
      if (weak.length > 0) {
        throw new ChanceryError('policyViolation', {
          message: `the token made a weaker key than asked (${weak.join(', ')}); it was destroyed. Change the module's settings`,
          clause: 'SP 800-57 Part 1 §6.2.2',
        });
      }
      return {
        keyId,
        purposes: [...request.purposes],
        algorithm: request.signatureAlgorithm,
        subjectPublicKeyInfo: spki,
        life: newLife(request.issuerName),
        label: request.label,
        keyAlgorithm: request.keyAlgorithm,
        token: identity,
        attributes,
      };
    } catch (error) {
      for (const object of [privateKey, pair.publicKey]) {
        try {
          lib.C_DestroyObject(session.handle, object);
        } catch {
          // What can't be destroyed now is never bound: it signs nothing.
        }
      }
      throw error;
    }
  } finally {
    try {
      session.close();
    } catch {
      // A lost device closes its sessions by itself.
    }
  }
}

/** Refuses a request whose algorithms do not fit, before anything is made. */
export function checkGenerateRequest(request: GenerateKeyRequest): void {
  const { keyType } = generationMechanisms[request.keyAlgorithm];
  if (signatureAlgorithms[request.signatureAlgorithm].keyType !== keyType) {
    throw new ChanceryError('invalidArgument', {
      message: `a ${request.keyAlgorithm} key can't sign with ${request.signatureAlgorithm}`,
      field: 'signatureAlgorithm',
    });
  }
  if ((request.label === selfTestLabel) !== request.purposes.includes('selfTest')) {
    throw new ChanceryError('purposeRefused', {
      message: `the label "${selfTestLabel}" and the purpose selfTest belong together; choose another label`,
      field: 'label',
    });
  }
}
