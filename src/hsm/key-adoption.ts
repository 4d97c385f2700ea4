import { ChanceryError } from '../domain/index.ts';
import { type AdoptKeyRequest, type GeneratedKey, selfTestLabel } from '../keys/ports.ts';
import {
  defaultSignatureAlgorithm,
  keyAlgorithmOf,
  parseSubjectPublicKeyInfo,
  signatureAlgorithms,
} from '../pkix/index.ts';
import { attributeOf, cka, cko, findObjects } from './cryptoki.ts';
import { newLife, readAttributes, weaknesses } from './key-generation.ts';
import { keyIdOf, subjectPublicKeyInfoOf } from './public-keys.ts';
import type { TokenConnection } from './token-connection.ts';

/**
 * A pair that is in the token already, looked at as one just made: one private and one public
 * object by that CKA_ID, which is the public key's identifier, of a kind and size that we make
 * ourselves, whose attributes are as strong (SP 800-57 Part 1 §6.2.2).
 *
 * @throws ChanceryError notFound, invalidArgument, policyViolation
 */
export function adoptedKey(
  { lib, control: session, identity }: TokenConnection,
  request: AdoptKeyRequest,
): GeneratedKey {
  const { keyId, purposes } = request;
  const id = Buffer.from(keyId, 'hex');
  const byClass = (value: number) =>
    findObjects(lib, session, [
      { type: cka.class, value },
      { type: cka.id, value: id },
    ]);
  const [privateKey, ...otherPrivate] = byClass(cko.privateKey);
  const [publicKey, ...otherPublic] = byClass(cko.publicKey);
  if (privateKey === undefined || id.length === 0) {
    throw new ChanceryError('notFound', {
      message: `the token has no private key with CKA_ID ${keyId}; \`chancery token show\` lists those that it has`,
      field: 'keyId',
    });
  }
  const refuse = (why: string): ChanceryError =>
    new ChanceryError('policyViolation', {
      message: `key ${keyId} is not adopted: ${why}`,
      field: 'keyId',
      clause: 'SP 800-57 Part 1 §6.2.2',
    });
  if (otherPrivate.length > 0 || otherPublic.length > 0) {
    throw refuse(
      'the token has several objects by that CKA_ID, and one could be taken for another',
    );
  }
  const weak = weaknesses(readAttributes(lib, session, privateKey));
  if (weak.length > 0) throw refuse(`its attributes are weaker than asked (${weak.join(', ')})`);
  const spki =
    publicKey === undefined ? undefined : subjectPublicKeyInfoOf(lib, session, publicKey);
  if (spki === undefined) throw refuse('the token does not tell its public half');
  const named = keyIdOf(spki);
  if (named !== keyId) {
    throw refuse(
      `its CKA_ID is not the identifier of its public key; set CKA_ID of both halves to ${named}`,
    );
  }
  const keyAlgorithm = keyAlgorithmOf(parseSubjectPublicKeyInfo(spki));
  if (keyAlgorithm === undefined) {
    throw refuse('its kind or size of key is none that Chancery makes');
  }
  const algorithm =
    request.signatureAlgorithm ?? defaultSignatureAlgorithm(keyAlgorithm, 'pkcs1').name;
  const { key } = parseSubjectPublicKeyInfo(spki);
  if (signatureAlgorithms[algorithm].keyType !== key.type) {
    throw new ChanceryError('invalidArgument', {
      message: `a ${keyAlgorithm} key can't sign with ${algorithm}`,
      field: 'signatureAlgorithm',
    });
  }
  const label = attributeOf(lib, session, privateKey, cka.label)?.toString('utf8') ?? '';
  if (label === selfTestLabel || purposes.includes('selfTest')) {
    throw refuse("the token's self-test key serves nothing else");
  }
  return {
    keyId,
    purposes: [...purposes],
    algorithm,
    subjectPublicKeyInfo: spki,
    life: newLife(request.issuerName),
    label,
    keyAlgorithm,
    token: identity,
    attributes: readAttributes(lib, session, privateKey),
  };
}
