import { ChanceryError } from '../domain/index.ts';
import { lintCrl } from '../lint/index.ts';
import { encodeTbsCertListFromEncoded, type TbsCertList } from '../pkix/index.ts';
import type { Signer } from './ports.ts';
import { Prepared, refuseFailedLints } from './prepared.ts';
import { type SigningIssuer, signAndAssemble } from './signing-issuer.ts';

/** A CRL whose bytes are fixed and linted, before its signature. */
export type PreparedCrl = Prepared<SigningIssuer>;

export interface CrlPreparation {
  readonly tbs: TbsCertList;
  /** DER of the entries, in the order that the list shall have; several may stand in one chunk. */
  readonly encodedEntries: readonly Uint8Array[];
  readonly issuer: SigningIssuer;
  /** The URI of IDP and of the certificates' CRLDP, byte for byte (RFC 5280 §5.2.5). */
  readonly distributionPoint: string;
  readonly previous?: { readonly crlNumber: bigint; readonly thisUpdate: Date } | undefined;
  readonly now: Date;
}

/** @throws ChanceryError `lintFailed`. */
export function prepareCrl(preparation: CrlPreparation): PreparedCrl {
  const { tbs, encodedEntries, issuer, distributionPoint, previous, now } = preparation;
  if (issuer.certificate === undefined) {
    throw new ChanceryError('illegalTransition', {
      message: `issuer ${issuer.issuerId} has no certificate yet; install its chain before a CRL`,
    });
  }
  const length = encodedEntries.reduce((sum, chunk) => sum + chunk.length, 0);
  const bytes = encodeTbsCertListFromEncoded(tbs, encodedEntries, length);
  refuseFailedLints(
    'CRL',
    lintCrl(bytes, { issuer: issuer.certificate, distributionPoint, previous, now }),
  );
  return new Prepared(bytes, issuer);
}

/** Consumes the prepared value; the CRL's number was committed before. @param deadline milliseconds from now */
export async function issueCrl(
  prepared: PreparedCrl,
  signer: Signer,
  deadline: number,
): Promise<Uint8Array> {
  const { bytes, details: issuer } = prepared.take();
  return signAndAssemble(signer, issuer, 'crl', bytes, deadline);
}
