import type { CertificateRecord, KeyUse, StoredStatusChange } from '../authority/ports.ts';
import type {
  CertificateStatus,
  HoldCause,
  HoldEnd,
  IssuanceState,
  ReasonCode,
  StatusChange,
  StatusState,
} from '../domain/index.ts';
import type { Row } from './pool.ts';
import {
  bigint,
  date,
  fromHex,
  hex,
  integer,
  json,
  octets,
  optionalDate,
  optionalText,
  optionalWord,
  text,
  texts,
  word,
} from './rows.ts';

/** A joined row of certificate, outcome and status as the domain's record. Absent members are left out. */
export function certificateOf(row: Row): CertificateRecord {
  const outcome = optionalWord<Exclude<IssuanceState, 'prepared'>>(row, 'outcome');
  const tbsCertificate = octets(row, 'tbs_certificate');
  return {
    tenant: text(row, 'tenant'),
    issuerId: text(row, 'issuer_id'),
    serialNumber: text(row, 'serial_number'),
    issuanceState: outcome ?? 'prepared',
    status: statusOf(row),
    type: word<CertificateRecord['type']>(row, 'type'),
    tbsCertificate,
    ...(outcome === 'issued' && {
      certificate: concatenate(
        octets(row, 'certificate_head'),
        tbsCertificate,
        octets(row, 'certificate_tail'),
      ),
      issuedAt: date(row, 'settled_at'),
    }),
    profileName: text(row, 'profile_name'),
    profileHash: hex(row, 'profile_hash'),
    subject: text(row, 'subject'),
    names: texts(row, 'names'),
    spkiHash: hex(row, 'spki_hash'),
    keyAlgorithm: text(row, 'key_algorithm'),
    signatureAlgorithm: text(row, 'signature_algorithm'),
    policies: texts(row, 'policies'),
    notBefore: date(row, 'not_before'),
    notAfter: date(row, 'not_after'),
    requestedAt: date(row, 'requested_at'),
    requestedBy: text(row, 'requested_by'),
    owner: text(row, 'owner'),
    tags: texts(row, 'tags'),
    ...given('approval', optionalText(row, 'approval')),
    ...given('idempotencyKey', optionalText(row, 'idempotency_key')),
    retentionClass: text(row, 'retention_class'),
    shard: integer(row, 'shard'),
    ...given('replaces', optionalText(row, 'replaces')),
    requested: json<Record<string, unknown>>(row, 'requested'),
    granted: json<Record<string, unknown>>(row, 'granted'),
  };
}

/** A row of `findKeyUses`. */
export function keyUseOf(row: Row): KeyUse {
  return {
    type: word<KeyUse['type']>(row, 'type'),
    issuerId: text(row, 'issuer_id'),
    serialNumber: text(row, 'serial_number'),
    subject: text(row, 'subject'),
    names: texts(row, 'names'),
    owner: text(row, 'owner'),
  };
}

/** The parameters of `insertPrepared`. */
export function preparedValues(record: CertificateRecord): readonly unknown[] {
  return [
    record.requestedAt,
    record.notBefore,
    record.notAfter,
    record.shard,
    record.tenant,
    record.issuerId,
    record.serialNumber,
    record.type,
    record.profileName,
    fromHex(record.profileHash),
    record.subject,
    record.names,
    fromHex(record.spkiHash),
    record.keyAlgorithm,
    record.signatureAlgorithm,
    record.policies,
    record.requestedBy,
    record.owner,
    record.tags,
    record.approval,
    record.idempotencyKey,
    record.retentionClass,
    record.replaces,
    JSON.stringify(record.requested),
    JSON.stringify(record.granted),
    record.tbsCertificate,
  ];
}

/** Parameters 4 to 20 of the statements that change a status. */
export function changeValues(state: StatusState, change: StatusChange): readonly unknown[] {
  return [
    state.status,
    state.reasonCode,
    state.notGoodSince,
    state.invalidityDate,
    state.holdCause,
    state.holdUntil,
    state.holdThen,
    change.act,
    change.reasonCode,
    change.cause,
    change.comment,
    change.invalidityDate,
    change.requestedAt,
    change.requestedBy,
    change.effectiveAt,
    change.until,
    change.then,
  ];
}

function statusOf(row: Row): StatusState {
  const status = optionalWord<CertificateStatus>(row, 'status') ?? 'good';
  if (status === 'good') return { status };
  return {
    status,
    ...given('reasonCode', optionalWord<ReasonCode>(row, 'reason_code')),
    ...given('notGoodSince', optionalDate(row, 'not_good_since')),
    ...given('invalidityDate', optionalDate(row, 'invalidity_date')),
    ...given('holdCause', optionalWord<HoldCause>(row, 'hold_cause')),
    ...given('holdUntil', optionalDate(row, 'hold_until')),
    ...given('holdThen', optionalWord<HoldEnd>(row, 'hold_then')),
  };
}

/** A row of the history; `issuerId` and `serialNumber` come from the certificate. */
export function statusChangeOf(
  row: Row,
  issuerId: string,
  serialNumber: string,
): StoredStatusChange {
  return {
    id: bigint(row, 'id'),
    issuerId,
    serialNumber,
    act: word<StatusChange['act']>(row, 'act'),
    statusAfter: word<CertificateStatus>(row, 'status_after'),
    ...given('reasonCode', optionalWord<ReasonCode>(row, 'reason_code')),
    ...given('cause', optionalWord<HoldCause>(row, 'cause')),
    ...given('comment', optionalText(row, 'comment')),
    ...given('invalidityDate', optionalDate(row, 'invalidity_date')),
    requestedAt: date(row, 'requested_at'),
    requestedBy: text(row, 'requested_by'),
    effectiveAt: date(row, 'effective_at'),
    ...given('until', optionalDate(row, 'hold_until')),
    ...given('then', optionalWord<HoldEnd>(row, 'hold_then')),
  };
}

/** A member that is there only when it has a value. */
export function given<K extends string, V>(
  name: K,
  value: V | undefined,
): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [P in K]: V });
}

function concatenate(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
