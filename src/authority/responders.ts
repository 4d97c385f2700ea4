import { ChanceryError, type Principal } from '../domain/index.ts';
import { parseDistinguishedName, resolveSignatureAlgorithm } from '../pkix/index.ts';
import { requestFromCsr } from '../policy/index.ts';
import { act } from './acts.ts';
import { readCsr } from './certificates.ts';
import type { AuthorityContext } from './context.ts';
import { spkiHash } from './issuance-core.ts';
import { requireCertificate } from './loaded-issuers.ts';
import { type ResponderKey, recordDelegateKey, requireDelegateKey } from './responder-keys.ts';
import { refuseIssuerKey } from './subject-keys.ts';

export interface EnrolledResponder {
  readonly certificate: Uint8Array;
  /** The issuer's certificate and those above it, root last. */
  readonly chain: readonly Uint8Array[];
}

/**
 * The door of OCSP signing certificates: a principal with the role `responder` asks with the
 * CSR of a key in its own token, and the issuer named in requests signs the certificate directly
 * (RFC 6960 §4.2.2.2).
 */
export function responderUseCases(context: AuthorityContext) {
  const { dependencies, issuers } = context;
  return {
    async enrolResponder(
      principal: Principal,
      request: {
        readonly issuer: string;
        readonly csr: Uint8Array;
        /** What the responder read back of the key in its token. */
        readonly key?: ResponderKey | undefined;
      },
    ): Promise<EnrolledResponder> {
      const described = { act: 'responder.enrol', object: request.issuer };
      return act(dependencies, principal, 'responders:enrol', described, async () => {
        const issuer = await issuers.byNameOrId(request.issuer);
        requireCertificate(issuer);
        const profile = dependencies.profiles.get('ocsp-signing');
        if (profile === undefined) {
          throw new ChanceryError('configuration', {
            message: 'profile ocsp-signing is missing from the profiles folder',
          });
        }
        const csr = readCsr(request.csr);
        await refuseIssuerKey(issuers, csr.subjectPublicKeyInfo);
        const algorithm = resolveSignatureAlgorithm(csr.signatureAlgorithm);
        if (algorithm === undefined) {
          throw new ChanceryError('badCsr', {
            message: `the CSR's signature algorithm ${csr.signatureAlgorithm.oid} is not one of ours`,
            field: 'csr',
          });
        }
        const { certificate } = await context.issue({
          principal,
          issuer,
          profile,
          request: requestFromCsr(csr, {
            subject: parseDistinguishedName(`CN=${issuer.record.name} OCSP ${principal.name}`),
          }),
          owner: principal.name,
          tags: [],
          act: described,
          evidence: { proofOfPossession: 'PKCS#10 signature verified (RFC 2986 §4.2)' },
          onIssued: async (transaction) =>
            recordDelegateKey(
              ...([dependencies, transaction, principal, issuer] as const),
              ...([csr.subjectPublicKeyInfo, algorithm.name, request.key] as const),
            ),
          beforeIntent: async (transaction) => {
            const { tenant } = dependencies;
            await requireDelegateKey(transaction, principal, csr.subjectPublicKeyInfo);
            const hash = spkiHash(csr.subjectPublicKeyInfo.der);
            const [blocked, others] = await Promise.all([
              transaction.inventory.isKeyBlocked(tenant, hash),
              transaction.inventory.findKeyUses(tenant, hash, 20),
            ]);
            // One key an issuer: a delegate's key that signs for two would join their fates.
            const foreign = others.find(
              (other) =>
                other.type !== 'ocspSigning' ||
                other.issuerId !== issuer.record.issuerId ||
                other.owner !== principal.name,
            );
            if (foreign !== undefined || blocked) {
              throw new ChanceryError('badPublicKey', {
                message:
                  'this key is blocked or certified for something else; the responder makes one key an issuer in its own token',
                field: 'csr',
                clause: 'RFC 6960 §4.2.2.2',
              });
            }
          },
        });
        return { certificate, chain: issuer.chain.map(({ der }) => der) };
      });
    },
  };
}
