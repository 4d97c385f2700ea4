import type { KeyId } from '../domain/index.ts';
import { lintOcspResponse } from '../lint/index.ts';
import {
  assembleBasicOcspResponse,
  type CertID,
  type Certificate,
  encodeResponseData,
  type ResponseData,
  type SignatureAlgorithm,
} from '../pkix/index.ts';
import type { Signer } from './ports.ts';
import { Prepared, refuseFailedLints } from './prepared.ts';

/** The responder's certificate for one issuer, and its key (RFC 6960 §4.2.2.2). */
export interface OcspDelegate {
  readonly certificate: Certificate;
  readonly keyId: KeyId;
  readonly signatureAlgorithm: SignatureAlgorithm;
}

/** An OCSP response whose ResponseData is fixed and linted, before its signature. */
export type PreparedOcspResponse = Prepared<OcspDelegate>;

/** @throws ChanceryError `lintFailed`. */
export function prepareOcspResponse(preparation: {
  readonly data: ResponseData;
  readonly issuer: Certificate;
  readonly delegate: OcspDelegate;
  readonly now: Date;
  readonly nonce?: Uint8Array | undefined;
  readonly requested?: readonly CertID[] | undefined;
  /** thisUpdate is that of a foreign CA's CRL. */
  readonly timesOfCrl?: boolean | undefined;
}): PreparedOcspResponse {
  const { data, issuer, delegate, now, nonce, requested, timesOfCrl } = preparation;
  const bytes = encodeResponseData(data);
  refuseFailedLints(
    'OCSP response',
    lintOcspResponse(bytes, {
      issuer,
      delegate: delegate.certificate,
      now,
      nonce,
      requested,
      timesOfCrl,
    }),
  );
  return new Prepared(bytes, delegate);
}

/**
 * Consumes the prepared value and answers the whole OCSPResponse with the delegate's certificate
 * (RFC 9919 §3.2.2).
 *
 * The signer process has verified the signature before it left; it is deliberately not verified
 * a second time here: a wrong one would be refused by every relying party, and nothing is recorded.
 *
 * @param deadline milliseconds from now
 */
export async function issueOcspResponse(
  prepared: PreparedOcspResponse,
  signer: Signer,
  deadline: number,
): Promise<Uint8Array> {
  const { bytes, details: delegate } = prepared.take();
  const signature = await signer.sign({
    keyId: delegate.keyId,
    purpose: 'ocspResponse',
    algorithm: delegate.signatureAlgorithm.name,
    bytes,
    deadline,
  });
  return assembleBasicOcspResponse(bytes, delegate.signatureAlgorithm, signature, [
    delegate.certificate.der,
  ]);
}
