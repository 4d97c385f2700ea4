import { ChanceryError, isChanceryError } from '../domain/index.ts';
import { type CertificateListOutline, CertificateListStream } from '../pkix/index.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import type { LoadedIssuer } from './loaded-issuers.ts';

/**
 * Reads to its end what was signed, with the strict parser and the issuer's public key, before
 * anyone else can.
 *
 * @throws ChanceryError internal when it does not verify or has another number
 */
export async function verifyPublishable(
  issuer: LoadedIssuer,
  list: CertificateListStream,
  crlNumber: bigint,
): Promise<void> {
  const { verified, crlNumber: found } = await list.end();
  if (verified !== true || found !== crlNumber) {
    throw new ChanceryError('internal', {
      message: `the CRL of ${issuer.record.name} does not verify when read again; it was not published`,
    });
  }
}

/** What the list in the store says but its entries; undefined when there is none, or it was damaged. */
export async function readable(
  issuer: LoadedIssuer,
  file: { chunks(): AsyncIterable<Uint8Array> } | undefined,
  log: AuthorityDependencies['log'],
): Promise<CertificateListOutline | undefined> {
  if (file === undefined) {
    return undefined;
  }
  const damaged = (cause: string): undefined => {
    log('alarm', 'the published CRL was damaged on disk; it is replaced', { cause });
  };
  try {
    const list = await new CertificateListStream(file.chunks(), issuer.signing.publicKey).end();
    return list.verified === true ? list : damaged('its signature does not verify');
  } catch (error) {
    if (isChanceryError(error) && error.code === 'malformed') {
      return damaged(error.message);
    }
    throw error;
  }
}
