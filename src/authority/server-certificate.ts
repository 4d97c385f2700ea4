import { ChanceryError, systemPrincipal } from '../domain/index.ts';
import { keyIdentifierHex, parseCertificate } from '../pkix/index.ts';
import { requestFromCsr } from '../policy/index.ts';
import { readCsr } from './certificates.ts';
import type { AuthorityContext } from './context.ts';
import { chainWithoutRoot } from './loaded-issuers.ts';
import { recordServerKey, retireServerKeys } from './server-keys.ts';

/**
 * The HTTPS server's own certificate (invariant 6: software key, 7 days at most, a new key at
 * each renewal). No route leads here: the process asks for itself.
 */
export function serverCertificateUseCases(context: AuthorityContext) {
  const { dependencies, issuers } = context;
  return {
    /** DER: the server's certificate, then its issuers without the root. Its key is recorded with it. */
    async issueServerCertificate(csrDer: Uint8Array): Promise<readonly Uint8Array[]> {
      const profile = dependencies.profiles.get('https-server');
      if (profile === undefined) {
        throw new ChanceryError('configuration', {
          message: 'profile https-server is missing from the profiles folder',
        });
      }
      const issuer = await issuers.forIssuance(undefined);
      const csr = readCsr(csrDer);
      const { certificate } = await context.issue({
        principal: systemPrincipal,
        issuer,
        profile,
        request: requestFromCsr(csr, {}),
        owner: systemPrincipal.name,
        tags: ['https-server'],
        act: { act: 'certificate.issue', object: 'https-server' },
        evidence: { proofOfPossession: 'PKCS#10 signature verified (RFC 2986 §4.2)' },
        onIssued: async (transaction) => recordServerKey(dependencies, transaction, csr),
      });
      return [certificate, ...chainWithoutRoot(issuer)];
    },

    /** The server's file holds this certificate's key now: the keys before it are destroyed. */
    async serverCertificateInstalled(certificate: Uint8Array): Promise<void> {
      const { subjectPublicKeyInfo } = parseCertificate(certificate);
      await retireServerKeys(dependencies, keyIdentifierHex(subjectPublicKeyInfo));
    },
  };
}
