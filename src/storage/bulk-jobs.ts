import type {
  BulkClass,
  BulkCounts,
  BulkJobItem,
  BulkJobRecord,
  BulkJobs,
  BulkOutcome,
  BulkQuery,
  BulkTarget,
  CertificateQuery,
  CertificateRecord,
  DescriptionWrite,
  Page,
  StatusWrite,
} from '../authority/ports.ts';
import {
  type BulkItemState,
  type BulkJobState,
  type BulkParameters,
  ChanceryError,
  type ErrorCode,
  type IssuerId,
  type ReasonCode,
  type SerialNumber,
  type StatusChange,
  type TenantId,
} from '../domain/index.ts';
import { classOf, descriptionColumns, statusColumns, targetOf } from './bulk-targets.ts';
import { certificateOf, given } from './certificate-rows.ts';
import { streamRecords, streamRows } from './cursor.ts';
import type { Row, Session } from './pool.ts';
import {
  bigint,
  date,
  fromHex,
  integer,
  json,
  optionalDate,
  optionalText,
  optionalWord,
  text,
  word,
} from './rows.ts';
import { formatCursor, parseCursor, searchConditions } from './search.ts';
import {
  type BulkStatements,
  countClasses,
  selectExport,
  selectRows,
  selectTargets,
} from './sql/bulk.ts';

type JobKey = Pick<BulkJobRecord, 'tenant' | 'id'>;

/** Serial numbers or rows of one statement. */
const listPiece = 5000;

/** Acts on many certificates, within one transaction. */
export class PostgresBulkJobs implements BulkJobs {
  readonly #session: Session;
  readonly #schema: string;
  readonly #sql: BulkStatements;

  constructor(session: Session, schema: string, sql: BulkStatements) {
    this.#session = session;
    this.#schema = schema;
    this.#sql = sql;
  }

  async insert(job: BulkJobRecord): Promise<void> {
    await this.#session.execute(this.#sql.insert, [
      job.tenant,
      job.id,
      JSON.stringify(job.parameters),
      JSON.stringify(job.selection),
      job.includesIssuers,
      job.requestedBy.id,
      job.requestedBy.name,
      job.requestedAt,
      job.state,
      job.startedAt,
      job.endedAt,
      ...countColumns(job.counts),
    ]);
  }

  async addSerialNumbers(
    { tenant, id }: JobKey,
    serialNumbers: readonly SerialNumber[],
    issuerId?: IssuerId,
  ): Promise<readonly SerialNumber[]> {
    const ambiguous: SerialNumber[] = [];
    const once = [...new Set(serialNumbers)];
    for (let at = 0; at < once.length; at += listPiece) {
      const piece = once.slice(at, at + listPiece);
      const rows = await this.#session.query(this.#sql.addSerialNumbers, [
        tenant,
        id,
        piece,
        issuerId,
        at,
      ]);
      ambiguous.push(...rows.map((row) => text(row, 'serial')));
    }
    return ambiguous;
  }

  async addFound({ tenant, id }: JobKey, query: BulkQuery, limit: number): Promise<number> {
    const { conditions, values } = searchConditions(this.#schema, query);
    const statement = selectRows(this.#schema, conditions, limit);
    let count = 0;
    // A cursor has the snapshot of its declaration: what is committed meanwhile is not in the list.
    for await (const rows of streamRows(this.#session, statement, values, listPiece)) {
      this.#session.defer(this.#sql.addRows, [tenant, id, rows.map(([row]) => row), count]);
      count += rows.length;
    }
    return count;
  }

  async countItems({ tenant, id }: JobKey): Promise<BulkCounts> {
    const [row] = await this.#session.query(this.#sql.countItems, [tenant, id]);
    if (row === undefined) throw new TypeError('nothing was counted');
    return countsOf(row);
  }

  async find(tenant: TenantId, id: string): Promise<BulkJobRecord | undefined> {
    const [row] = await this.#session.query(this.#sql.find, [tenant, id]);
    return row && jobOf(row);
  }

  async findForUpdate(tenant: TenantId, id: string): Promise<BulkJobRecord | undefined> {
    const [row] = await this.#session.query(this.#sql.findForUpdate, [tenant, id]);
    return row && jobOf(row);
  }

  async list(
    tenant: TenantId,
    { state }: { readonly state?: BulkJobState | undefined },
    cursor: string | undefined,
    limit: number,
  ): Promise<Page<BulkJobRecord>> {
    const before = cursor === undefined ? undefined : parseCursor(cursor);
    const rows = await this.#session.query(this.#sql.list, [tenant, state, before, limit + 1]);
    const last = rows[limit - 1];
    return {
      items: rows.slice(0, limit).map(jobOf),
      next: rows.length > limit && last ? formatCursor(bigint(last, 'sequence')) : null,
    };
  }

  async items(
    { tenant, id }: JobKey,
    { state }: { readonly state?: BulkItemState | undefined },
    cursor: string | undefined,
    limit: number,
  ): Promise<Page<BulkJobItem>> {
    const from = cursor === undefined ? 0n : parseCursor(cursor);
    const values = [tenant, id, state, from, limit + 1];
    const rows = await this.#session.query(this.#sql.items, values);
    const next = rows[limit];
    return {
      items: rows.slice(0, limit).map(itemOf),
      next: next === undefined ? null : formatCursor(BigInt(integer(next, 'position'))),
    };
  }

  async countOpen(tenant: TenantId): Promise<number> {
    const [row] = await this.#session.query(this.#sql.countOpen, [tenant]);
    return row === undefined ? 0 : integer(row, 'open');
  }

  async takeTurn(tenant: TenantId, fence: bigint): Promise<BulkJobRecord | undefined> {
    const [row] = await this.#session.query(this.#sql.takeTurn, [tenant]);
    return row === undefined || bigint(row, 'fence') > fence ? undefined : jobOf(row);
  }

  async takePending(
    { tenant, id }: JobKey,
    limit: number,
  ): Promise<readonly (BulkTarget & { readonly position: number })[]> {
    // Sent together. The second statement has a snapshot of its own, taken after the locks were got.
    this.#session.defer(this.#sql.lockPending, [tenant, id, limit]);
    const rows = await this.#session.query(this.#sql.takePending, [tenant, id, limit]);
    return rows.map((row) => ({ ...targetOf(row), position: integer(row, 'position') }));
  }

  async settle({ tenant, id }: JobKey, outcomes: readonly BulkOutcome[]): Promise<number> {
    return await this.#session.execute(this.#sql.settle, [
      tenant,
      id,
      outcomes.map(({ position }) => position),
      outcomes.map(({ state }) => state),
      outcomes.map(({ code }) => code),
      outcomes.map(({ reason }) => reason),
    ]);
  }

  async settleSwept({ tenant, id }: JobKey, rows: readonly bigint[]): Promise<number> {
    return await this.#session.execute(this.#sql.settleSwept, [tenant, id, rows]);
  }

  async update(job: BulkJobRecord, fence?: bigint): Promise<void> {
    await this.#session.execute(this.#sql.update, [
      job.tenant,
      job.id,
      job.state,
      job.startedAt,
      job.endedAt,
      ...countColumns(job.counts),
      fence,
    ]);
  }

  async resolve(
    tenant: TenantId,
    serialNumbers: readonly SerialNumber[],
    issuerId?: IssuerId,
  ): Promise<readonly BulkTarget[]> {
    const found: BulkTarget[] = [];
    for (let at = 0; at < serialNumbers.length; at += listPiece) {
      const piece = serialNumbers.slice(at, at + listPiece);
      const rows = await this.#session.query(this.#sql.resolve, [tenant, piece, issuerId]);
      found.push(...rows.map(targetOf));
    }
    return found;
  }

  async findTargets(query: CertificateQuery): Promise<Page<BulkTarget>> {
    const { conditions, values } = searchConditions(this.#schema, query);
    const statement = `${selectTargets(this.#schema, conditions)} LIMIT ${Math.trunc(query.limit) + 1}`;
    const rows = await this.#session.query({ text: statement }, values);
    const last = rows[query.limit - 1];
    return {
      items: rows.slice(0, query.limit).map(targetOf),
      next: rows.length > query.limit && last ? formatCursor(bigint(last, 'row')) : null,
    };
  }

  async classes(query: BulkQuery, limit: number): Promise<readonly BulkClass[]> {
    const { conditions, values } = searchConditions(this.#schema, query);
    const rows = await this.#session.query(
      { text: countClasses(this.#schema, conditions, limit) },
      values,
    );
    return rows.map(classOf);
  }

  async changeStatuses(writes: readonly StatusWrite[], change: StatusChange): Promise<void> {
    const [row] = await this.#session.query(
      this.#sql.changeStatuses,
      statusColumns(writes, change),
    );
    refuseOtherNumber(writes.length, row === undefined ? 0 : integer(row, 'changed'));
  }

  async describe(writes: readonly DescriptionWrite[]): Promise<void> {
    const changed = await this.#session.execute(this.#sql.describe, descriptionColumns(writes));
    refuseOtherNumber(writes.length, changed);
  }

  async blockKeys(
    tenant: TenantId,
    spkiHashes: readonly string[],
    reason: ReasonCode,
    at: Date,
    by: string,
    except: readonly bigint[],
  ): Promise<readonly BulkTarget[]> {
    const hashes = spkiHashes.map(fromHex);
    this.#session.defer(this.#sql.blockKeys, [tenant, hashes, reason, at, by]);
    this.#session.defer(this.#sql.lockSiblings, [tenant, hashes, except]);
    return (await this.#session.query(this.#sql.siblings, [tenant, hashes, except])).map(targetOf);
  }

  async prune(tenant: TenantId, endedBefore: Date, limit: number): Promise<number> {
    return await this.#session.execute(this.#sql.prune, [tenant, endedBefore, limit]);
  }

  async *export(query: BulkQuery): AsyncGenerator<readonly CertificateRecord[]> {
    const { conditions, values } = searchConditions(this.#schema, query);
    const statement = selectExport(this.#schema, conditions);
    for await (const rows of streamRecords(this.#session, statement, values)) {
      yield rows.map(certificateOf);
    }
  }
}

/** A row that was locked and is not there is a defect; half a batch must not be committed. */
function refuseOtherNumber(wanted: number, changed: number): void {
  if (changed !== wanted) {
    throw new ChanceryError('internal', {
      message: `${changed} certificates were changed instead of ${wanted}`,
    });
  }
}

function countColumns({ items, pending, done, refused, skipped }: BulkCounts): readonly number[] {
  return [items, pending, done, refused, skipped];
}

function countsOf(row: Row): BulkCounts {
  return {
    items: integer(row, 'items'),
    pending: integer(row, 'pending'),
    done: integer(row, 'done'),
    refused: integer(row, 'refused'),
    skipped: integer(row, 'skipped'),
  };
}

function jobOf(row: Row): BulkJobRecord {
  return {
    tenant: text(row, 'tenant'),
    id: text(row, 'id'),
    parameters: parametersOf(row),
    selection: json<Record<string, unknown>>(row, 'selection'),
    includesIssuers: row['includes_issuers'] === true,
    requestedBy: { id: text(row, 'requested_by_id'), name: text(row, 'requested_by') },
    requestedAt: date(row, 'requested_at'),
    state: word<BulkJobState>(row, 'state'),
    ...given('startedAt', optionalDate(row, 'started_at')),
    ...given('endedAt', optionalDate(row, 'ended_at')),
    counts: countsOf(row),
  };
}

/** JSON has no dates. */
function parametersOf(row: Row): BulkParameters {
  const stored = json<Record<string, unknown>>(row, 'parameters');
  return Object.fromEntries(
    Object.entries(stored).map(([name, value]) => [
      name,
      name === 'invalidityDate' || name === 'until' ? new Date(String(value)) : value,
    ]),
  ) as unknown as BulkParameters;
}

function itemOf(row: Row): BulkJobItem {
  return {
    position: integer(row, 'position'),
    serialNumber: text(row, 'serial_number'),
    ...given('issuerId', optionalText(row, 'issuer_id')),
    state: word<BulkItemState>(row, 'state'),
    ...given('code', optionalWord<ErrorCode>(row, 'code')),
    ...given('reason', optionalText(row, 'reason')),
  };
}
