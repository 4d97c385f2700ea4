import type { InventoryMaintenance, PurgeSelection } from '../authority/ports.ts';
import type { IssuerId, SerialNumber } from '../domain/index.ts';
import type { Session } from './pool.ts';
import { bigint, date, integer, text } from './rows.ts';
import type { maintenanceStatements } from './sql/maintenance.ts';

/** Maintenance of the inventory within one transaction. */
export class PostgresMaintenance implements InventoryMaintenance {
  readonly #session: Session;
  readonly #sql: ReturnType<typeof maintenanceStatements>;

  constructor(session: Session, sql: ReturnType<typeof maintenanceStatements>) {
    this.#session = session;
    this.#sql = sql;
  }

  async countPurgeable(selection: PurgeSelection, limit: number): Promise<number> {
    const [row] = await this.#session.query(this.#sql.countPurgeable, [
      ...selected(selection),
      limit,
    ]);
    return row === undefined ? 0 : Number(bigint(row, 'count'));
  }

  async purge(
    selection: PurgeSelection,
    now: Date,
    limit: number,
  ): Promise<readonly { readonly issuerId: IssuerId; readonly serialNumber: SerialNumber }[]> {
    const locked = await this.#session.query(this.#sql.lock, [...selected(selection), limit]);
    if (locked.length === 0) return [];
    const marked = await this.#session.query(this.#sql.mark, [
      ...selected(selection),
      locked.map((row) => bigint(row, 'id')),
      now,
    ]);
    const ids = marked.map((row) => bigint(row, 'id'));
    const moments = marked.map((row) => date(row, 'requested_at').getTime());
    this.#session.defer(this.#sql.removeSignatures, [ids]);
    // A row's moment is known to the microsecond there and to the millisecond here.
    await this.#session.execute(this.#sql.removeContents, [
      ids,
      new Date(moments.reduce((a, b) => Math.min(a, b), Number.MAX_SAFE_INTEGER / 2)),
      new Date(moments.reduce((a, b) => Math.max(a, b), 0) + 1),
    ]);
    return marked.map((row) => ({
      issuerId: text(row, 'issuer_id'),
      serialNumber: text(row, 'serial_number'),
    }));
  }

  async keepPartitions(now: Date): Promise<{ readonly made: number; readonly moved: bigint }> {
    const [row] = await this.#session.query(this.#sql.keepPartitions, [now]);
    if (row === undefined) throw new TypeError('the partitions told nothing');
    return { made: integer(row, 'made'), moved: bigint(row, 'moved') };
  }

  async dropEmptyPartitions(before: Date): Promise<number> {
    const [row] = await this.#session.query(this.#sql.dropEmptyPartitions, [before]);
    return row === undefined ? 0 : integer(row, 'dropped');
  }

  async pruneChanges(before: Date, limit: number): Promise<number> {
    const [row] = await this.#session.query(this.#sql.pruneChanges, [before, limit]);
    return row === undefined ? 0 : Number(bigint(row, 'count'));
  }

  async pruneIdempotencyKeys(before: Date, limit: number): Promise<number> {
    return await this.#session.execute(this.#sql.pruneIdempotencyKeys, [before, limit]);
  }
}

function selected(selection: PurgeSelection): readonly unknown[] {
  return [selection.tenant, selection.retentionClass, selection.notAfterBefore];
}
