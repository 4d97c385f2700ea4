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
  optionalHex,
  optionalOctets,
  optionalText,
  optionalWord,
  text,
  texts,
  word,
} from './rows.ts';

/**
 * A joined row of register, contents, outcome and status as the domain's record. Absent members are
 * left out; of a certificate without contents (purged) what they said is empty.
 */
export function certificateOf(row: Row): CertificateRecord {
  const outcome = optionalWord<Exclude<IssuanceState, 'prepared'>>(row, 'outcome');
  const contents = contentsOf(row);
  const head = optionalOctets(row, 'certificate_head');
  const tail = optionalOctets(row, 'certificate_tail');
  return {
    tenant: text(row, 'tenant'),
    issuerId: text(row, 'issuer_id'),
    serialNumber: text(row, 'serial_number'),
    origin: word<CertificateRecord['origin']>(row, 'origin'),
    issuanceState: outcome ?? 'prepared',
    status: statusOf(row),
    type: word<CertificateRecord['type']>(row, 'type'),
    ...contents,
    ...(outcome === 'issued' && {
      ...given(
        'certificate',
        head && tail && contents.tbsCertificate.length > 0
          ? concatenate(head, contents.tbsCertificate, tail)
          : undefined,
      ),
      issuedAt: date(row, 'settled_at'),
    }),
    spkiHash: optionalHex(row, 'spki_hash') ?? '',
    notBefore: date(row, 'not_before'),
    notAfter: date(row, 'not_after'),
    requestedAt: date(row, 'requested_at'),
    retentionClass: text(row, 'retention_class'),
    shard: integer(row, 'shard'),
    ...given('purgedAt', optionalDate(row, 'purged_at')),
    ...given('tbsSha256', optionalHex(row, 'tbs_sha256')),
    ...given('certificateSha256', optionalHex(row, 'certificate_sha256')),
  };
}

type Contents = Pick<
  CertificateRecord,
  | 'tbsCertificate'
  | 'profileName'
  | 'profileHash'
  | 'subject'
  | 'names'
  | 'keyAlgorithm'
  | 'signatureAlgorithm'
  | 'policies'
  | 'requestedBy'
  | 'owner'
  | 'tags'
  | 'notes'
  | 'approval'
  | 'idempotencyKey'
  | 'replaces'
  | 'requested'
  | 'granted'
>;

const noContents: Contents = {
  tbsCertificate: new Uint8Array(),
  profileName: '',
  profileHash: '',
  subject: '',
  names: [],
  keyAlgorithm: '',
  signatureAlgorithm: '',
  policies: [],
  requestedBy: '',
  owner: '',
  tags: [],
  requested: {},
  granted: {},
};

function contentsOf(row: Row): Contents {
  if (row['certificate_id'] === null) return noContents;
  return {
    tbsCertificate: octets(row, 'tbs_certificate'),
    profileName: text(row, 'profile_name'),
    profileHash: hex(row, 'profile_hash'),
    subject: text(row, 'subject'),
    names: texts(row, 'names'),
    keyAlgorithm: text(row, 'key_algorithm'),
    signatureAlgorithm: text(row, 'signature_algorithm'),
    policies: texts(row, 'policies'),
    requestedBy: text(row, 'requested_by'),
    owner: text(row, 'owner'),
    tags: texts(row, 'tags'),
    ...given('notes', optionalText(row, 'notes')),
    ...given('approval', optionalText(row, 'approval')),
    ...given('idempotencyKey', optionalText(row, 'idempotency_key')),
    ...given('replaces', optionalText(row, 'replaces')),
    requested: json<Record<string, unknown>>(row, 'requested'),
    granted: json<Record<string, unknown>>(row, 'granted'),
  };
}

/** A row of `findKeyUses` with its contents, which are gone once purged. */
export function keyUseOf(row: Row, contents: Row | undefined): KeyUse {
  return {
    type: word<KeyUse['type']>(row, 'type'),
    issuerId: text(row, 'issuer_id'),
    serialNumber: text(row, 'serial_number'),
    subject: contents === undefined ? '' : text(contents, 'subject'),
    names: contents === undefined ? [] : texts(contents, 'names'),
    owner: contents === undefined ? '' : text(contents, 'owner'),
  };
}

/** The parameters of `insertPrepared`; `insertImported` has two more. */
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
    record.spkiHash === '' ? undefined : fromHex(record.spkiHash),
    record.retentionClass,
    record.profileName,
    fromHex(record.profileHash),
    record.subject,
    record.names,
    record.keyAlgorithm,
    record.signatureAlgorithm,
    record.policies,
    record.requestedBy,
    record.owner,
    record.tags,
    record.approval,
    record.idempotencyKey,
    record.replaces,
    JSON.stringify(record.requested),
    JSON.stringify(record.granted),
    record.tbsCertificate,
    record.notes,
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

/** The status columns of a row; a certificate without them is good. */
export function statusOf(row: Row): StatusState {
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

/**
 * How long the header of a certificate and its TBS are: two SEQUENCE headers (RFC 5280 §4.1). What is
 * no such thing gives zeros, which the database's CHECK refuses.
 */
export function partsOf(certificate: Uint8Array): {
  readonly head: number;
  readonly tbs: number;
} {
  const outer = sequenceHeader(certificate, 0);
  const inner = outer === undefined ? undefined : sequenceHeader(certificate, outer.length);
  return outer === undefined || inner === undefined
    ? { head: 0, tbs: 0 }
    : { head: outer.length, tbs: inner.length + inner.content };
}

function sequenceHeader(
  der: Uint8Array,
  at: number,
): { readonly length: number; readonly content: number } | undefined {
  const first = der[at + 1];
  if (der[at] !== 0x30 || first === undefined) return undefined;
  if (first < 0x80) return { length: 2, content: first };
  const octetsOfLength = first & 0x7f;
  if (octetsOfLength === 0 || octetsOfLength > 4) return undefined;
  let content = 0;
  for (let index = 0; index < octetsOfLength; index += 1) {
    content = content * 256 + (der[at + 2 + index] ?? 0);
  }
  return { length: 2 + octetsOfLength, content };
}
