import { isChanceryError } from '../../../src/domain/index.ts';
import {
  type BasicOcspResponse,
  type Certificate,
  type CertStatus,
  findExtension,
  type HashName,
  hashKey,
  hashName,
  importVerificationKey,
  namesEqual,
  oids,
  parseBasicConstraints,
  parseExtendedKeyUsage,
  parseKeyUsage,
  parseOcspResponse,
  resolveSignatureAlgorithm,
  type SingleResponse,
  verifySignature,
} from '../../../src/pkix/index.ts';
import type { Question } from './question.ts';

/** Seconds that the responder's clock may be ahead of ours. */
const clockSkewSeconds = 60;

/** An answer that may be relied on. */
export interface VerifiedAnswer {
  /** DER of the whole OCSPResponse. */
  readonly der: Buffer;
  readonly certStatus: CertStatus;
  readonly producedAt: Date;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
}

/** Why an answer says nothing about the certificate. */
export class AnswerRefused extends Error {
  override readonly name = 'AnswerRefused';
  /** The OCSP error status, when the responder itself refused (RFC 6960 §4.2.1). */
  readonly responseStatus: string | undefined;

  constructor(message: string, responseStatus?: string) {
    super(message);
    this.responseStatus = responseStatus;
  }
}

/**
 * Reads an OCSPResponse and checks everything that RFC 6960 §3.2 asks of a client before it
 * accepts one: the certID is the certificate's own, the signature is the issuer's or its
 * delegate's, thisUpdate and nextUpdate are around `now`, the nonce (when one was sent and one
 * came back) is ours.
 *
 * Stricter than the RFC: nextUpdate must be there (RFC 9919 §3.2.4), a delegate must carry
 * id-pkix-ocsp-nocheck, and SHA-1 signatures are not accepted.
 *
 * @throws AnswerRefused
 */
export function verifyAnswer(
  der: Uint8Array,
  question: Omit<Question, 'der'>,
  now: Date,
): VerifiedAnswer {
  try {
    return verify(der, question, now);
  } catch (error) {
    if (isChanceryError(error)) {
      throw new AnswerRefused(error.message);
    }
    throw error;
  }
}

function verify(der: Uint8Array, question: Omit<Question, 'der'>, now: Date): VerifiedAnswer {
  const { status, basic } = parseOcspResponse(der);
  if (basic === undefined) {
    throw new AnswerRefused(`the responder answered ${status}`, status);
  }
  requireSignature(basic, question.issuer, now);
  requireNonce(basic, question.nonce);
  const single = responseFor(basic, question);
  const { certStatus, thisUpdate, nextUpdate } = single;
  const { producedAt, extensions } = basic.responseData;
  const unknown = [...extensions, ...(single.extensions ?? [])].find((one) => one.critical);
  if (unknown !== undefined) {
    throw new AnswerRefused(`critical extension ${unknown.oid} is not understood (RFC 6960 §4.4)`);
  }
  const latest = new Date(now.getTime() + clockSkewSeconds * 1000);
  if (thisUpdate > latest || producedAt > latest) {
    throw new AnswerRefused(
      `it is from the future: thisUpdate ${thisUpdate.toISOString()}, producedAt ${producedAt.toISOString()}; check the clocks (RFC 6960 §4.2.2.1)`,
    );
  }
  if (nextUpdate === undefined) {
    throw new AnswerRefused('nextUpdate is missing (RFC 9919 §3.2.4)');
  }
  if (nextUpdate <= now || nextUpdate <= thisUpdate) {
    throw new AnswerRefused(
      `it has expired: nextUpdate was ${nextUpdate.toISOString()} (RFC 6960 §4.2.2.1)`,
    );
  }
  return { der: Buffer.from(der), certStatus, producedAt, thisUpdate, nextUpdate };
}

const digests: ReadonlyMap<string, HashName> = new Map([
  [oids.sha1, 'sha1'],
  [oids.sha256, 'sha256'],
  [oids.sha384, 'sha384'],
  [oids.sha512, 'sha512'],
]);

/** The SingleResponse about this certificate: serial number and both hashes of its issuer. */
function responseFor(
  basic: BasicOcspResponse,
  { certificate, issuer }: Omit<Question, 'der'>,
): SingleResponse {
  const found = basic.responseData.responses.find(({ certID }) => {
    const digest = digests.get(certID.hashAlgorithm.oid);
    return (
      digest !== undefined &&
      certID.serialNumber === certificate.serialNumber &&
      same(certID.issuerNameHash, hashName(issuer.subject, digest)) &&
      same(certID.issuerKeyHash, hashKey(issuer.subjectPublicKeyInfo, digest))
    );
  });
  if (found === undefined) {
    throw new AnswerRefused(
      'it is about another certificate: serial number or issuer differ (RFC 6960 §3.2 (1))',
    );
  }
  return found;
}

function requireNonce(basic: BasicOcspResponse, sent: Uint8Array | undefined): void {
  // A responder may answer without one (RFC 9654 §2.1); a wrong one is a replay.
  if (basic.nonce !== undefined && (sent === undefined || !same(basic.nonce, sent))) {
    throw new AnswerRefused('its nonce is not the one that was sent (RFC 9654 §2.1)');
  }
}

function requireSignature(basic: BasicOcspResponse, issuer: Certificate, now: Date): void {
  const signer = signerOf(basic, issuer);
  if (signer !== issuer) {
    const faults = delegateFaults(signer, issuer, now);
    if (faults.length > 0) {
      throw new AnswerRefused(
        `its signer may not answer for the issuer: ${faults.join('; ')} (RFC 6960 §4.2.2.2)`,
      );
    }
  }
  if (!signedBy(signer, basic.signatureAlgorithm, basic.tbsDer, basic.signature)) {
    throw new AnswerRefused('its signature is wrong (RFC 6960 §3.2 (2))');
  }
}

/** The issuer itself or the certificate in `certs` that the responderID names. */
function signerOf(basic: BasicOcspResponse, issuer: Certificate): Certificate {
  const { responderID } = basic.responseData;
  const isNamed = (candidate: Certificate): boolean =>
    responderID.type === 'byKey'
      ? same(responderID.keyHash, hashKey(candidate.subjectPublicKeyInfo, 'sha1'))
      : namesEqual(responderID.name, candidate.subject);
  const delegate = basic.certs.find((one) => isNamed(one) && !same(one.der, issuer.der));
  // A delegate with the issuer's own name would be found first; its key decides.
  if (delegate !== undefined) {
    return delegate;
  }
  if (isNamed(issuer)) {
    return issuer;
  }
  throw new AnswerRefused(
    "its signer is neither the issuer nor one of the answer's certificates (RFC 6960 §4.2.2.3)",
  );
}

function delegateFaults(delegate: Certificate, issuer: Certificate, now: Date): readonly string[] {
  const faults: string[] = [];
  const value = (oid: string): Uint8Array | undefined =>
    findExtension(delegate.extensions, oid)?.value;
  if (
    !namesEqual(delegate.issuer, issuer.subject) ||
    !signedBy(issuer, delegate.signatureAlgorithm, delegate.tbsDer, delegate.signature)
  ) {
    faults.push('the issuer did not sign its certificate');
  }
  const usage = value(oids.extendedKeyUsage);
  if (usage === undefined || !parseExtendedKeyUsage(usage).includes(oids.ocspSigning)) {
    faults.push('its certificate lacks the key purpose OCSPSigning');
  }
  if (value(oids.ocspNoCheck) === undefined) {
    faults.push('its certificate lacks id-pkix-ocsp-nocheck');
  }
  const bits = value(oids.keyUsage);
  if (bits !== undefined && !parseKeyUsage(bits).includes('digitalSignature')) {
    faults.push("its certificate's key usage lacks digitalSignature");
  }
  const constraints = value(oids.basicConstraints);
  if (constraints !== undefined && parseBasicConstraints(constraints).cA) {
    faults.push('its certificate is a CA certificate');
  }
  const { notBefore, notAfter } = delegate.validity;
  if (now < notBefore || now > notAfter) {
    faults.push('its certificate is not valid now');
  }
  return faults;
}

function signedBy(
  signer: Certificate,
  identifier: BasicOcspResponse['signatureAlgorithm'],
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  const algorithm = resolveSignatureAlgorithm(identifier);
  return (
    algorithm !== undefined &&
    verifySignature(algorithm, importVerificationKey(signer.subjectPublicKeyInfo), data, signature)
  );
}

function same(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
