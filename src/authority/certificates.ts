import { actsOnlyOnOwn } from '../access/index.ts';
import { ChanceryError, type Principal } from '../domain/index.ts';
import {
  type CertificationRequest,
  findExtension,
  formatGeneralName,
  type GeneralName,
  type Name,
  oids,
  parseCertificationRequest,
  parseSubjectAltName,
  verifyCertificationRequest,
} from '../pkix/index.ts';
import { type Profile, requestFromCsr, wishedKeyUsage } from '../policy/index.ts';
import { act } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import {
  beginIdempotent,
  bodyHash,
  earlierIssuance,
  type IdempotentRequest,
} from './idempotency.ts';
import {
  certificateReference,
  type IssuanceOrder,
  type IssuedCertificate,
} from './issuance-core.ts';
import { chainWithoutRoot, type LoadedIssuer } from './loaded-issuers.ts';
import { sha256 } from './octets.ts';
import type { CertificateRecord } from './ports.ts';
import { refuseForeignKey, refuseIssuerKey } from './subject-keys.ts';

export interface IssueRequest {
  readonly profile: string;
  /** DER PKCS#10. */
  readonly csr: Uint8Array;
  /** Name or id; undefined: the default issuing CA. */
  readonly issuer?: string | undefined;
  /** Replace what the CSR says; the profile decides all the same. */
  readonly subject?: Name | undefined;
  readonly names?: readonly GeneralName[] | undefined;
  readonly days?: number | undefined;
  readonly notBefore?: Date | undefined;
  readonly notAfter?: Date | undefined;
  readonly owner?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly idempotencyKey?: string | undefined;
}

/** Issues a certificate from a CSR under a profile that can be asked for. */
export async function issueCertificate(
  context: AuthorityContext,
  principal: Principal,
  request: IssueRequest,
): Promise<IssuedCertificate> {
  const described = { act: 'certificate.issue', object: request.profile };
  return act(context.dependencies, principal, 'certificates:issue', described, async () => {
    const profile = requestableProfile(context, request.profile);
    const issuer = await context.issuers.forIssuance(request.issuer);
    const csr = readCsr(request.csr);
    if (
      request.owner !== undefined &&
      request.owner !== principal.name &&
      actsOnlyOnOwn(principal)
    ) {
      throw new ChanceryError('forbidden', {
        message: `${principal.name} may own its certificates only itself; leave out the owner`,
        field: 'owner',
      });
    }
    return issueEndEntity(context, principal, issuer, profile, csr, {
      overrides: request,
      owner: request.owner ?? principal.name,
      tags: request.tags ?? [],
      idempotencyKey: request.idempotencyKey,
      bodyHash: bodyHash({
        operation: 'issue',
        profile: request.profile,
        issuer: issuer.record.issuerId,
        csr: csrIdentity(csr),
        subject: request.subject?.der,
        names: request.names?.map(formatGeneralName),
        days: request.days,
        notBefore: request.notBefore,
        notAfter: request.notAfter,
        owner: request.owner,
        tags: request.tags,
      }),
      act: described,
    });
  });
}

interface EndEntityIssuance extends IdempotentRequest {
  readonly overrides: Partial<IssueRequest>;
  readonly owner: string;
  readonly tags: readonly string[];
  readonly replaces?: string | undefined;
  /** The CSR's keyUsage is a wish, granted as far as the profile goes; else it is granted whole or refused. */
  readonly keyUsageIsWish?: boolean | undefined;
  readonly act: IssuanceOrder['act'];
  readonly beforeIntent?: IssuanceOrder['beforeIntent'];
  readonly afterIntent?: IssuanceOrder['afterIntent'];
  readonly onIssued?: IssuanceOrder['onIssued'];
}

/** The one path of every subscriber's certificate: issue, renew, rekey and a principal's own. */
export async function issueEndEntity(
  context: AuthorityContext,
  principal: Principal,
  issuer: LoadedIssuer,
  profile: Profile,
  csr: CertificationRequest,
  issuance: EndEntityIssuance,
): Promise<IssuedCertificate> {
  const { overrides } = issuance;
  const earlier = await earlierAnswer(context, principal, issuance);
  if (earlier !== undefined) {
    return earlier;
  }
  await refuseIssuerKey(context.issuers, csr.subjectPublicKeyInfo);
  const request = requestFromCsr(csr, {
    subject: overrides.subject,
    names: overrides.names,
    days: overrides.days,
    notBefore: overrides.notBefore,
    notAfter: overrides.notAfter,
  });
  const { record, certificate } = await context.issue({
    principal,
    issuer,
    profile,
    request:
      issuance.keyUsageIsWish === true
        ? { ...request, keyUsage: wishedKeyUsage(profile, request) }
        : request,
    owner: issuance.owner,
    tags: issuance.tags,
    idempotencyKey: issuance.idempotencyKey,
    replaces: issuance.replaces,
    act: issuance.act,
    evidence: { proofOfPossession: 'PKCS#10 signature verified (RFC 2986 §4.2)' },
    beforeIntent: async (transaction, row) => {
      await Promise.all([
        beginIdempotent(context.dependencies, transaction, principal, issuance),
        issuance.beforeIntent?.(transaction, row),
        refuseForeignKey(transaction, row),
      ]);
    },
    afterIntent: async (transaction, row) => {
      await Promise.all([
        issuance.afterIntent?.(transaction, row),
        issuance.idempotencyKey === undefined
          ? undefined
          : transaction.idempotency.setCertificate(
              principal.tenant,
              principal.id,
              issuance.idempotencyKey,
              certificateReference(row),
            ),
      ]);
    },
    onIssued: issuance.onIssued,
  });
  return {
    record,
    certificate,
    chain: chainWithoutRoot(issuer),
    ...asked(record),
  };
}

/** The answer that the first request with this Idempotency-Key got, if there was one. */
export async function earlierAnswer(
  context: AuthorityContext,
  principal: Principal,
  request: IdempotentRequest,
): Promise<IssuedCertificate | undefined> {
  const first = await earlierIssuance(context.dependencies, principal, request);
  if (first === undefined) {
    return undefined;
  }
  const above = await context.issuers.byNameOrId(first.record.issuerId);
  return { ...first, chain: chainWithoutRoot(above), ...asked(first.record) };
}

function asked({
  requested,
  granted,
}: CertificateRecord): Pick<IssuedCertificate, 'requested' | 'granted'> {
  return { requested, granted };
}

/** @throws ChanceryError badCsr: unreadable, or possession of the key is not proven. */
export function readCsr(der: Uint8Array): CertificationRequest {
  const csr = parseCertificationRequest(der);
  const proof = verifyCertificationRequest(csr);
  if (!proof.ok) {
    throw new ChanceryError('badCsr', {
      message: `possession of the private key is not proven: ${proof.reason}; sign the CSR with the key that it names`,
      field: 'csr',
      clause: 'RFC 2986 §4.2',
    });
  }
  return csr;
}

/** @throws ChanceryError notFound, forbidden for profiles that have doors of their own */
export function requestableProfile(context: AuthorityContext, name: string): Profile {
  const profile = context.dependencies.profiles.get(name);
  if (profile === undefined) {
    const names = [...context.dependencies.profiles.values()]
      .filter(({ requestable }) => requestable)
      .map((known) => known.name);
    throw new ChanceryError('notFound', {
      message: `there is no profile ${JSON.stringify(name)}; there are: ${names.join(', ')}`,
      field: 'profile',
    });
  }
  if (!profile.requestable) {
    throw new ChanceryError('forbidden', {
      message: `profile ${name} can't be asked for here: CA certificates come from \`chancery issuer create\`, OCSP signing certificates from the responder's own enrolment`,
      field: 'profile',
      clause: 'RFC 6960 §4.2.2.2',
    });
  }
  return profile;
}

/** The names in the subjectAltName that extensions hold. */
export function namesOf(
  extensions: CertificationRequest['requestedExtensions'],
): readonly GeneralName[] {
  const extension = findExtension(extensions, oids.subjectAltName);
  return extension === undefined ? [] : parseSubjectAltName(extension.value);
}

/** What tells two requests apart. */
export function csrIdentity(csr: CertificationRequest): string {
  // Not the signature: an ECDSA client signs the same request differently at each try.
  return sha256(csr.infoDer);
}
