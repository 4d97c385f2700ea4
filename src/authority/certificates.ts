import { createHash } from 'node:crypto';
import { actsOnlyOnOwn } from '../access/index.ts';
import { ChanceryError, type Principal } from '../domain/index.ts';
import {
  type CertificationRequest,
  findExtension,
  formatDistinguishedName,
  formatGeneralName,
  type GeneralName,
  type Name,
  oids,
  parseCertificate,
  parseCertificationRequest,
  parseSubjectAltName,
  verifyCertificationRequest,
} from '../pkix/index.ts';
import { type Profile, requestFromCsr } from '../policy/index.ts';
import { act } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import {
  beginIdempotent,
  bodyHash,
  earlierIssuance,
  type IdempotentRequest,
} from './idempotency.ts';
import type { CertificateRef } from './inventory.ts';
import { findOwn } from './inventory.ts';
import {
  certificateReference,
  type IssuanceOrder,
  type IssuedCertificate,
  spkiHash,
} from './issuance-core.ts';
import { chainWithoutRoot, type LoadedIssuer } from './loaded-issuers.ts';
import type { CertificateRecord, Transaction } from './ports.ts';

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

export interface RenewRequest extends CertificateRef {
  readonly csr: Uint8Array;
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

/** The same names and profile again: with the same key (`renew`) or a new one (`rekey`). */
export async function renewCertificate(
  context: AuthorityContext,
  principal: Principal,
  request: RenewRequest,
  kind: 'renew' | 'rekey',
): Promise<IssuedCertificate> {
  const described = { act: `certificate.${kind}`, object: request.serialNumber };
  return act(context.dependencies, principal, 'certificates:renew', described, async () => {
    const old = await context.dependencies.unitOfWork.read(async (transaction) =>
      findOwn(context, transaction, principal, request),
    );
    const certificate = refuseUnrenewable(old, kind);
    const csr = readCsr(request.csr);
    const sameKey = spkiHash(csr.subjectPublicKeyInfo.der) === old.spkiHash;
    if (sameKey !== (kind === 'renew')) {
      throw new ChanceryError('badPublicKey', {
        message:
          kind === 'renew'
            ? 'a renewal keeps the key: sign the CSR with the certificate’s own key, or use rekey for a new one'
            : 'a rekey needs a new key: make one, or use renew to keep the old',
        field: 'csr',
      });
    }
    const parsed = parseCertificate(certificate);
    const names = namesOf(parsed.extensions);
    refuseOtherNames(csr, parsed.subject, names);
    const issuer = await context.issuers.byNameOrId(old.issuerId);
    return issueEndEntity(
      context,
      principal,
      issuer,
      requestableProfile(context, old.profileName),
      csr,
      {
        overrides: { subject: parsed.subject, names },
        owner: old.owner,
        tags: old.tags,
        replaces: certificateReference(old),
        idempotencyKey: request.idempotencyKey,
        bodyHash: bodyHash({
          operation: kind,
          replaces: certificateReference(old),
          csr: csrIdentity(csr),
        }),
        act: { ...described, details: { replaces: certificateReference(old) } },
        onIssued: async (transaction, record, der) =>
          rebind(context, transaction, old, record, der),
      },
    );
  });
}

interface EndEntityIssuance extends IdempotentRequest {
  readonly overrides: Partial<IssueRequest>;
  readonly owner: string;
  readonly tags: readonly string[];
  readonly replaces?: string | undefined;
  readonly act: IssuanceOrder['act'];
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
  const first = await earlierIssuance(context.dependencies, principal, issuance);
  if (first !== undefined) {
    const above = await context.issuers.byNameOrId(first.record.issuerId);
    return { ...first, chain: chainWithoutRoot(above), ...asked(first.record) };
  }
  const { record, certificate } = await context.issue({
    principal,
    issuer,
    profile,
    request: requestFromCsr(csr, {
      subject: overrides.subject,
      names: overrides.names,
      days: overrides.days,
      notBefore: overrides.notBefore,
      notAfter: overrides.notAfter,
    }),
    owner: issuance.owner,
    tags: issuance.tags,
    idempotencyKey: issuance.idempotencyKey,
    replaces: issuance.replaces,
    act: issuance.act,
    evidence: { proofOfPossession: 'PKCS#10 signature verified (RFC 2986 §4.2)' },
    beforeIntent: async (transaction) => {
      await beginIdempotent(context.dependencies, transaction, principal, issuance);
      await refuseForeignKey(context, transaction, csr, overrides);
    },
    afterIntent: async (transaction, row) => {
      if (issuance.idempotencyKey !== undefined) {
        await transaction.idempotency.setCertificate(
          principal.tenant,
          principal.id,
          issuance.idempotencyKey,
          certificateReference(row),
        );
      }
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

function requestableProfile(context: AuthorityContext, name: string): Profile {
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

function refuseUnrenewable(old: CertificateRecord, kind: string): Uint8Array {
  if (old.status.status === 'onHold') {
    throw new ChanceryError('certificateOnHold', {
      message: `${kind} is refused: the certificate is on hold; release it first`,
    });
  }
  if (old.status.status === 'revoked') {
    throw new ChanceryError('certificateRevoked', {
      message: `${kind} is refused: the certificate is revoked (${old.status.reasonCode ?? 'unspecified'}); request a new one`,
    });
  }
  if (old.issuanceState !== 'issued' || old.certificate === undefined) {
    throw new ChanceryError('illegalTransition', {
      message: `${kind} is refused: the certificate was never issued (${old.issuanceState})`,
    });
  }
  return old.certificate;
}

function namesOf(extensions: CertificationRequest['requestedExtensions']): readonly GeneralName[] {
  const extension = findExtension(extensions, oids.subjectAltName);
  return extension === undefined ? [] : parseSubjectAltName(extension.value);
}

/** A renewal is bound to what the holder has: a CSR may repeat the names or leave them out (never add). */
function refuseOtherNames(
  csr: CertificationRequest,
  subject: Name,
  names: readonly GeneralName[],
): void {
  const asked = namesOf(csr.requestedExtensions).map(formatGeneralName);
  const held = new Set(names.map(formatGeneralName));
  const foreign = asked.filter((name) => !held.has(name.toLowerCase()) && !held.has(name));
  const otherSubject =
    csr.subject.rdns.length > 0 && Buffer.compare(csr.subject.der, subject.der) !== 0;
  const text = (name: Name): string => formatDistinguishedName(name);
  if (foreign.length > 0 || (otherSubject && text(csr.subject) !== text(subject))) {
    throw new ChanceryError('policyViolation', {
      message: `the CSR asks for ${[...foreign, ...(otherSubject ? [text(csr.subject)] : [])].join(', ')}, which the certificate does not have; a renewal keeps subject and names (leave them out of the CSR), or issue a new certificate`,
      field: 'csr',
    });
  }
}

/** Keys blocked for compromise, and keys certified for another subject (a key has one owner, SP 800-57 §8.1.6). */
async function refuseForeignKey(
  context: AuthorityContext,
  transaction: Transaction,
  csr: CertificationRequest,
  overrides: Partial<IssueRequest>,
): Promise<void> {
  const { tenant } = context.dependencies;
  const hash = spkiHash(csr.subjectPublicKeyInfo.der);
  if (await transaction.inventory.isKeyBlocked(tenant, hash)) {
    throw new ChanceryError('badPublicKey', {
      message: 'this key was reported compromised and is blocked for good; make a new key',
      field: 'subjectPublicKey',
      clause: 'SP 800-57 Part 1 §7.5',
    });
  }
  const others = await transaction.inventory.findBySpkiHash(tenant, hash, 20);
  if (others.length === 0) {
    return;
  }
  const subject = formatDistinguishedName(overrides.subject ?? csr.subject);
  const names = new Set(
    (overrides.names ?? namesOf(csr.requestedExtensions)).map((name) =>
      formatGeneralName(name).toLowerCase(),
    ),
  );
  const stranger = others.find(
    (other) =>
      other.type !== 'endEntity' ||
      ((subject === '' || other.subject !== subject) &&
        !other.names.some((name) => names.has(name.toLowerCase()))),
  );
  if (stranger !== undefined) {
    throw new ChanceryError('badPublicKey', {
      message: `this key is already certified for another subject (serial number ${stranger.serialNumber}); make a new key for each subject`,
      field: 'subjectPublicKey',
      clause: 'SP 800-57 Part 1 §8.1.6',
    });
  }
}

/** The certificate that authenticates a principal is followed by its renewal. */
async function rebind(
  context: AuthorityContext,
  transaction: Transaction,
  old: CertificateRecord,
  record: CertificateRecord,
  certificate: Uint8Array,
): Promise<void> {
  const binding = await transaction.principals.findBindingBySerial(old.issuerId, old.serialNumber);
  if (binding !== undefined) {
    await transaction.principals.bindCertificate({
      ...binding,
      certificateHash: createHash('sha256').update(certificate).digest('hex'),
      issuerId: record.issuerId,
      serialNumber: record.serialNumber,
      boundAt: context.dependencies.clock.now(),
    });
  }
}

function csrIdentity(csr: CertificationRequest): string {
  // Not the signature: an ECDSA client signs the same request differently at each try.
  return createHash('sha256').update(csr.infoDer).digest('hex');
}
