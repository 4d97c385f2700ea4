import { ChanceryError, type IssuerId, type KeyId } from '../src/domain/index.ts';
import { issueCertificationRequest, type OcspDelegate } from '../src/issuance/index.ts';
import type { Signer } from '../src/issuance/ports.ts';
import type { KeyToken } from '../src/keys/ports.ts';
import {
  type Certificate,
  decodePem,
  defaultSignatureAlgorithm,
  encodePem,
  importVerificationKey,
  type KeyAlgorithmName,
  parseCertificate,
  parseDistinguishedName,
  parseSubjectPublicKeyInfo,
  signatureAlgorithms,
} from '../src/pkix/index.ts';
import { type ClientCredential, certificateInAnswer, postToAuthority } from './authority-client.ts';
import { type ClientCertificate, exchangeDeadline } from './client-certificate.ts';
import { requireNew, waitsForCeremony } from './delegate-attempts.ts';
import { type DelegateKey, delegatePurposes, type ToldKey } from './delegate-store.ts';
import type { KnownIssuer } from './issuers.ts';

/** Longest commonName (RFC 5280 A.1, ub-common-name). */
const longestCommonName = 64;

/**
 * Makes delegate keys in the responder's token and asks the CA for their certificates over mTLS
 * (POST /api/v1/responders/{issuerId}/certificate).
 */
export class DelegateEnrolment {
  readonly #token: Signer & KeyToken;
  readonly #client: ClientCertificate;
  readonly #authorityUrl: string;
  readonly #signDeadline: number;
  readonly #keepRequest: (issuerId: IssuerId, key: DelegateKey, pem: string) => Promise<void>;

  constructor(parts: {
    readonly token: Signer & KeyToken;
    readonly client: ClientCertificate;
    readonly authorityUrl: string;
    /** Milliseconds. */
    readonly signDeadline: number;
    /** Keeps the request that a ceremony answers, for who carries it there. */
    readonly keepRequest: (issuerId: IssuerId, key: DelegateKey, pem: string) => Promise<void>;
  }) {
    this.#token = parts.token;
    this.#client = parts.client;
    this.#authorityUrl = parts.authorityUrl;
    this.#signDeadline = parts.signDeadline;
    this.#keepRequest = parts.keepRequest;
  }

  async generateKey(issuer: KnownIssuer, keyAlgorithm: KeyAlgorithmName): Promise<DelegateKey> {
    const made = await this.#token.generateKeyPair({
      keyAlgorithm,
      signatureAlgorithm: defaultSignatureAlgorithm(keyAlgorithm, 'pkcs1').name,
      purposes: delegatePurposes,
      label: `ocsp-${issuer.issuerId.slice(0, 16)}`,
    });
    const { label, token, attributes } = made;
    return { ...made, told: { label, token, attributes } };
  }

  /** A key whose file tells nothing was made by an older version: what its token says of it now. */
  async #seenOf(keyId: KeyId): Promise<ToldKey | undefined> {
    const objects = await this.#token.objects();
    const own = objects.find((one) => one.class === 'privateKey' && one.keyId === keyId);
    return own?.attributes === undefined
      ? undefined
      : { label: own.label, token: await this.#token.identity(), attributes: own.attributes };
  }

  /**
   * @param held what there is of it already
   * @throws ChanceryError tokenAbsent when the next one comes with a ceremony, for which the request is kept
   */
  async enrol(
    issuer: KnownIssuer,
    key: DelegateKey,
    held: readonly OcspDelegate[],
  ): Promise<Certificate> {
    const credential = await this.#client.read();
    const subjectPublicKeyInfo = parseSubjectPublicKeyInfo(key.subjectPublicKeyInfo);
    const request = await issueCertificationRequest(
      { subject: subjectOf(issuer), subjectPublicKeyInfo, extensions: [] },
      {
        keyId: key.keyId,
        signatureAlgorithm: signatureAlgorithms[key.algorithm],
        publicKey: importVerificationKey(subjectPublicKeyInfo),
      },
      this.#token,
      this.#signDeadline,
    );
    const pem = encodePem('CERTIFICATE REQUEST', request);
    try {
      return await this.#certified(issuer, key, pem, credential, held);
    } catch (error) {
      if (waitsForCeremony(error)) await this.#keepRequest(issuer.issuerId, key, pem);
      throw error;
    }
  }

  async #certified(
    issuer: KnownIssuer,
    key: DelegateKey,
    pem: string,
    credential: ClientCredential,
    held: readonly OcspDelegate[],
  ): Promise<Certificate> {
    const answer = await postToAuthority(
      new URL(`/api/v1/responders/${issuer.issuerId}/certificate`, this.#authorityUrl),
      credential,
      { csr: pem, key: key.told ?? (await this.#seenOf(key.keyId)) },
      exchangeDeadline,
    );
    const [block] = decodePem(certificateInAnswer(answer), 'CERTIFICATE');
    if (block === undefined) {
      throw new ChanceryError('malformed', { message: "the CA's answer holds no certificate" });
    }
    const certificate = parseCertificate(block.der);
    requireNew(held, certificate);
    return certificate;
  }
}

function subjectOf(issuer: KnownIssuer): ReturnType<typeof parseDistinguishedName> {
  const commonName = `${issuer.name} OCSP responder`.slice(0, longestCommonName).trim();
  return parseDistinguishedName(`CN=${commonName.replace(/[,+"\\<>;=#]/g, '\\$&')}`);
}
