import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  assembleSigned,
  type Certificate,
  type CertificationRequest,
  defaultSignatureAlgorithm,
  type Extension,
  encodeCertificationRequestInfo,
  encodeTbsCertificate,
  type KeyAlgorithmName,
  keyIdentifier,
  parseCertificate,
  parseCertificationRequest,
  parseDistinguishedName,
  parseSubjectPublicKeyInfo,
  type SignatureAlgorithm,
  type SubjectPublicKeyInfo,
  type TbsCertificate,
} from '../../src/pkix/index.ts';
import {
  applyProfile,
  type CaParameters,
  type IssuerInput,
  type Profile,
  parseProfile,
  requestFromParameters,
} from '../../src/policy/index.ts';

/** A key pair in software: what subscribers have, and what stands in for a token in pure tests. */
export interface SoftwareKey {
  readonly algorithm: KeyAlgorithmName;
  readonly privateKey: KeyObject;
  readonly subjectPublicKeyInfo: SubjectPublicKeyInfo;
}

const keys = new Map<string, SoftwareKey>();

/** A key by algorithm and label, made once a process: RSA generation is slow. */
export function softwareKey(algorithm: KeyAlgorithmName, label = 'subscriber'): SoftwareKey {
  const known = keys.get(`${algorithm} ${label}`);
  if (known !== undefined) return known;
  const { privateKey, publicKey } = generate(algorithm);
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const key = { algorithm, privateKey, subjectPublicKeyInfo: parseSubjectPublicKeyInfo(spki) };
  keys.set(`${algorithm} ${label}`, key);
  return key;
}

function generate(algorithm: KeyAlgorithmName): { privateKey: KeyObject; publicKey: KeyObject } {
  if (algorithm === 'ed25519') return generateKeyPairSync('ed25519');
  if (algorithm.startsWith('rsa')) {
    return generateKeyPairSync('rsa', { modulusLength: Number(algorithm.slice(3)) });
  }
  return generateKeyPairSync('ec', { namedCurve: `P-${algorithm.slice(1)}` });
}

export function signBytes(
  algorithm: SignatureAlgorithm,
  privateKey: KeyObject,
  bytes: Uint8Array,
): Uint8Array {
  const pss = algorithm.padding === 'pss';
  // 6: RSA_PKCS1_PSS_PADDING; -1: salt as long as the digest.
  return sign(
    algorithm.digest ?? null,
    bytes,
    pss ? { key: privateKey, padding: 6, saltLength: -1 } : privateKey,
  );
}

export function signTbsCertificate(tbs: TbsCertificate, privateKey: KeyObject): Certificate {
  const tbsDer = encodeTbsCertificate(tbs);
  return parseCertificate(
    assembleSigned(tbsDer, tbs.signature, signBytes(tbs.signature, privateKey, tbsDer)),
  );
}

/** A signed PKCS#10 request. */
export function makeRequest(
  key: SoftwareKey,
  subject: string,
  extensions: readonly Extension[] = [],
): CertificationRequest {
  const infoDer = encodeCertificationRequestInfo({
    subject: parseDistinguishedName(subject),
    subjectPublicKeyInfo: key.subjectPublicKeyInfo,
    extensions,
  });
  const algorithm = defaultSignatureAlgorithm(key.algorithm, 'pkcs1');
  return parseCertificationRequest(
    assembleSigned(infoDer, algorithm, signBytes(algorithm, key.privateKey, infoDer)),
  );
}

/** A profile of the product, read from the profiles folder. */
export function productProfile(name: string): Profile {
  const file = `${name}.yaml`;
  return parseProfile(
    readFileSync(new URL(`../../profiles/${file}`, import.meta.url), 'utf8'),
    file,
  );
}

/** A CA with its key in software. */
export interface SoftwareIssuer {
  readonly certificate: Certificate;
  readonly key: SoftwareKey;
  readonly input: IssuerInput;
}

export interface SoftwareIssuerOptions {
  readonly name?: string | undefined;
  readonly parent?: SoftwareIssuer | undefined;
  readonly algorithm?: KeyAlgorithmName | undefined;
  readonly padding?: 'pkcs1' | 'pss' | undefined;
  readonly caParameters?: CaParameters | undefined;
  /** Default root-ca or issuing-ca. */
  readonly profile?: string | undefined;
  readonly now?: Date | undefined;
}

let serial = 0n;

/** Serial numbers of tests: 17 octets as the product's, distinct within a process. */
export function nextSerialNumber(): string {
  serial += 1n;
  return ((0x55n << 128n) + serial).toString(16);
}

/**
 * Makes a CA through the product's own profiles: a root, or one below `parent`.
 *
 * @throws Error listing the violations when the profile refuses it.
 */
export function makeSoftwareIssuer(options: SoftwareIssuerOptions = {}): SoftwareIssuer {
  const { parent } = options;
  const name = options.name ?? (parent === undefined ? 'Test Root' : 'Test Issuing CA');
  const algorithm = options.algorithm ?? (parent === undefined ? 'p384' : 'p256');
  const key = softwareKey(algorithm, name);
  const subject = parseDistinguishedName(`CN=${name}`);
  const urls = {
    crl: `http://pki.example.test/crl/${name.length}/0.crl`,
    ocsp: 'http://pki.example.test:8081/',
    caIssuers: `http://pki.example.test/ca/${name.length}.cer`,
  };
  const own: Omit<IssuerInput, 'certificate' | 'chain'> = {
    issuerId: Buffer.from(keyIdentifier(key.subjectPublicKeyInfo)).toString('hex'),
    signatureAlgorithm: defaultSignatureAlgorithm(algorithm, options.padding ?? 'pkcs1'),
    urls,
    subject,
    subjectKeyIdentifier: keyIdentifier(key.subjectPublicKeyInfo),
  };
  const result = applyProfile({
    profile: productProfile(options.profile ?? (parent === undefined ? 'root-ca' : 'issuing-ca')),
    request: requestFromParameters({ subjectPublicKeyInfo: key.subjectPublicKeyInfo, subject }),
    issuer: parent?.input ?? { ...own, chain: [] },
    now: options.now ?? new Date('2026-11-21T12:00:00Z'),
    serialNumber: nextSerialNumber(),
    caParameters: options.caParameters,
  });
  if (!result.ok)
    throw new Error(result.violations.map((violation) => violation.message).join('; '));
  const certificate = signTbsCertificate(result.tbs, (parent?.key ?? key).privateKey);
  const input = { ...own, certificate, chain: [certificate, ...(parent?.input.chain ?? [])] };
  return { certificate, key, input };
}
