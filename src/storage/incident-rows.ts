import type { IncidentRecord } from '../authority/ports.ts';
import type { IncidentKind, IncidentState, ReasonCode } from '../domain/index.ts';
import { given } from './certificate-rows.ts';
import type { Row } from './pool.ts';
import {
  date,
  integer,
  json,
  optionalDate,
  optionalHex,
  optionalText,
  optionalWord,
  text,
  word,
} from './rows.ts';

/** A row of `incidents`. */
export function incidentOf(row: Row): IncidentRecord {
  return {
    tenant: text(row, 'tenant'),
    id: text(row, 'id'),
    kind: word<IncidentKind>(row, 'kind'),
    selection: json<Record<string, unknown>>(row, 'selection'),
    reason: text(row, 'reason'),
    ...given('reasonCode', optionalWord<ReasonCode>(row, 'reason_code')),
    ...given('invalidityDate', optionalDate(row, 'invalidity_date')),
    drill: row['drill'] === true,
    ...given('spkiHash', optionalHex(row, 'spki_hash')),
    ...given('keyId', optionalText(row, 'key_id')),
    ...given('issuerId', optionalText(row, 'issuer_id')),
    ...given('reissueBy', optionalText(row, 'reissue_by')),
    renewFrom: date(row, 'renew_from'),
    renewUntil: date(row, 'renew_until'),
    ...given('explanationUrl', optionalText(row, 'explanation_url')),
    state: word<IncidentState>(row, 'state'),
    affected: integer(row, 'affected'),
    ...given('job', optionalText(row, 'job')),
    openedAt: date(row, 'opened_at'),
    openedBy: text(row, 'opened_by'),
    ...given('closedAt', optionalDate(row, 'closed_at')),
    ...given('closedBy', optionalText(row, 'closed_by')),
  };
}
