import type {
  CrlLedger,
  CrlRecord,
  CrlShard,
  CrlShardState,
  CrlSnapshot,
} from '../authority/ports.ts';
import { ChanceryError, type CrlScope, type IssuerId, type TenantId } from '../domain/index.ts';
import type { CrlEntry } from '../issuance/ports.ts';
import { given } from './certificate-rows.ts';
import { crlEntryOf } from './crl-entries.ts';
import { streamRows } from './cursor.ts';
import type { Row, Session } from './pool.ts';
import { missing } from './records.ts';
import {
  bigint,
  date,
  fromHex,
  integer,
  json,
  optionalBigint,
  optionalDate,
  optionalHex,
  optionalText,
  text,
  word,
} from './rows.ts';
import { type crlStatements, selectDeltaEntries } from './sql/crls.ts';

export class PostgresCrlLedger implements CrlLedger {
  readonly #session: Session;
  readonly #schema: string;
  readonly #sql: ReturnType<typeof crlStatements>;

  constructor(session: Session, schema: string, sql: ReturnType<typeof crlStatements>) {
    this.#session = session;
    this.#schema = schema;
    this.#sql = sql;
  }

  async openShard(shard: Parameters<CrlLedger['openShard']>[0]): Promise<void> {
    await this.#session.execute(this.#sql.openShard, [
      shard.tenant,
      shard.issuerId,
      shard.shard,
      shard.scope,
      shard.openedAt,
    ]);
  }

  async retireShard(
    tenant: TenantId,
    issuerId: IssuerId,
    shard: number,
    at: Date,
  ): Promise<boolean> {
    const values = [tenant, issuerId, shard, at];
    return (await this.#session.execute(this.#sql.retireShard, values)) === 1;
  }

  async requireOpen(tenant: TenantId, issuerId: IssuerId, shard: number): Promise<void> {
    const [row] = await this.#session.query(this.#sql.isRetired, [tenant, issuerId, shard]);
    if (row?.['retired'] === true) {
      throw new ChanceryError('illegalTransition', {
        message: `shard ${shard} of issuer ${issuerId} is retired and gets no new certificates`,
        field: 'shard',
      });
    }
  }

  async latestNotAfter(
    tenant: TenantId,
    issuerId: IssuerId,
    shard: number,
  ): Promise<Date | undefined> {
    const [row] = await this.#session.query(this.#sql.latestNotAfter, [tenant, issuerId, shard]);
    return row && date(row, 'not_after');
  }

  async settleRetirement(
    tenant: TenantId,
    issuerId: IssuerId,
    shard: number,
    lastNotAfter: Date,
  ): Promise<void> {
    const values = [tenant, issuerId, shard, lastNotAfter];
    await this.#session.execute(this.#sql.settleRetirement, values);
  }

  async endShard(tenant: TenantId, issuerId: IssuerId, shard: number, at: Date): Promise<void> {
    await this.#session.execute(this.#sql.endShard, [tenant, issuerId, shard, at]);
  }

  async shardStates(
    tenant: TenantId,
    issuerId?: IssuerId,
    shard?: number,
  ): Promise<readonly CrlShardState[]> {
    const rows = await this.#session.query(this.#sql.shardStates, [tenant, issuerId, shard]);
    return rows.map(stateOf);
  }

  async reserveNumber(
    tenant: TenantId,
    issuerId: IssuerId,
    shard: number,
    now: Date,
  ): Promise<bigint> {
    const values = [tenant, issuerId, shard, BigInt(now.getTime()) * 1000n];
    const [row] = await this.#session.query(this.#sql.reserve, values);
    if (row === undefined) throw new TypeError('no crlNumber was reserved');
    return bigint(row, 'last_number');
  }

  async insert(record: CrlRecord): Promise<void> {
    await this.#session.execute(this.#sql.insert, [
      ...keyOf(record),
      record.baseCrlNumber,
      record.deltaSeconds,
      record.thisUpdate,
      record.nextUpdate,
      record.coversChange,
    ]);
  }

  /** @throws ChanceryError `notFound`, or `illegalTransition` when it was published before. */
  async markPublished(record: CrlRecord): Promise<void> {
    const changed = await this.#session.execute(this.#sql.markPublished, publishedValues(record));
    if (changed === 0) throw missing(`CRL ${record.crlNumber} of issuer ${record.issuerId}`);
  }

  async recordPublished(record: CrlRecord): Promise<void> {
    const { tenant, issuerId, shard, crlNumber } = record;
    await this.#session.execute(this.#sql.raiseNumber, [tenant, issuerId, shard, crlNumber]);
    await this.#session.execute(this.#sql.recordPublished, [
      ...publishedValues(record),
      record.baseCrlNumber,
      record.deltaSeconds,
    ]);
  }

  async latestPublished(
    tenant: TenantId,
    issuerId: IssuerId,
    shard: number,
    kind: CrlRecord['kind'] = 'complete',
  ): Promise<CrlRecord | undefined> {
    const values = [tenant, issuerId, shard, kind];
    const [row] = await this.#session.query(this.#sql.latestPublished, values);
    return row && crlOf(row);
  }

  async highestNumber(
    tenant: TenantId,
    issuerId: IssuerId,
    shard: number,
  ): Promise<bigint | undefined> {
    const [row] = await this.#session.query(this.#sql.highestNumber, [tenant, issuerId, shard]);
    return row && bigint(row, 'last_number');
  }

  async snapshot(): Promise<CrlSnapshot> {
    const [row] = await this.#session.query(this.#sql.snapshot);
    if (row === undefined) throw new TypeError('the database showed no snapshot');
    return { shown: text(row, 'snapshot'), epoch: text(row, 'epoch') };
  }

  async deltaBase(
    tenant: TenantId,
    issuerId: IssuerId,
    shard: number,
    now: Date,
  ): Promise<CrlRecord | undefined> {
    const values = [tenant, issuerId, shard, now];
    const [row] = await this.#session.query(this.#sql.deltaBase, values);
    return row && crlOf(row);
  }

  async *deltaEntries(
    tenant: TenantId,
    issuerId: IssuerId,
    shard: number,
    base: CrlSnapshot,
  ): AsyncGenerator<readonly CrlEntry[]> {
    const values = [tenant, issuerId, shard, base.shown];
    for await (const rows of streamRows(this.#session, selectDeltaEntries(this.#schema), values)) {
      yield rows.map(crlEntryOf);
    }
  }
}

function keyOf({ tenant, issuerId, shard, kind, crlNumber }: CrlRecord): readonly unknown[] {
  return [tenant, issuerId, shard, kind, crlNumber];
}

function publishedValues(record: CrlRecord): readonly unknown[] {
  return [
    ...keyOf(record),
    record.publishedAt,
    record.sha256 === undefined ? undefined : fromHex(record.sha256),
    record.size,
    record.entries,
    record.coversChange,
    record.thisUpdate,
    record.nextUpdate,
    record.snapshot?.shown,
    record.snapshot?.epoch,
  ];
}

type CrlPrefix = '' | 'complete_' | 'delta_' | 'announcing_';

/** A row of `crls`; of a shard's state, the columns stand behind the name of one of its CRLs. */
export function crlOf(row: Row, prefix: CrlPrefix = ''): CrlRecord {
  const size = optionalBigint(row, `${prefix}size`);
  const entries = optionalBigint(row, `${prefix}entries`);
  const shown = optionalText(row, `${prefix}snapshot`);
  const seconds = row[`${prefix}delta_seconds`];
  return {
    tenant: text(row, 'tenant'),
    issuerId: text(row, 'issuer_id'),
    shard: integer(row, 'shard'),
    kind: word<CrlRecord['kind']>(row, `${prefix}kind`),
    crlNumber: bigint(row, `${prefix}crl_number`),
    ...given('baseCrlNumber', optionalBigint(row, `${prefix}base_crl_number`)),
    ...given('deltaSeconds', seconds === null ? undefined : Number(seconds)),
    thisUpdate: date(row, `${prefix}this_update`),
    nextUpdate: date(row, `${prefix}next_update`),
    ...given('publishedAt', optionalDate(row, `${prefix}published_at`)),
    ...given('sha256', optionalHex(row, `${prefix}sha256`)),
    ...given('size', size === undefined ? undefined : Number(size)),
    ...given('entries', entries === undefined ? undefined : Number(entries)),
    coversChange: bigint(row, `${prefix}covers_change`),
    ...given(
      'snapshot',
      shown === undefined ? undefined : { shown, epoch: text(row, `${prefix}snapshot_epoch`) },
    ),
  };
}

function shardOf(row: Row): CrlShard {
  return {
    tenant: text(row, 'tenant'),
    issuerId: text(row, 'issuer_id'),
    shard: integer(row, 'shard'),
    scope: word<CrlScope>(row, 'scope'),
    openedAt: date(row, 'opened_at'),
    ...given('retiredAt', optionalDate(row, 'retired_at')),
    ...given('lastNotAfter', optionalDate(row, 'last_not_after')),
    ...given('endedAt', optionalDate(row, 'ended_at')),
  };
}

function stateOf(row: Row): CrlShardState {
  const published = (name: 'complete' | 'delta' | 'announcing'): CrlRecord | undefined =>
    row[`${name}_kind`] === null ? undefined : crlOf(row, `${name}_`);
  return {
    ...shardOf(row),
    statusPolicy: json<CrlShardState['statusPolicy']>(row, 'status_policy'),
    issuerClosed: row['issuer_closed'] === true,
    lastNumber: bigint(row, 'last_number'),
    lastChange: bigint(row, 'last_change'),
    ...given('complete', published('complete')),
    ...given('delta', published('delta')),
    ...given('announcing', published('announcing')),
  };
}
