import { z } from 'zod';
import type {
  KeyAccess,
  KeyActResult,
  KeyDetails,
  KeySummary,
  Reconciliation,
} from '../authority/index.ts';
import type { CertificateRecord } from '../authority/ports.ts';
import { type KeyScope, type KeyState, keyScopes, keyStates } from '../domain/index.ts';
import {
  type KeyCustodian,
  type KeyRecord,
  type KeyWarning,
  keyTypes,
  type StoredKeyTransition,
} from '../keys/index.ts';

const timeText = z.string().meta({ format: 'date-time' });
const optionalTime = timeText.optional();
const optionalText = z.string().optional();
const state = z.enum(keyStates);
const freeObject = z.record(z.string(), z.unknown());
const tokenRole = z.enum(['root', 'issuing', 'responder', 'software']);
const tokenShape = z.object({
  label: z.string(),
  serialNumber: z.string(),
  manufacturer: z.string(),
  model: z.string(),
  firmwareVersion: z.string(),
  hardware: z.boolean(),
});

export const keyWarningShape = z
  .object({ kind: z.string(), keyId: z.string(), message: z.string(), due: optionalTime })
  .meta({ id: 'KeyWarning' });

export const keyTransitionShape = z
  .object({
    id: z.string(),
    keyId: z.string(),
    half: z.enum(['private', 'public']),
    number: z.int().meta({ description: 'Of the transition in SP 800-57 Part 1 §7' }),
    from: state.optional(),
    to: state,
    at: timeText,
    by: z.string(),
    reason: z.string(),
    approvals: z.array(z.string()),
    details: freeObject,
  })
  .meta({ id: 'KeyTransition' });

export const keyCustodianShape = z
  .object({
    id: z.string(),
    token: tokenRole,
    keyId: optionalText.meta({ description: 'Absent: of every key in the token' }),
    person: z.string(),
    duty: z.string(),
    since: timeText,
    until: optionalTime,
    recordedBy: z.string(),
    endedBy: optionalText,
    comment: optionalText,
  })
  .meta({ id: 'KeyCustodian' });

export const keyShape = z
  .object({
    keyId: z.string(),
    type: z.enum(keyTypes),
    record: z.string(),
    version: z.int(),
    label: z.string(),
    owner: z.string(),
    origin: z.enum(['generated', 'adopted']),
    purposes: z.array(z.string()),
    keyAlgorithm: z.string(),
    signatureAlgorithm: z.string(),
    privateState: state,
    publicState: state,
    stateSince: timeText,
    scope: z.enum(keyScopes),
    createdAt: timeText,
    activatedAt: optionalTime,
    originatorUsageEnd: optionalTime,
    recipientUsageEnd: optionalTime,
    periodReason: optionalText,
    signatureLimit: z.int().optional(),
    signatures: z.int().optional(),
    token: tokenRole,
    tokenIdentity: tokenShape,
    node: optionalText,
    issuerId: optionalText,
    issuer: optionalText,
    blockedReason: optionalText,
    warnings: z.array(keyWarningShape).optional(),
  })
  .meta({ id: 'Key' });

export const keyDetailsShape = keyShape
  .extend({
    strength: z.object({ bits: z.int(), end: optionalTime }),
    module: z.string(),
    validated: z.boolean(),
    attributes: z.record(z.string(), z.boolean()),
    subjectPublicKeyInfo: z.string().meta({ description: 'Base64 of the DER' }),
    spkiHash: z.string(),
    backup: freeObject.optional(),
    crlsUntil: optionalTime,
    issuerStanding: optionalText,
    usage: z.array(
      z.object({ node: z.string(), signatures: z.int(), allotted: z.int(), updatedAt: timeText }),
    ),
    custodians: z.array(keyCustodianShape),
    distributions: z.array(
      z.object({
        channel: z.string(),
        location: z.string(),
        sha256: optionalText,
        at: timeText,
        by: z.string(),
      }),
    ),
    certificates: z.array(
      z.object({
        serialNumber: z.string(),
        issuerId: z.string(),
        subject: z.string(),
        status: z.string(),
        notAfter: timeText,
      }),
    ),
    versions: z.array(z.object({ keyId: z.string(), version: z.int(), privateState: state })),
    history: z.array(keyTransitionShape),
    evidence: z.array(
      z.object({
        id: z.string(),
        kind: z.string(),
        at: timeText,
        by: z.string(),
        document: freeObject,
      }),
    ),
  })
  .meta({ id: 'KeyDetails' });

export const keyActShape = z
  .object({ key: keyShape, notes: z.array(z.string()) })
  .meta({ id: 'KeyAct' });

export const keyAccessShape = z
  .object({
    keyId: z.string(),
    at: timeText,
    privateState: state.optional(),
    usable: z.boolean(),
    custodians: z.array(keyCustodianShape),
    principals: z.array(
      z.object({
        name: z.string(),
        role: z.string(),
        permissions: z.array(z.string()),
        since: timeText,
        until: optionalTime,
      }),
    ),
    processes: z.array(z.string()),
    inTheClear: z.object({
      possible: z.boolean(),
      reason: z.string(),
      persons: z.array(z.string()),
    }),
  })
  .meta({ id: 'KeyAccess' });

export const reconciliationShape = z
  .object({
    token: z.enum(['root', 'issuing', 'responder']),
    identity: tokenShape,
    at: timeText,
    objects: z.int(),
    keys: z.int(),
    findings: z.array(
      z.object({
        kind: z.enum(['missing', 'unknown', 'changed']),
        keyId: z.string(),
        label: z.string(),
        problem: z.string(),
      }),
    ),
  })
  .meta({ id: 'KeyReconciliation' });

export function keyJson(
  record: KeyRecord,
  more: Partial<Pick<KeySummary, 'signatures' | 'issuer' | 'warnings'>> = {},
): z.infer<typeof keyShape> {
  const { cryptoperiod, algorithm, token, tokenRole: role } = record;
  const { keyId, type, label, version, owner, origin, keyAlgorithm, node } = record;
  const scope: KeyScope = record.scope;
  return {
    ...{ keyId, type, record: record.record, version, label, owner, origin },
    ...{ keyAlgorithm, signatureAlgorithm: algorithm, purposes: [...record.purposes] },
    ...{ privateState: record.privateState, publicState: record.publicState, scope },
    stateSince: record.stateSince.toISOString(),
    createdAt: record.createdAt.toISOString(),
    activatedAt: iso(cryptoperiod.activatedAt),
    originatorUsageEnd: iso(cryptoperiod.originatorUsageEnd),
    recipientUsageEnd: iso(cryptoperiod.recipientUsageEnd),
    periodReason: cryptoperiod.reason,
    signatureLimit: record.signatureLimit,
    signatures: more.signatures,
    token: role,
    tokenIdentity: { ...token },
    ...{ node, issuerId: record.issuerId, issuer: more.issuer?.name },
    blockedReason: record.blockedReason,
    warnings: more.warnings?.map(keyWarningJson),
  };
}

export function keyDetailsJson(details: KeyDetails): z.infer<typeof keyDetailsShape> {
  const { record, strength, module, usage } = details;
  return {
    ...keyJson(record, details),
    strength: { bits: strength.bits, end: iso(strength.end) },
    module: module.text,
    validated: module.validated,
    attributes: { ...record.attributes },
    subjectPublicKeyInfo: Buffer.from(record.subjectPublicKeyInfo).toString('base64'),
    spkiHash: details.spkiHash,
    backup: record.backup === undefined ? undefined : { ...record.backup },
    crlsUntil: iso(details.crlsUntil),
    issuerStanding: details.issuer?.standing,
    usage: usage.map(({ node, signatures, allotted, updatedAt }) => ({
      ...{ node, signatures, allotted, updatedAt: updatedAt.toISOString() },
    })),
    custodians: details.custodians.map(keyCustodianJson),
    distributions: details.distributions.map(({ channel, location, sha256, at, by }) => ({
      ...{ channel, location, sha256, at: at.toISOString(), by },
    })),
    certificates: details.certificates.map(certificateJson),
    versions: details.versions.map(({ keyId, version, privateState }) => ({
      ...{ keyId, version, privateState },
    })),
    history: details.transitions.map(keyTransitionJson),
    evidence: details.evidence.map(({ id, kind, at, by, document }) => ({
      ...{ id: id.toString(), kind, at: at.toISOString(), by, document: { ...document } },
    })),
  };
}

function certificateJson({ serialNumber, issuerId, subject, status, notAfter }: CertificateRecord) {
  return {
    ...{ serialNumber, issuerId, subject, status: status.status },
    notAfter: notAfter.toISOString(),
  };
}

export function keyActJson({ key, notes }: KeyActResult): z.infer<typeof keyActShape> {
  return { key: keyJson(key), notes: [...notes] };
}

export function keyWarningJson({
  kind,
  keyId,
  message,
  due,
}: KeyWarning): z.infer<typeof keyWarningShape> {
  return { kind, keyId, message, due: iso(due) };
}

export function keyTransitionJson(step: StoredKeyTransition): z.infer<typeof keyTransitionShape> {
  const { id, keyId, half, number, from, to, at, by, reason } = step;
  return {
    ...{ id: id.toString(), keyId, half, number, from, to, at: at.toISOString(), by, reason },
    approvals: [...(step.approvals ?? [])],
    details: { ...step.details },
  };
}

export function keyCustodianJson(one: KeyCustodian): z.infer<typeof keyCustodianShape> {
  const { id, keyId, person, duty, recordedBy, endedBy, comment } = one;
  return {
    ...{ id: id.toString(), token: one.tokenRole, keyId, person, duty },
    since: one.since.toISOString(),
    until: iso(one.until),
    ...{ recordedBy, endedBy, comment },
  };
}

export function keyAccessJson(keyId: string, access: KeyAccess): z.infer<typeof keyAccessShape> {
  const privateState: KeyState | undefined = access.privateState;
  return {
    ...{ keyId, at: access.at.toISOString(), privateState, usable: access.usable },
    custodians: access.custodians.map(keyCustodianJson),
    principals: access.principals.map(({ name, role, permissions, since, until }) => ({
      ...{ name, role, permissions: [...permissions] },
      ...{ since: since.toISOString(), until: iso(until) },
    })),
    processes: [...access.processes],
    inTheClear: { ...access.inTheClear, persons: [...access.inTheClear.persons] },
  };
}

export function reconciliationJson(result: Reconciliation): z.infer<typeof reconciliationShape> {
  const { token, identity, at, objects, keys, findings } = result;
  return {
    ...{ token, identity: { ...identity }, at: at.toISOString(), objects, keys },
    findings: findings.map((finding) => ({ ...finding })),
  };
}

function iso(at: Date | undefined): string | undefined {
  return at?.toISOString();
}
