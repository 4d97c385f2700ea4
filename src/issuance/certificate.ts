import { lintCertificate } from '../lint/index.ts';
import { encodeTbsCertificate, type TbsCertificate } from '../pkix/index.ts';
import type { Signer } from './ports.ts';
import { Prepared, refuseFailedLints } from './prepared.ts';
import { type SigningIssuer, signAndAssemble } from './signing-issuer.ts';

/** A certificate whose bytes are fixed and linted, before its signature. */
export type PreparedCertificate = Prepared<SigningIssuer>;

export interface CertificatePreparation {
  readonly tbs: TbsCertificate;
  readonly issuer: SigningIssuer;
  readonly type: 'endEntity' | 'ca' | 'ocspSigning' | 'root';
  readonly profile: {
    readonly name: string;
    /** Seconds, counted inclusively (RFC 5280 §4.1.2.5). */
    readonly maxValiditySeconds?: number | undefined;
    /** Profile without revocation information (RFC 9608). */
    readonly shortLived?: boolean | undefined;
  };
  /** What certificates of this issuer point to; the lints compare it with the bytes (RFC 5280 §4.2.1.13). */
  readonly urls?:
    | { readonly crl: string; readonly ocsp: string; readonly caIssuers: string }
    | undefined;
}

/**
 * Encodes the TBS once and lints those bytes.
 *
 * @throws ChanceryError `lintFailed` with every lint that failed; nothing was signed.
 */
export function prepareCertificate(preparation: CertificatePreparation): PreparedCertificate {
  const { tbs, issuer, type, profile, urls } = preparation;
  const bytes = encodeTbsCertificate(tbs);
  refuseFailedLints(
    'certificate',
    lintCertificate(bytes, { type, issuer: issuer.certificate, profile, urls }),
  );
  return new Prepared(bytes, issuer);
}

/**
 * Consumes the prepared value and answers the certificate's DER. The caller has committed
 * the intent before and commits the outcome after (invariant 2).
 *
 * @param deadline milliseconds from now
 */
export async function issueCertificate(
  prepared: PreparedCertificate,
  signer: Signer,
  deadline: number,
): Promise<Uint8Array> {
  const { bytes, details: issuer } = prepared.take();
  return signAndAssemble(signer, issuer, 'certificate', bytes, deadline);
}
