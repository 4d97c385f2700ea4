import type {
  BulkCounts,
  BulkQuery,
  IncidentEventRecord,
  IncidentRecord,
  IncidentStore,
  Page,
  Reach,
  ReachedCertificate,
  RemainingSubscriber,
  SignaturesSince,
} from '../authority/ports.ts';
import {
  type CertificateStatus,
  ChanceryError,
  type IncidentAct,
  type IncidentProgress,
  type IncidentState,
  type IssuanceState,
  type IssuerId,
  type TenantId,
} from '../domain/index.ts';
import { given } from './certificate-rows.ts';
import { streamRows } from './cursor.ts';
import { incidentOf } from './incident-rows.ts';
import type { Row, Session } from './pool.ts';
import { bigint, date, fromHex, integer, json, optionalText, text, texts, word } from './rows.ts';
import { formatCursor, parseCursor, searchConditions } from './search.ts';
import { selectRows } from './sql/bulk.ts';
import { type IncidentStatements, selectCaCertificates, selectReach } from './sql/incidents.ts';

/** Rows of one statement. */
const piece = 5000;

/** What each act still changes. */
const changeable: Readonly<Record<IncidentAct, readonly CertificateStatus[]>> = {
  hold: ['good'],
  revoke: ['good', 'onHold'],
};

/** Incidents, their lists and events, within one transaction. */
export class PostgresIncidents implements IncidentStore {
  readonly #session: Session;
  readonly #schema: string;
  readonly #sql: IncidentStatements;

  constructor(session: Session, schema: string, sql: IncidentStatements) {
    this.#session = session;
    this.#schema = schema;
    this.#sql = sql;
  }

  async insert(incident: IncidentRecord, query: BulkQuery, limit: number): Promise<number> {
    await this.#session.execute(this.#sql.insert, [
      incident.tenant,
      incident.id,
      incident.kind,
      JSON.stringify(incident.selection),
      incident.reason,
      incident.reasonCode,
      incident.invalidityDate,
      incident.drill,
      incident.spkiHash === undefined ? undefined : fromHex(incident.spkiHash),
      incident.keyId,
      incident.issuerId,
      incident.reissueBy,
      incident.renewFrom,
      incident.renewUntil,
      incident.explanationUrl,
      incident.state,
      incident.affected,
      incident.job,
      incident.openedAt,
      incident.openedBy,
    ]);
    const { conditions, values } = searchConditions(this.#schema, query);
    const statement = selectRows(this.#schema, conditions, limit + 1);
    let count = 0;
    for await (const rows of streamRows(this.#session, statement, values, piece)) {
      const ids = rows.map(([row]) => row);
      this.#session.defer(this.#sql.addRows, [
        incident.tenant,
        incident.id,
        ids,
        incident.openedAt,
      ]);
      count += rows.length;
    }
    if (count > limit) {
      throw new ChanceryError('payloadTooLarge', {
        message: `an incident takes at most ${limit} certificates; split it by narrower filters`,
        field: 'query',
      });
    }
    return count;
  }

  async find(tenant: TenantId, id: string): Promise<IncidentRecord | undefined> {
    const [row] = await this.#session.query(this.#sql.find, [tenant, id]);
    return row && incidentOf(row);
  }

  async findForUpdate(tenant: TenantId, id: string): Promise<IncidentRecord | undefined> {
    const [row] = await this.#session.query(this.#sql.findForUpdate, [tenant, id]);
    return row && incidentOf(row);
  }

  async list(
    tenant: TenantId,
    state: IncidentState | undefined,
    cursor: string | undefined,
    limit: number,
  ): Promise<Page<IncidentRecord>> {
    const before = cursor === undefined ? undefined : parseCursor(cursor);
    const rows = await this.#session.query(this.#sql.list, [tenant, state, before, limit + 1]);
    return page(rows, limit, 'sequence', incidentOf);
  }

  async listActing(tenant: TenantId): Promise<readonly IncidentRecord[]> {
    return (await this.#session.query(this.#sql.listActing, [tenant])).map(incidentOf);
  }

  async update(incident: IncidentRecord): Promise<void> {
    await this.#session.execute(this.#sql.update, [
      incident.tenant,
      incident.id,
      incident.state,
      incident.affected,
      incident.job,
      incident.reasonCode,
      incident.reissueBy,
      incident.closedAt,
      incident.closedBy,
    ]);
  }

  async append(tenant: TenantId, id: string, event: IncidentEventRecord): Promise<void> {
    await this.#session.execute(this.#sql.append, [
      tenant,
      id,
      event.at,
      event.by,
      event.event,
      JSON.stringify(event.details),
    ]);
  }

  async events(tenant: TenantId, id: string): Promise<readonly IncidentEventRecord[]> {
    return (await this.#session.query(this.#sql.events, [tenant, id])).map((row) => ({
      at: date(row, 'at'),
      by: text(row, 'by_principal'),
      event: text(row, 'event'),
      details: json<Record<string, unknown>>(row, 'details'),
    }));
  }

  async fillJob(incident: IncidentRecord, job: string, act: IncidentAct): Promise<BulkCounts> {
    let items = 0;
    for (let last: bigint | undefined = 0n; last !== undefined; ) {
      const [row] = await this.#session.query(this.#sql.fillJob, [
        ...changed(incident, job, act),
        ...[last, piece, items],
      ]);
      last = row === undefined || row['last'] === null ? undefined : bigint(row, 'last');
      items += row === undefined ? 0 : integer(row, 'items');
    }
    return { items, pending: items, done: 0, refused: 0, skipped: 0 };
  }

  async leftOver(
    incident: IncidentRecord,
    job: string,
    act: IncidentAct,
  ): Promise<{ readonly leftOver: number; readonly underWay: number }> {
    const { tenant, id, openedAt } = incident;
    const [waits] = await this.#session.query(this.#sql.underWay, [tenant, id, openedAt]);
    const values = [...changed(incident, job, act), openedAt];
    const [left] = await this.#session.query(this.#sql.leftOver, values);
    if (waits === undefined || left === undefined) throw new TypeError('nothing was counted');
    return { leftOver: integer(left, 'left_over'), underWay: integer(waits, 'under_way') };
  }

  async addLate({ tenant, id, issuerId, openedAt }: IncidentRecord): Promise<{
    readonly added: number;
    readonly underWay: number;
  }> {
    const rows = await this.#session.query(this.#sql.late, [tenant, id, issuerId, openedAt]);
    const settled = rows.filter((row) => row['settled'] === true);
    if (settled.length > 0) {
      const ids = settled.map((row) => bigint(row, 'id'));
      await this.#session.execute(this.#sql.addRows, [tenant, id, ids, openedAt]);
    }
    return { added: settled.length, underWay: rows.length - settled.length };
  }

  async progress(
    { tenant, id, openedAt }: IncidentRecord,
    excluded: readonly IssuerId[],
    now: Date,
  ): Promise<IncidentProgress> {
    const [statuses] = await this.#session.query(this.#sql.statuses, [tenant, id]);
    const values = [tenant, id, openedAt, now, excluded];
    const [counted] = await this.#session.query(this.#sql.progress, values);
    if (statuses === undefined || counted === undefined) throw new TypeError('nothing was counted');
    return {
      affected: integer(statuses, 'affected'),
      good: integer(statuses, 'good'),
      onHold: integer(statuses, 'on_hold'),
      revoked: integer(statuses, 'revoked'),
      subscribers: integer(counted, 'subscribers'),
      reKeyed: integer(counted, 're_keyed'),
      renewed: integer(counted, 'renewed'),
    };
  }

  async remaining(
    { tenant, id, kind, openedAt }: IncidentRecord,
    excluded: readonly IssuerId[],
    now: Date,
    cursor: string | undefined,
    limit: number,
  ): Promise<Page<RemainingSubscriber>> {
    const before = cursor === undefined ? undefined : parseCursor(cursor);
    const rows = await this.#session.query(this.#sql.remaining, [
      ...[tenant, id, openedAt, now, excluded],
      kind === 'keyCompromise',
      before,
      limit + 1,
    ]);
    return page(rows, limit, 'row', (row) => ({
      owner: text(row, 'owner'),
      subject: text(row, 'subject'),
      names: texts(row, 'names'),
      issuerId: text(row, 'issuer_id'),
      serialNumber: text(row, 'serial_number'),
      notAfter: date(row, 'not_after'),
      status: word<CertificateStatus>(row, 'status'),
      certificates: integer(row, 'certificates'),
    }));
  }

  async reach(query: BulkQuery, owners: number): Promise<Reach> {
    const { conditions, values } = searchConditions(this.#schema, query);
    const [now, most] = [`$${values.length + 1}::timestamptz`, `$${values.length + 2}::int`];
    const statement = selectReach(this.#schema, conditions, now, most);
    const [row] = await this.#session.query({ text: statement }, [...values, query.now, owners]);
    if (row === undefined) throw new TypeError('nothing was counted');
    return {
      certificates: integer(row, 'certificates'),
      good: integer(row, 'good'),
      onHold: integer(row, 'on_hold'),
      revoked: integer(row, 'revoked'),
      expired: integer(row, 'expired'),
      abandoned: integer(row, 'abandoned'),
      caCertificates: integer(row, 'ca_certificates'),
      delegates: integer(row, 'delegates'),
      subscribers: integer(row, 'subscribers'),
      owners: json<Reach['owners']>(row, 'owners'),
      ownerCount: integer(row, 'owner_count'),
    };
  }

  async caCertificates(query: BulkQuery): Promise<readonly ReachedCertificate[]> {
    const { conditions, values } = searchConditions(this.#schema, query);
    const statement = selectCaCertificates(this.#schema, conditions);
    return (await this.#session.query({ text: statement }, values)).map((row) => ({
      issuerId: text(row, 'issuer_id'),
      serialNumber: text(row, 'serial_number'),
      type: word<ReachedCertificate['type']>(row, 'type'),
      subject: optionalText(row, 'subject') ?? '',
      owner: optionalText(row, 'owner') ?? '',
      notAfter: date(row, 'not_after'),
      requestedAt: date(row, 'requested_at'),
      issuanceState: word<IssuanceState>(row, 'outcome'),
      status: word<CertificateStatus>(row, 'status'),
    }));
  }

  async signaturesSince(
    tenant: TenantId,
    issuerId: IssuerId,
    since: Date,
    crls: number,
  ): Promise<SignaturesSince> {
    const values = [tenant, issuerId, since];
    const [counted] = await this.#session.query(this.#sql.signatures, values);
    if (counted === undefined) throw new TypeError('nothing was counted');
    const rows = await this.#session.query(this.#sql.crlsSince, [...values, crls]);
    const [first] = rows;
    return {
      certificates: integer(counted, 'certificates'),
      delegates: integer(counted, 'delegates'),
      caCertificates: integer(counted, 'ca_certificates'),
      crls: first === undefined ? 0 : integer(first, 'all'),
      crlList: rows.map((row) => ({
        crlNumber: bigint(row, 'crl_number'),
        shard: integer(row, 'shard'),
        thisUpdate: date(row, 'this_update'),
      })),
    };
  }

  async compromisedIssuers(
    tenant: TenantId,
  ): Promise<ReadonlyMap<IssuerId, { readonly reissueBy?: IssuerId | undefined }>> {
    const rows = await this.#session.query(this.#sql.compromisedIssuers, [tenant]);
    return new Map(
      rows.map((row) => [
        text(row, 'issuer_id'),
        given('reissueBy', optionalText(row, 'reissue_by')),
      ]),
    );
  }
}

/** The first parameters of what a job is filled with. */
function changed(
  { tenant, id, issuerId, spkiHash }: IncidentRecord,
  job: string,
  act: IncidentAct,
): readonly unknown[] {
  const hash = spkiHash === undefined ? undefined : fromHex(spkiHash);
  return [tenant, id, job, changeable[act], issuerId, hash];
}

function page<T>(
  rows: readonly Row[],
  limit: number,
  column: string,
  of: (row: Row) => T,
): Page<T> {
  const last = rows[limit - 1];
  return {
    items: rows.slice(0, limit).map(of),
    next: rows.length > limit && last ? formatCursor(bigint(last, column)) : null,
  };
}
