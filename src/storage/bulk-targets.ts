import type {
  BulkClass,
  BulkTarget,
  CertificateRecord,
  DescriptionWrite,
  StatusWrite,
} from '../authority/ports.ts';
import type {
  CertificateStatus,
  IssuanceState,
  ReasonCode,
  StatusChange,
} from '../domain/index.ts';
import { given, statusOf } from './certificate-rows.ts';
import type { Row } from './pool.ts';
import {
  bigint,
  date,
  integer,
  optionalHex,
  optionalText,
  optionalWord,
  text,
  texts,
  word,
} from './rows.ts';

/** A row of the target columns. */
export function targetOf(row: Row): BulkTarget {
  return {
    row: bigint(row, 'row'),
    issuerId: text(row, 'issuer_id'),
    serialNumber: text(row, 'serial_number'),
    type: word<CertificateRecord['type']>(row, 'type'),
    issuanceState: optionalWord<IssuanceState>(row, 'outcome') ?? 'prepared',
    status: statusOf(row),
    spkiHash: optionalHex(row, 'spki_hash') ?? '',
    notAfter: date(row, 'not_after'),
    subject: optionalText(row, 'subject') ?? '',
    description:
      row['owner'] === null
        ? undefined
        : {
            owner: text(row, 'owner'),
            tags: texts(row, 'tags'),
            ...given('notes', optionalText(row, 'notes')),
          },
  };
}

/** A row of the counted classes. */
export function classOf(row: Row): BulkClass {
  return {
    issuanceState: word<IssuanceState>(row, 'outcome'),
    status: word<CertificateStatus>(row, 'status'),
    ...given('reasonCode', optionalWord<ReasonCode>(row, 'reason_code')),
    type: word<CertificateRecord['type']>(row, 'type'),
    purged: row['purged'] === true,
    count: integer(row, 'count'),
  };
}

/** The parameters of `changeStatuses`: a column of each member of the states, then the change. */
export function statusColumns(
  writes: readonly StatusWrite[],
  change: StatusChange,
): readonly unknown[] {
  const states = writes.map(({ state }) => state);
  return [
    writes.map(({ row }) => row),
    states.map(({ status }) => status),
    states.map(({ reasonCode }) => reasonCode),
    states.map(({ notGoodSince }) => notGoodSince),
    states.map(({ invalidityDate }) => invalidityDate),
    states.map(({ holdCause }) => holdCause),
    states.map(({ holdUntil }) => holdUntil),
    states.map(({ holdThen }) => holdThen),
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

/** The parameters of `describe`. Lists of tags have different lengths: each goes as JSON. */
export function descriptionColumns(writes: readonly DescriptionWrite[]): readonly unknown[] {
  return [
    writes.map(({ row }) => row),
    writes.map(({ after }) => after.owner),
    writes.map(({ after }) => JSON.stringify(after.tags)),
    writes.map(({ after }) => after.notes),
  ];
}
