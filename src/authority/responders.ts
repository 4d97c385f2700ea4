import { ChanceryError, type Principal } from '../domain/index.ts';
import {
  type CertificationRequest,
  type Name,
  parseDistinguishedName,
  resolveSignatureAlgorithm,
} from '../pkix/index.ts';
import { requestFromCsr } from '../policy/index.ts';
import { type Act, act } from './acts.ts';
import { readCsr } from './certificates.ts';
import type { AuthorityContext } from './context.ts';
import { spkiHash } from './issuance-core.ts';
import { type LoadedIssuer, requireCertificate } from './loaded-issuers.ts';
import { isAbsent, requirePresent } from './presence.ts';
import {
  learnDelegateKey,
  type ResponderKey,
  recordDelegateKey,
  requireDelegateKey,
} from './responder-keys.ts';
import { refuseIssuerKey } from './subject-keys.ts';

export interface EnrolledResponder {
  readonly certificate: Uint8Array;
  /** The issuer's certificate and those above it, root last. */
  readonly chain: readonly Uint8Array[];
}

/** Whose certificate it is, and who answers for whom. */
export function responderSubject(issuerName: string, responder: string): Name {
  return parseDistinguishedName(`CN=${issuerName} OCSP ${responder}`);
}

/** A delegate certificate to be made. */
interface DelegateOrder {
  /** Who acts: the responder itself, or those of a ceremony. */
  readonly principal: Principal;
  readonly issuer: LoadedIssuer;
  /** Name of the responder's principal. */
  readonly responder: string;
  readonly csr: CertificationRequest;
  /** Longer than the profile's own life; a ceremony's choice for an absent issuer. */
  readonly days?: number | undefined;
  /** What the responder read back of the key in its token; a file does not tell it. */
  readonly key?: ResponderKey | undefined;
  readonly act: Act;
}

/**
 * The one way to an OCSP signing certificate: for the responder that asks, and in a ceremony.
 *
 * @throws ChanceryError badPublicKey when the key is blocked, or certified for anything else
 */
export async function issueDelegate(
  context: AuthorityContext,
  { principal, issuer, responder, csr, days, key, act: described }: DelegateOrder,
): Promise<EnrolledResponder> {
  const { dependencies, issuers } = context;
  const profile = dependencies.profiles.get('ocsp-signing');
  if (profile === undefined) {
    throw new ChanceryError('configuration', {
      message: 'profile ocsp-signing is missing from the profiles folder',
    });
  }
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
    request: requestFromCsr(csr, { subject: responderSubject(issuer.record.name, responder) }),
    caParameters: days === undefined ? undefined : { days },
    owner: responder,
    tags: [],
    act: described,
    evidence: { proofOfPossession: 'PKCS#10 signature verified (RFC 2986 §4.2)' },
    onIssued: async (transaction) =>
      recordDelegateKey(
        ...([dependencies, transaction, principal, issuer] as const),
        ...([csr.subjectPublicKeyInfo, algorithm.name, key, responder] as const),
      ),
    beforeIntent: async (transaction) => {
      const { tenant } = dependencies;
      await requireDelegateKey(
        ...([dependencies, transaction, principal] as const),
        ...([csr.subjectPublicKeyInfo, responder, key] as const),
      );
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
          other.owner !== responder,
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
}

/**
 * The door of OCSP signing certificates: a principal with the role `responder` asks with the
 * CSR of a key in its own token, and the issuer named in requests signs the certificate directly
 * (RFC 6960 §4.2.2.2).
 */
export function responderUseCases(context: AuthorityContext) {
  const { dependencies, issuers } = context;

  /** What a ceremony made for this key; the newest, when it is good and not expired. */
  const fromCeremony = async (
    principal: Principal,
    issuer: LoadedIssuer,
    csr: CertificationRequest,
    told: ResponderKey | undefined,
  ): Promise<EnrolledResponder | undefined> => {
    const { tenant, unitOfWork, clock } = dependencies;
    const found = await unitOfWork.read(async (transaction) =>
      transaction.inventory.findBySpkiHash(tenant, spkiHash(csr.subjectPublicKeyInfo.der), 100),
    );
    const now = clock.now();
    const [newest] = found
      .filter(
        ({ type, issuerId, owner, issuanceState, status, notAfter }) =>
          type === 'ocspSigning' &&
          issuerId === issuer.record.issuerId &&
          owner === principal.name &&
          issuanceState === 'issued' &&
          status.status === 'good' &&
          notAfter > now,
      )
      .toSorted((a, b) => b.notAfter.getTime() - a.notAfter.getTime());
    if (newest?.certificate === undefined) return undefined;
    if (told !== undefined) {
      await unitOfWork.run(async (transaction) =>
        learnDelegateKey(dependencies, transaction, principal, csr.subjectPublicKeyInfo, told),
      );
    }
    return { certificate: newest.certificate, chain: issuer.chain.map(({ der }) => der) };
  };

  return {
    /**
     * Of an issuer whose token is absent: what the last ceremony made for this key.
     *
     * @throws ChanceryError tokenAbsent when no ceremony made one yet: the responder asks again
     */
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
      let waited: LoadedIssuer | undefined;
      const answer = await act(dependencies, principal, 'responders:enrol', described, async () => {
        const issuer = await issuers.byNameOrId(request.issuer);
        requireCertificate(issuer);
        const csr = readCsr(request.csr);
        if (isAbsent(dependencies.settings, issuer.record)) {
          waited = issuer;
          return fromCeremony(principal, issuer, csr, request.key);
        }
        return issueDelegate(context, {
          principal,
          issuer,
          responder: principal.name,
          csr,
          key: request.key,
          act: described,
        });
      });
      // Outside of the act: that it waits for a ceremony is no refusal to be audited each minute.
      if (answer === undefined && waited !== undefined) {
        requirePresent(dependencies.settings, waited.record);
      }
      if (answer === undefined) throw new TypeError('no delegate and no reason');
      return answer;
    },
  };
}
