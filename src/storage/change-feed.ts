import { ChanceryError } from '../domain/index.ts';
import type { DatabasePool, Row } from './pool.ts';
import { bigint, text } from './rows.ts';
import { changesContinued, changesSince, feedEnd, feedPruned } from './sql/feed.ts';

/**
 * How far back a reader looks again when the server went through crash recovery: transaction ids
 * that were given out and not written before a crash are given out a second time. What was not
 * written is at most some hundred milliseconds old; the margin is generous, and costs duplicates only.
 */
const crashMargin = 100_000n;

/** Where a reader stands: all that its snapshot shows is told; within a page, up to a position. */
interface Position {
  readonly epoch: string;
  /** A pg_snapshot as text, `xmin:xmax:xip,…`. */
  readonly snapshot: string;
  /** After a full page: the snapshot that the pages come from, and the last row told. */
  readonly page?: { readonly snapshot: string; readonly xid: string; readonly id: bigint };
}

/**
 * Reads the feed of changes by comparing snapshots. Every change that is committed when a call
 * begins is in its answer or in the pages that follow a full one; after a crash of the server some
 * come again.
 */
export class ChangeReader {
  readonly #pool: DatabasePool;
  readonly #since: ReturnType<typeof changesSince>;
  readonly #continued: ReturnType<typeof changesContinued>;
  readonly #pruned: ReturnType<typeof feedPruned>;

  /**
   * `table` holds id and xid; `columns` is what else of a change `n` is selected; `pruning` tells
   * up to which transaction rows are gone.
   */
  constructor(pool: DatabasePool, schema: string, table: string, columns: string, pruning: string) {
    this.#pool = pool;
    this.#since = changesSince(schema, table, columns, pruning);
    this.#continued = changesContinued(schema, table, columns);
    this.#pruned = feedPruned(schema, pruning);
  }

  /** `restarted`: changes after the cursor are pruned; the new cursor is the present end. */
  async read(cursor: string | undefined, limit: number): Promise<FeedPage> {
    if (cursor === undefined) return { rows: [], cursor: await this.#end(), restarted: false };
    let position = parsePosition(cursor);
    const rows: Row[] = [];
    while (rows.length < limit) {
      const wanted = limit - rows.length;
      const continued = position.page !== undefined;
      if (continued && (await this.#isPruned(position))) return await this.#restart();
      const found = continued
        ? await this.#readPage(position, wanted)
        : await this.#readNew(position, wanted);
      if (found === 'pruned') return await this.#restart();
      rows.push(...found.rows);
      position = found.position;
      // The end of former pages is not the present end: what was committed since comes as well.
      if (!continued && !found.again) break;
    }
    return { rows, cursor: formatPosition(position), restarted: false };
  }

  async #end(): Promise<string> {
    const [end] = await this.#pool.query(feedEnd);
    return formatPosition(positionAt(end));
  }

  async #restart(): Promise<FeedPage> {
    return { rows: [], cursor: await this.#end(), restarted: true };
  }

  async #isPruned(position: Position): Promise<boolean> {
    const [row] = await this.#pool.query(this.#pruned);
    return row !== undefined && lostTo(position, text(row, 'pruned'));
  }

  async #readNew(position: Position, limit: number): Promise<Found | 'pruned'> {
    const answer = await this.#pool.query(this.#since, [position.snapshot, limit]);
    const now = positionAt(answer[0]);
    if (answer[0] !== undefined && lostTo(position, text(answer[0], 'pruned'))) return 'pruned';
    if (now.epoch !== position.epoch || xmaxOf(now.snapshot) < xmaxOf(position.snapshot)) {
      const lower = [xminOf(position.snapshot), xminOf(now.snapshot)].reduce((a, b) =>
        a < b ? a : b,
      );
      const back = lower > crashMargin ? lower - crashMargin : 1n;
      return {
        rows: [],
        position: { epoch: now.epoch, snapshot: `${back}:${back}:` },
        again: true,
      };
    }
    const rows = answer.filter((row) => row['change_id'] !== null);
    const last = rows.at(-1);
    if (rows.length < limit || last === undefined) return { rows, position: now, again: false };
    return {
      rows,
      position: { ...position, page: { snapshot: now.snapshot, ...placeOf(last) } },
      again: false,
    };
  }

  async #readPage(position: Position, limit: number): Promise<Found> {
    const { page } = position;
    if (page === undefined) throw new TypeError('no page to continue');
    const rows = await this.#pool.query(this.#continued, [
      position.snapshot,
      limit,
      page.snapshot,
      page.xid,
      page.id,
    ]);
    const last = rows.at(-1);
    return rows.length < limit || last === undefined
      ? { rows, position: { epoch: position.epoch, snapshot: page.snapshot }, again: true }
      : { rows, position: { ...position, page: { ...page, ...placeOf(last) } }, again: true };
  }
}

interface FeedPage {
  readonly rows: readonly Row[];
  readonly cursor: string;
  readonly restarted: boolean;
}

/** Whether rows are gone that this reader may not have been told: all below its snapshot's xmin it was. */
function lostTo({ snapshot }: Position, pruned: string): boolean {
  return BigInt(pruned) >= xminOf(snapshot);
}

interface Found {
  readonly rows: readonly Row[];
  readonly position: Position;
  readonly again: boolean;
}

function positionAt(row: Row | undefined): Position {
  if (row === undefined) throw new TypeError('the feed has no end');
  return { epoch: text(row, 'epoch'), snapshot: text(row, 'snapshot') };
}

function placeOf(row: Row): { readonly xid: string; readonly id: bigint } {
  return { xid: text(row, 'xid'), id: bigint(row, 'change_id') };
}

function xminOf(snapshot: string): bigint {
  return BigInt(snapshot.split(':')[0] ?? 0);
}

function xmaxOf(snapshot: string): bigint {
  return BigInt(snapshot.split(':')[1] ?? 0);
}

function formatPosition({ epoch, snapshot, page }: Position): string {
  return [epoch, snapshot, ...(page ? [page.snapshot, page.xid, page.id] : [])].join(';');
}

function parsePosition(cursor: string): Position {
  const match =
    /^([0-9.]+);([0-9]+:[0-9]+:[0-9,]*)(?:;([0-9]+:[0-9]+:[0-9,]*);([0-9]+);([0-9]+))?$/.exec(
      cursor,
    );
  const [, epoch, snapshot, pageSnapshot, xid, id] = match ?? [];
  if (epoch === undefined || snapshot === undefined) {
    throw new ChanceryError('invalidArgument', {
      message: 'the cursor of the change feed is not one that the feed gave; start without one',
      field: 'cursor',
    });
  }
  return pageSnapshot === undefined || xid === undefined || id === undefined
    ? { epoch, snapshot }
    : { epoch, snapshot, page: { snapshot: pageSnapshot, xid, id: BigInt(id) } };
}
