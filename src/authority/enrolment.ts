import { authorize } from '../access/index.ts';
import { ChanceryError, type Principal } from '../domain/index.ts';
import type { GeneralName } from '../pkix/index.ts';
import { applyProfile, type Profile } from '../policy/index.ts';
import { act } from './acts.ts';
import { issueEndEntity, readCsr, requestableProfile } from './certificates.ts';
import type { AuthorityContext } from './context.ts';
import type { IssuanceOrder, IssuedCertificate } from './issuance-core.ts';

/** What a protocol agreed with a subscriber before it had the subscriber's key. */
export interface EnrolmentTerms {
  readonly profile: string;
  /** Name or id; undefined: the default issuing CA. */
  readonly issuer?: string | undefined;
  /** Exactly these are certified; a name that only the CSR has is refused. */
  readonly names: readonly GeneralName[];
  readonly notBefore?: Date | undefined;
  readonly notAfter?: Date | undefined;
}

/** An issuance that belongs to an object of an enrolment protocol, such as an ACME order. */
export interface EnrolmentRequest extends EnrolmentTerms {
  /** DER PKCS#10. */
  readonly csr: Uint8Array;
  readonly owner: string;
  readonly tags: readonly string[];
  /** The certificate that this one follows, as issuerId/serialNumber. */
  readonly replaces?: string | undefined;
  /** What the audit log says of it, beside what it says of every issuance. */
  readonly details: Readonly<Record<string, unknown>>;
  /** In the intent's transaction: the object begins, and says so with the serial number. What it throws undoes all. */
  readonly afterIntent: NonNullable<IssuanceOrder['afterIntent']>;
  /** In the completion's transaction: the object is done. */
  readonly onIssued: NonNullable<IssuanceOrder['onIssued']>;
}

/** What no key can change of a decision, so that it can be made before there is one. */
const aboutTheKey: ReadonlySet<string> = new Set(['subjectPublicKey', 'keyUsage']);

export function enrolmentUseCases(context: AuthorityContext) {
  const { dependencies } = context;
  return {
    /**
     * Issues what was agreed, for the key of a CSR. The protocol's own object takes the place of an
     * idempotency key: its state says whether this is a repetition.
     */
    async enrolCertificate(
      principal: Principal,
      request: EnrolmentRequest,
    ): Promise<IssuedCertificate> {
      const described = {
        act: 'certificate.issue',
        object: request.profile,
        details: request.details,
      };
      return act(dependencies, principal, 'certificates:issue', described, async () => {
        const profile = requestableProfile(context, request.profile);
        const issuer = await context.issuers.forIssuance(request.issuer, 'default');
        return issueEndEntity(context, principal, issuer, profile, readCsr(request.csr), {
          overrides: {
            names: request.names,
            notBefore: request.notBefore,
            notAfter: request.notAfter,
          },
          owner: request.owner,
          tags: request.tags,
          replaces: request.replaces,
          // Agreed was the profile, before there was a CSR: its keyUsage comes from a client's template.
          keyUsageIsWish: true,
          bodyHash: '',
          act: described,
          afterIntent: request.afterIntent,
          onIssued: request.onIssued,
        });
      });
    },

    /**
     * Decides terms before there is a key: what is refused at issuance for another reason than the
     * key or the CSR is refused here already. Nothing is recorded: no certificate was asked for yet.
     *
     * @returns until when the terms can be granted, where they hold only for a time
     * @throws ChanceryError policyViolation with every violation; certificateRevoked,
     *   certificateOnHold of an issuer; issuanceHalted
     */
    async checkEnrolment(
      principal: Principal,
      terms: EnrolmentTerms,
    ): Promise<{ readonly grantableUntil: Date | undefined }> {
      authorize(principal, 'certificates:issue');
      // What is promised by a wrong clock would last as long as that clock is wrong.
      await context.requireSound();
      const profile = requestableProfile(context, terms.profile);
      const issuer = await context.issuers.forIssuance(terms.issuer, 'default');
      await context.standing.require({ issuer, profile });
      const decision = applyProfile({
        profile,
        request: {
          // Any key will do: what is said of it is left out below.
          subjectPublicKeyInfo: issuer.subjectPublicKeyInfo,
          names: terms.names,
          notBefore: terms.notBefore,
          notAfter: terms.notAfter,
          requestedExtensions: [],
        },
        issuer: issuer.input,
        now: dependencies.clock.now(),
        serialNumber: '01',
        namePolicy: dependencies.namePolicy,
      });
      const violations = decision.ok
        ? []
        : decision.violations.filter(({ field }) => !aboutTheKey.has(field));
      const [first] = violations;
      if (first !== undefined) {
        throw new ChanceryError('policyViolation', {
          message: `profile ${profile.name} refuses the request: ${violations.map(({ message }) => message).join('; ')}`,
          field: first.field,
          clause: first.clause,
          violations,
        });
      }
      return { grantableUntil: grantableUntil(profile, terms) };
    },
  };
}

/** A start in the past is granted as far back as the profile goes, an end in the future only. */
function grantableUntil(
  profile: Profile,
  { notBefore, notAfter }: EnrolmentTerms,
): Date | undefined {
  const ends = [
    ...(notBefore === undefined
      ? []
      : [notBefore.getTime() + (profile.notBefore.backdate ?? 0) * 1000]),
    ...(notAfter === undefined ? [] : [notAfter.getTime()]),
  ];
  return ends.length === 0 ? undefined : new Date(Math.min(...ends));
}
