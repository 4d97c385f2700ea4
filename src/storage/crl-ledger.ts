import type { CrlLedger, CrlRecord } from '../authority/ports.ts';
import type { IssuerId, TenantId } from '../domain/index.ts';
import { given } from './certificate-rows.ts';
import type { Row, Session } from './pool.ts';
import { missing } from './records.ts';
import {
  bigint,
  date,
  fromHex,
  integer,
  optionalBigint,
  optionalDate,
  optionalHex,
  text,
} from './rows.ts';
import type { crlStatements } from './sql/records.ts';

export class PostgresCrlLedger implements CrlLedger {
  readonly #session: Session;
  readonly #sql: ReturnType<typeof crlStatements>;

  constructor(session: Session, sql: ReturnType<typeof crlStatements>) {
    this.#session = session;
    this.#sql = sql;
  }

  async reserveNumber(
    tenant: TenantId,
    issuerId: IssuerId,
    shard: number,
    now: Date,
    nextUpdate: Date,
    coversChange: bigint,
  ): Promise<CrlRecord> {
    const [row] = await this.#session.query(this.#sql.reserve, [
      tenant,
      issuerId,
      shard,
      BigInt(now.getTime()) * 1000n,
      now,
      nextUpdate,
      coversChange,
    ]);
    if (row === undefined) throw new TypeError('no crlNumber was reserved');
    return crlOf(row);
  }

  /** @throws ChanceryError `notFound`, or `illegalTransition` when it was published before. */
  async markPublished(record: CrlRecord): Promise<void> {
    const changed = await this.#session.execute(this.#sql.markPublished, publishedValues(record));
    if (changed === 0) throw missing(`CRL ${record.crlNumber} of issuer ${record.issuerId}`);
  }

  async recordPublished(record: CrlRecord): Promise<void> {
    const { tenant, issuerId, shard, crlNumber } = record;
    await this.#session.execute(this.#sql.raiseNumber, [tenant, issuerId, shard, crlNumber]);
    await this.#session.execute(this.#sql.recordPublished, publishedValues(record));
  }

  async latestPublished(
    tenant: TenantId,
    issuerId: IssuerId,
    shard: number,
  ): Promise<CrlRecord | undefined> {
    const [row] = await this.#session.query(this.#sql.latestPublished, [tenant, issuerId, shard]);
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
}

function publishedValues(record: CrlRecord): readonly unknown[] {
  return [
    record.tenant,
    record.issuerId,
    record.shard,
    record.crlNumber,
    record.publishedAt,
    record.sha256 === undefined ? undefined : fromHex(record.sha256),
    record.size,
    record.entries,
    record.coversChange,
    record.thisUpdate,
    record.nextUpdate,
  ];
}

export function crlOf(row: Row): CrlRecord {
  const size = optionalBigint(row, 'size');
  const entries = optionalBigint(row, 'entries');
  return {
    tenant: text(row, 'tenant'),
    issuerId: text(row, 'issuer_id'),
    shard: integer(row, 'shard'),
    crlNumber: bigint(row, 'crl_number'),
    thisUpdate: date(row, 'this_update'),
    nextUpdate: date(row, 'next_update'),
    ...given('publishedAt', optionalDate(row, 'published_at')),
    ...given('sha256', optionalHex(row, 'sha256')),
    ...given('size', size === undefined ? undefined : Number(size)),
    ...given('entries', entries === undefined ? undefined : Number(entries)),
    coversChange: bigint(row, 'covers_change'),
  };
}
