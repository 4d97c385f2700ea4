import { certificatesFromPem } from '../authority/index.ts';
import { ChanceryError, type IssuerId, isChanceryError } from '../domain/index.ts';
import { isSelfSigned, keyIdentifierHex, parseCertificate, verifyChain } from '../pkix/index.ts';
import type { AlternateChain } from './ports.ts';

/**
 * Reads another chain of an issuer (RFC 8555 §7.4.2): PEM, first a certificate that somebody else made
 * for the issuer's key, then those above it. A root at the end is left out of what clients get.
 *
 * @throws ChanceryError configuration
 */
export function readAlternateChain(pem: string): AlternateChain {
  try {
    const certificates = certificatesFromPem(pem).map((der) => parseCertificate(der));
    const [wrong] = verifyChain(certificates);
    if (wrong !== undefined) throw unusable(wrong.message);
    const shown = certificates.filter((certificate) => !isSelfSigned(certificate));
    const [own] = shown;
    if (own === undefined || own !== certificates[0]) {
      throw unusable('its first certificate is a root');
    }
    return {
      issuerId: keyIdentifierHex(own.subjectPublicKeyInfo),
      certificates: shown,
    };
  } catch (error) {
    if (!isChanceryError(error) || error.code === 'configuration') throw error;
    throw unusable(error.message, error);
  }
}

/** Those of the chains that this certificate has now: one that does not verify, or ran out, helps nobody. */
export function alternatesOf(
  leaf: Uint8Array,
  issuerId: IssuerId,
  chains: readonly AlternateChain[],
  now: Date,
): readonly (readonly Uint8Array[])[] {
  const ofIssuer = chains.filter((chain) => chain.issuerId === issuerId);
  if (ofIssuer.length === 0) return [];
  const certificate = parseCertificate(leaf);
  return ofIssuer
    .filter(({ certificates }) => verifyChain([certificate, ...certificates], now).length === 0)
    .map(({ certificates }) => [leaf, ...certificates.map(({ der }) => der)]);
}

function unusable(why: string, cause?: unknown): ChanceryError {
  return new ChanceryError('configuration', {
    message: `no alternate chain: ${why}; it is PEM, a certificate of an issuer's key first, then each that certifies the one before`,
    cause,
  });
}
