import { isAuthorized } from '../access/index.ts';
import { ChanceryError, type Principal } from '../domain/index.ts';
import {
  type CertificationRequest,
  formatDistinguishedName,
  formatGeneralName,
  type GeneralName,
  type Name,
  parseCertificate,
} from '../pkix/index.ts';
import { act } from './acts.ts';
import {
  csrIdentity,
  earlierAnswer,
  issueEndEntity,
  namesOf,
  readCsr,
  requestableProfile,
} from './certificates.ts';
import type { AuthorityContext } from './context.ts';
import { bodyHash } from './idempotency.ts';
import type { CertificateRef } from './inventory.ts';
import { findOwn } from './inventory.ts';
import { certificateReference, type IssuedCertificate, spkiHash } from './issuance-core.ts';
import { sha256 } from './octets.ts';
import type { CertificateRecord, Transaction } from './ports.ts';

export interface RenewRequest extends CertificateRef {
  readonly csr: Uint8Array;
  readonly idempotencyKey?: string | undefined;
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
    const csr = readCsr(request.csr);
    const idempotent = {
      idempotencyKey: request.idempotencyKey,
      bodyHash: bodyHash({
        operation: kind,
        replaces: certificateReference(old),
        csr: csrIdentity(csr),
      }),
    };
    // Before the old one is judged: it may have been revoked since, as superseded by this very renewal.
    const earlier = await earlierAnswer(context, principal, idempotent);
    if (earlier !== undefined) {
      return earlier;
    }
    const certificate = refuseUnrenewable(old, kind);
    await refuseOthersCredential(context, principal, old, kind);
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
    const issuer = await context.issuers.forIssuance(old.issuerId);
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
        ...idempotent,
        act: { ...described, details: { replaces: certificateReference(old) } },
        // Held or revoked since it was looked at: the row's lock settles which came first.
        beforeIntent: async (transaction) => {
          const { tenant, issuerId, serialNumber } = old;
          const now = await transaction.inventory.findForUpdate(tenant, issuerId, serialNumber);
          refuseUnrenewable(now ?? old, kind);
        },
        onIssued: async (transaction, record, der) =>
          rebind(context, transaction, old, record, der),
      },
    );
  });
}

/**
 * A certificate that authenticates a principal is followed by its renewal, so a rekey by another
 * would make that other the principal (Dogtag CVE-2021-20179, CVE-2022-2393): only the principal
 * itself, and who may make principals, renews it.
 */
async function refuseOthersCredential(
  { dependencies }: AuthorityContext,
  principal: Principal,
  { issuerId, serialNumber }: CertificateRecord,
  kind: string,
): Promise<void> {
  const binding = await dependencies.unitOfWork.read(async (transaction) =>
    transaction.principals.findBindingBySerial(issuerId, serialNumber),
  );
  if (
    binding !== undefined &&
    binding.principalId !== principal.id &&
    !isAuthorized(principal, 'principals:create')
  ) {
    throw new ChanceryError('forbidden', {
      message: `${kind} is refused: this certificate is the credential of another principal, who renews it itself`,
      field: 'principals:create',
    });
  }
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

/** A renewal is bound to what the holder has: a CSR may repeat the names or leave them out (never add). */
function refuseOtherNames(
  csr: CertificationRequest,
  subject: Name,
  names: readonly GeneralName[],
): void {
  const asked = namesOf(csr.requestedExtensions).map(formatGeneralName);
  const held = new Set(names.map((name) => formatGeneralName(name).toLowerCase()));
  const foreign = asked.filter((name) => !held.has(name.toLowerCase()));
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
      certificateHash: sha256(certificate),
      issuerId: record.issuerId,
      serialNumber: record.serialNumber,
      boundAt: context.dependencies.clock.now(),
    });
  }
}
