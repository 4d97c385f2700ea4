import type { KeyAlgorithmName, SignatureAlgorithmName } from '../pkix/index.ts';
import type { Mechanism } from './cryptoki.ts';
import { ckm, mgf1 } from './cryptoki.ts';

type Digest = 'sha256' | 'sha384' | 'sha512';

/** How one signature algorithm is asked for at C_SignInit and C_Sign. */
export interface SigningMechanism {
  readonly mechanism: Mechanism;
  readonly keyType: 'ec' | 'rsa' | 'ed25519';
  /** Undefined for Ed25519, which takes the message itself. */
  readonly digest: Digest | undefined;
  /** Turns the hash (Ed25519: the message) into what C_Sign takes: the same, or a DigestInfo. */
  readonly input: (octets: Buffer) => Buffer;
}

/** DER prefix of DigestInfo (RFC 8017 §9.2 note 1). */
const digestInfoPrefix: Record<Digest, Buffer> = {
  sha256: Buffer.from('3031300d060960864801650304020105000420', 'hex'),
  sha384: Buffer.from('3041300d060960864801650304020205000430', 'hex'),
  sha512: Buffer.from('3051300d060960864801650304020305000440', 'hex'),
};
const digestLength: Record<Digest, number> = { sha256: 32, sha384: 48, sha512: 64 };
/** CK_PARAMS_RSA_PSS of the binding: tells it which parameter structure to build. */
const pssParameterType = 5;

function ecdsa(digest: Digest): SigningMechanism {
  return {
    mechanism: { mechanism: ckm.ecdsa },
    keyType: 'ec',
    digest,
    input: (octets) => octets,
  };
}

function pkcs1(digest: Digest): SigningMechanism {
  return {
    mechanism: { mechanism: ckm.rsaPkcs },
    keyType: 'rsa',
    digest,
    input: (octets) => Buffer.concat([digestInfoPrefix[digest], octets]),
  };
}

/** Salt as long as the hash, MGF1 with the same hash (RFC 4055 §3.1). */
function pss(digest: Digest): SigningMechanism {
  const parameter = {
    type: pssParameterType,
    hashAlg: ckm[digest],
    mgf: mgf1[digest],
    saltLen: digestLength[digest],
  };
  return {
    mechanism: { mechanism: ckm.rsaPkcsPss, parameter },
    keyType: 'rsa',
    digest,
    input: (octets) => octets,
  };
}

/**
 * The PKCS#11 side of the algorithm registry. The digest is made in the signer process: every
 * module has the plain mechanisms, few have all the hashing ones, and a CRL of many megabytes
 * need not cross to a network HSM.
 */
export const signingMechanisms: Readonly<Record<SignatureAlgorithmName, SigningMechanism>> = {
  'ecdsa-with-SHA256': ecdsa('sha256'),
  'ecdsa-with-SHA384': ecdsa('sha384'),
  'ecdsa-with-SHA512': ecdsa('sha512'),
  sha256WithRSAEncryption: pkcs1('sha256'),
  sha384WithRSAEncryption: pkcs1('sha384'),
  sha512WithRSAEncryption: pkcs1('sha512'),
  'rsassa-pss-sha256': pss('sha256'),
  'rsassa-pss-sha384': pss('sha384'),
  'rsassa-pss-sha512': pss('sha512'),
  ed25519: {
    mechanism: { mechanism: ckm.eddsa },
    keyType: 'ed25519',
    digest: undefined,
    input: (octets) => octets,
  },
};

/** How one kind of key pair is made. */
export interface GenerationMechanism {
  readonly mechanism: number;
  readonly keyType: 'ec' | 'rsa' | 'ed25519';
  readonly bits?: number;
  /** CKA_EC_PARAMS to try, in order: modules differ in how they name Ed25519. */
  readonly curves?: readonly Buffer[];
}

function curve(...parameters: readonly string[]): readonly Buffer[] {
  return parameters.map((hex) => Buffer.from(hex, 'hex'));
}

export const generationMechanisms: Readonly<Record<KeyAlgorithmName, GenerationMechanism>> = {
  p256: { mechanism: ckm.ecKeyPairGen, keyType: 'ec', curves: curve('06082a8648ce3d030107') },
  p384: { mechanism: ckm.ecKeyPairGen, keyType: 'ec', curves: curve('06052b81040022') },
  p521: { mechanism: ckm.ecKeyPairGen, keyType: 'ec', curves: curve('06052b81040023') },
  rsa2048: { mechanism: ckm.rsaPkcsKeyPairGen, keyType: 'rsa', bits: 2048 },
  rsa3072: { mechanism: ckm.rsaPkcsKeyPairGen, keyType: 'rsa', bits: 3072 },
  rsa4096: { mechanism: ckm.rsaPkcsKeyPairGen, keyType: 'rsa', bits: 4096 },
  // The OID 1.3.101.112 (RFC 8410), then PrintableString "edwards25519" (PKCS#11 v3.0 §2.3.5).
  ed25519: {
    mechanism: ckm.ecEdwardsKeyPairGen,
    keyType: 'ed25519',
    curves: curve('06032b6570', '130c656477617264733235353139'),
  },
};
