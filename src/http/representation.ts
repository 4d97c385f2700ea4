import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { CredentialRecord, PrincipalRecord } from '../access/index.ts';
import type { StoredAuditRecord } from '../audit/index.ts';
import { canonicalize } from '../audit/index.ts';
import { certificatesToPem, subjectToText, summariseCertificate } from '../authority/index.ts';
import type { CertificateRecord, IssuerRecord, StoredStatusChange } from '../authority/ports.ts';
import type { Principal } from '../domain/index.ts';
import { statusPolicyShape } from './crl-representation.ts';
import type { IssuerDirectory } from './issuer-directory.ts';

const timeText = z.string().meta({ format: 'date-time' });
const optionalTime = timeText.optional();
const optionalText = z.string().optional();
const freeObject = z.record(z.string(), z.unknown());

/** The JSON of a certificate; also its schema in the OpenAPI document. */
export const certificateShape = z
  .object({
    serialNumber: z.string(),
    issuerId: z.string(),
    issuer: z.string(),
    subject: z.string(),
    names: z.array(z.string()),
    profile: z.string(),
    profileHash: z.string(),
    type: z.enum(['endEntity', 'ca', 'ocspSigning']),
    status: z.enum(['good', 'onHold', 'revoked']),
    reasonCode: optionalText,
    revocationTime: optionalTime,
    invalidityDate: optionalTime,
    holdCause: optionalText,
    holdUntil: optionalTime,
    holdThen: optionalText,
    issuanceState: z.enum(['prepared', 'issued', 'abandoned']),
    origin: z.enum(['issued', 'imported']),
    notBefore: timeText,
    notAfter: timeText,
    owner: z.string(),
    tags: z.array(z.string()),
    notes: optionalText,
    requestedBy: z.string(),
    requestedAt: timeText,
    issuedAt: optionalTime,
    spkiHash: z.string(),
    keyAlgorithm: z.string(),
    signatureAlgorithm: z.string(),
    policies: z.array(z.string()),
    replaces: optionalText,
    retentionClass: z.string(),
    purgedAt: optionalTime,
    notice: optionalText,
    sha256: optionalText,
    tbsSha256: optionalText,
    pem: optionalText,
    chain: optionalText,
  })
  .meta({ id: 'Certificate' });
export type CertificateJson = z.infer<typeof certificateShape>;

/** What an act on a certificate of a CA elsewhere can't do. */
const elsewhereNotice =
  'recorded in this inventory only: its CA is not ours, relying parties learn of it when that CA publishes the revocation';

/** @param withPem lists leave the PEM out */
export async function certificateJson(
  record: CertificateRecord,
  issuers: IssuerDirectory,
  withPem = false,
): Promise<CertificateJson> {
  const { status, certificate } = record;
  const issuer = await issuers.find(record.issuerId);
  return {
    serialNumber: record.serialNumber,
    issuerId: record.issuerId,
    issuer: issuer?.name ?? record.issuerId,
    subject: record.subject,
    names: [...record.names],
    profile: record.profileName,
    profileHash: record.profileHash,
    type: record.type,
    status: status.status,
    reasonCode: status.reasonCode,
    revocationTime: rfc3339(status.notGoodSince),
    invalidityDate: rfc3339(status.invalidityDate),
    holdCause: status.holdCause,
    holdUntil: rfc3339(status.holdUntil),
    holdThen: status.holdThen,
    issuanceState: record.issuanceState,
    origin: record.origin,
    notBefore: rfc3339(record.notBefore),
    notAfter: rfc3339(record.notAfter),
    owner: record.owner,
    tags: [...record.tags],
    notes: record.notes,
    requestedBy: record.requestedBy,
    requestedAt: rfc3339(record.requestedAt),
    issuedAt: rfc3339(record.issuedAt),
    spkiHash: record.spkiHash,
    keyAlgorithm: record.keyAlgorithm,
    signatureAlgorithm: record.signatureAlgorithm,
    policies: [...record.policies],
    replaces: record.replaces,
    retentionClass: record.retentionClass,
    purgedAt: rfc3339(record.purgedAt),
    // Of one whose bytes are here they say it themselves.
    tbsSha256: record.purgedAt === undefined ? undefined : record.tbsSha256,
    notice:
      status.status !== 'good' && issuer !== undefined && issuer.crlUrl === undefined
        ? elsewhereNotice
        : undefined,
    sha256:
      certificate === undefined
        ? record.certificateSha256
        : createHash('sha256').update(certificate).digest('hex'),
    pem: withPem && certificate !== undefined ? certificatesToPem([certificate]) : undefined,
  };
}

/** The answer to an issuance. */
export const issuedShape = z.object({
  certificate: certificateShape,
  requested: freeObject,
  granted: freeObject,
});

export const statusChangeShape = z
  .object({
    act: z.enum(['hold', 'release', 'revoke']),
    statusAfter: z.enum(['good', 'onHold', 'revoked']),
    reasonCode: optionalText,
    cause: optionalText,
    comment: optionalText,
    invalidityDate: optionalTime,
    requestedAt: timeText,
    requestedBy: z.string(),
    effectiveAt: timeText,
    until: optionalTime,
    then: optionalText,
  })
  .meta({ id: 'StatusChange' });

export function statusChangeJson(change: StoredStatusChange): z.infer<typeof statusChangeShape> {
  return {
    act: change.act,
    statusAfter: change.statusAfter,
    reasonCode: change.reasonCode,
    cause: change.cause,
    comment: change.comment,
    invalidityDate: rfc3339(change.invalidityDate),
    requestedAt: rfc3339(change.requestedAt),
    requestedBy: change.requestedBy,
    effectiveAt: rfc3339(change.effectiveAt),
    until: rfc3339(change.until),
    then: change.then,
  };
}

export const issuerShape = z
  .object({
    issuerId: z.string(),
    name: z.string(),
    kind: z.enum(['root', 'subordinate', 'external']),
    state: z.enum(['pending', 'active']),
    standing: z.enum(['prepared', 'issuing', 'retiring', 'retired']).meta({
      description:
        'prepared: distributed, issues nothing yet; retiring: CRLs and OCSP delegates only; retired: its last CRL is out',
    }),
    predecessorId: optionalText,
    successorId: optionalText,
    activateAt: optionalTime,
    retiringSince: optionalTime,
    lastNotAfter: optionalTime,
    subject: z.string(),
    keyId: z.string(),
    token: z.enum(['root', 'issuing']),
    parentIssuerId: optionalText,
    profile: z.string(),
    signatureAlgorithm: z.string(),
    urls: z.object({ crl: z.string(), ocsp: z.string(), caIssuers: z.string() }),
    crlLifetimeSeconds: z.number(),
    statusPolicy: statusPolicyShape,
    createdAt: timeText,
    createdBy: z.string(),
    serialNumber: optionalText,
    notBefore: optionalTime,
    notAfter: optionalTime,
    sha256: optionalText,
    pem: optionalText,
    chain: optionalText,
  })
  .meta({ id: 'Issuer' });

export function issuerJson(record: IssuerRecord): z.infer<typeof issuerShape> {
  const { certificate } = record;
  const summary = certificate === undefined ? undefined : summariseCertificate(certificate);
  return {
    issuerId: record.issuerId,
    name: record.name,
    kind: record.kind,
    state: record.state,
    standing: record.standing,
    predecessorId: record.predecessorId,
    successorId: record.successorId,
    activateAt: rfc3339(record.activateAt),
    retiringSince: rfc3339(record.retiringSince),
    lastNotAfter: rfc3339(record.lastNotAfter),
    subject: subjectToText(record.subject),
    keyId: record.keyId,
    token: record.tokenRole,
    parentIssuerId: record.parentIssuerId,
    profile: record.profileName,
    signatureAlgorithm: record.signatureAlgorithm,
    urls: { ...record.urls },
    crlLifetimeSeconds: record.crlLifetimeSeconds,
    statusPolicy: record.statusPolicy,
    createdAt: rfc3339(record.createdAt),
    createdBy: record.createdBy,
    serialNumber: summary?.serialNumber,
    notBefore: rfc3339(summary?.notBefore),
    notAfter: rfc3339(summary?.notAfter),
    sha256: summary?.sha256,
    pem: certificate === undefined ? undefined : certificatesToPem([certificate]),
    chain:
      certificate === undefined ? undefined : certificatesToPem([certificate, ...record.chain]),
  };
}

export const principalShape = z
  .object({
    id: z.string(),
    name: z.string(),
    role: z.string(),
    createdAt: optionalTime,
    createdBy: optionalText,
    disabledAt: optionalTime,
    permissions: z.array(z.string()).optional(),
  })
  .meta({ id: 'Principal' });

export function principalJson(record: PrincipalRecord): z.infer<typeof principalShape> {
  return {
    id: record.id,
    name: record.name,
    role: record.role,
    createdAt: rfc3339(record.createdAt),
    createdBy: record.createdBy,
    disabledAt: rfc3339(record.disabledAt),
  };
}

/** Who the caller is, with what the credential lets it do. */
export function whoamiJson(principal: Principal): z.infer<typeof principalShape> {
  return {
    id: principal.id,
    name: principal.name,
    role: principal.role,
    permissions: [...principal.permissions].sort(),
  };
}

export const credentialShape = z
  .object({
    id: z.string(),
    principalId: z.string(),
    scope: z.array(z.string()).nullable(),
    createdAt: timeText,
    notAfter: timeText,
    revokedAt: optionalTime,
    token: z.string().optional().meta({ description: 'Shown once, at creation' }),
  })
  .meta({ id: 'Credential' });

/** The record without the token's hash. */
export function credentialJson(record: CredentialRecord): z.infer<typeof credentialShape> {
  return {
    id: record.id,
    principalId: record.principalId,
    scope: record.scope === undefined ? null : [...record.scope],
    createdAt: rfc3339(record.createdAt),
    notAfter: rfc3339(record.notAfter),
    revokedAt: rfc3339(record.revokedAt),
  };
}

export const auditShape = z
  .object({
    id: z.string(),
    at: timeText,
    principalId: z.string(),
    principal: z.string(),
    act: z.string(),
    outcome: z.enum(['done', 'refused', 'failed']),
    object: z.string(),
    details: freeObject,
  })
  .meta({ id: 'AuditRecord' });

export function auditJson(record: StoredAuditRecord): z.infer<typeof auditShape> {
  return {
    id: record.id.toString(),
    at: record.at.toISOString(),
    principalId: record.principalId,
    principal: record.principalName,
    act: record.act,
    outcome: record.outcome,
    object: record.object,
    details: plain(record.details),
  };
}

/** A page of something. */
export function listOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next: z.string().nullable() });
}

/** Records with dates, big integers and octets as plain JSON. */
export function plain(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return JSON.parse(canonicalize(record)) as Record<string, unknown>;
}

/** RFC 3339 with Z and whole seconds, as certificates have them. */
export function rfc3339(date: Date): string;
export function rfc3339(date: Date | undefined): string | undefined;
export function rfc3339(date: Date | undefined): string | undefined {
  return date?.toISOString().replace(/\.\d{3}Z$/, 'Z');
}
