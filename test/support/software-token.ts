/** The ports of a token over node:crypto keys in memory, for tests that are not about PKCS#11. */
import {
  constants,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { ChanceryError, type KeyId } from '../../src/domain/index.ts';
import type { Signer, SignRequest } from '../../src/issuance/ports.ts';
import type {
  AdoptKeyRequest,
  GeneratedKey,
  GenerateKeyRequest,
  KeyBinding,
  KeyToken,
  TokenIdentity,
  TokenRole,
} from '../../src/keys/ports.ts';
import {
  hashKey,
  type KeyAlgorithmName,
  parseSubjectPublicKeyInfo,
  type SignatureAlgorithm,
  signatureAlgorithms,
} from '../../src/pkix/index.ts';
import { collected } from './chunks.ts';

export type SoftwareToken = Signer &
  KeyToken & {
    /** While true every act fails as an absent token's does. */
    failing: boolean;
    /** Awaited before each signature: tests hold signatures back with it. */
    beforeSign: () => Promise<void>;
    signatures: number;
  };

export function generateSoftwareKey(algorithm: KeyAlgorithmName): {
  privateKey: KeyObject;
  publicKey: KeyObject;
} {
  switch (algorithm) {
    case 'p256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'p384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' });
    case 'p521':
      return generateKeyPairSync('ec', { namedCurve: 'P-521' });
    case 'rsa2048':
    case 'rsa3072':
    case 'rsa4096':
      return generateKeyPairSync('rsa', { modulusLength: Number(algorithm.slice(3)) });
    case 'ed25519':
      return generateKeyPairSync('ed25519');
  }
}

export function softwareSignature(
  algorithm: SignatureAlgorithm,
  privateKey: KeyObject,
  bytes: Uint8Array,
): Uint8Array {
  const key =
    algorithm.padding === 'pss'
      ? {
          key: privateKey,
          padding: constants.RSA_PKCS1_PSS_PADDING,
          saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
        }
      : privateKey;
  return sign(algorithm.digest ?? null, bytes, key);
}

const identity: TokenIdentity = {
  label: 'software',
  serialNumber: '0',
  manufacturer: 'test',
  model: 'node:crypto',
  firmwareVersion: '1.0',
  hardware: false,
};

export function softwareToken(role: TokenRole = 'responder'): SoftwareToken {
  const keys = new Map<KeyId, { key: GeneratedKey; privateKey: KeyObject }>();
  const used = new Map<KeyId, number>();
  const token: SoftwareToken = {
    role,
    failing: false,
    beforeSign: async () => Promise.resolve(),
    signatures: 0,
    async sign(request: SignRequest) {
      await token.beforeSign();
      const held = keys.get(request.keyId);
      if (token.failing || held === undefined) throw absent();
      if (
        !held.key.purposes.includes(request.purpose) ||
        held.key.algorithm !== request.algorithm
      ) {
        throw new ChanceryError('purposeRefused', { message: `not for ${request.purpose}` });
      }
      token.signatures += 1;
      used.set(request.keyId, (used.get(request.keyId) ?? 0) + 1);
      return softwareSignature(
        signatureAlgorithms[request.algorithm],
        held.privateKey,
        request.bytes,
      );
    },
    async signStream({ keyId, purpose, algorithm, deadline, chunks }) {
      return token.sign({ keyId, purpose, algorithm, deadline, bytes: await collected(chunks()) });
    },
    async identity() {
      return Promise.resolve(identity);
    },
    async generateKeyPair(request: GenerateKeyRequest) {
      if (token.failing) throw absent();
      const { privateKey, publicKey } = generateSoftwareKey(request.keyAlgorithm);
      const der = publicKey.export({ type: 'spki', format: 'der' });
      const keyId = Buffer.from(hashKey(parseSubjectPublicKeyInfo(der), 'sha1')).toString('hex');
      const key: GeneratedKey = {
        keyId,
        purposes: request.purposes,
        algorithm: request.signatureAlgorithm,
        subjectPublicKeyInfo: der,
        life: { state: 'pre-activation', scope: 'full', issuerName: request.issuerName },
        label: request.label,
        keyAlgorithm: request.keyAlgorithm,
        token: identity,
        attributes: {
          token: true,
          private: true,
          sensitive: true,
          alwaysSensitive: true,
          extractable: false,
          neverExtractable: true,
          local: true,
          sign: true,
          decrypt: false,
          unwrap: false,
          derive: false,
          modifiable: false,
          copyable: false,
        },
      };
      keys.set(keyId, { key, privateKey });
      return Promise.resolve(key);
    },
    async bind(bindings: readonly KeyBinding[]) {
      if (token.failing) throw absent();
      for (const binding of bindings) {
        const held = keys.get(binding.keyId);
        const same =
          held !== undefined &&
          Buffer.compare(held.key.subjectPublicKeyInfo, binding.subjectPublicKeyInfo) === 0;
        // As the signer process answers (src/hsm): a key that is missing or another is blocked.
        if (!same) throw new ChanceryError('keyBlocked', { message: `no key ${binding.keyId}` });
      }
      return Promise.resolve();
    },
    async keyIds() {
      return Promise.resolve([...keys.keys()]);
    },
    async random(length: number) {
      return Promise.resolve(randomBytes(length));
    },
    async selfTest() {
      if (token.failing) throw absent();
      const { privateKey, publicKey } = generateSoftwareKey('ed25519');
      if (!verify(null, identityBytes, publicKey, sign(null, identityBytes, privateKey))) {
        throw absent();
      }
      return Promise.resolve();
    },
    async adoptKeyPair({ keyId }: AdoptKeyRequest) {
      const held = keys.get(keyId);
      if (held === undefined) throw new ChanceryError('notFound', { message: `no key ${keyId}` });
      return Promise.resolve(held.key);
    },
    async usage() {
      return Promise.resolve([...used].map(([keyId, signatures]) => ({ keyId, signatures })));
    },
    async objects() {
      return Promise.resolve(
        [...keys].flatMap(([keyId, { key }]) => {
          const { label, attributes, subjectPublicKeyInfo } = key;
          return [
            { class: 'privateKey', keyId, label, attributes } as const,
            { class: 'publicKey', keyId, label, subjectPublicKeyInfo } as const,
          ];
        }),
      );
    },
    async destroyKeyPair(keyId: KeyId) {
      keys.delete(keyId);
      return Promise.resolve({ objects: 2, token: identity, absent: true } as const);
    },
  };
  return token;
}

const identityBytes = Buffer.from('self-test');

function absent(): ChanceryError {
  return new ChanceryError('tokenUnavailable', { message: 'the token does not answer' });
}
