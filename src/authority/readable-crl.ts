import { ChanceryError } from '../domain/index.ts';
import {
  type CertificateList,
  parseCertificateList,
  resolveSignatureAlgorithm,
  verifySignature,
} from '../pkix/index.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import type { LoadedIssuer } from './loaded-issuers.ts';

/** Re-reads what was signed with the strict parser and the issuer's public key, before anyone else can. */
export function verifyPublishable(
  issuer: LoadedIssuer,
  der: Uint8Array,
  crlNumber: bigint,
): CertificateList {
  const list = parseCertificateList(der);
  const algorithm = resolveSignatureAlgorithm(list.signatureAlgorithm);
  if (
    algorithm === undefined ||
    list.crlNumber !== crlNumber ||
    !verifySignature(algorithm, issuer.signing.publicKey, list.tbsDer, list.signature)
  ) {
    throw new ChanceryError('internal', {
      message: `the CRL of ${issuer.record.name} does not verify when read again; it was not published`,
    });
  }
  return list;
}

/** The list as it stands in the store; undefined when there is none, or it was damaged. */
export function readable(
  der: Uint8Array | undefined,
  log: AuthorityDependencies['log'],
): CertificateList | undefined {
  if (der === undefined) {
    return undefined;
  }
  try {
    return parseCertificateList(der);
  } catch (error) {
    log('alarm', 'the published CRL was damaged on disk; it is replaced', { cause: String(error) });
    return undefined;
  }
}
