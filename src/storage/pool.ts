import { setTimeout as delay } from 'node:timers/promises';
import { type ClientConfig, Pool, type PoolClient, types } from 'pg';
import { ChanceryError } from '../domain/index.ts';
import { type ConnectionConfig, connectionConfig } from './connection.ts';
import { isConnectionError, isRetryable, mapDatabaseError, outcomeUnknown } from './errors.ts';

/** A named statement is parsed and planned once a connection; the name must stand for one text. */
export interface Statement {
  readonly name?: string | undefined;
  readonly text: string;
}

export type Row = Readonly<Record<string, unknown>>;

/** The statements of one transaction, in order, sent without waiting for each other (pipelining). */
export interface Session {
  /** There is no transaction around them: each statement commits by itself. */
  readonly autocommit: boolean;
  query(statement: Statement, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** Rows as arrays, for long streams. */
  arrays(text: string): Promise<readonly (readonly unknown[])[]>;
  /** Number of rows that a statement touched. */
  execute(statement: Statement, values?: readonly unknown[]): Promise<number>;
  /** Sends and does not wait: what goes wrong is thrown at the commit. */
  defer(statement: Statement, values: readonly unknown[]): void;
}

export interface PoolOptions {
  readonly url: string;
  readonly size: number;
  /** Milliseconds after which the server breaks a statement off. */
  readonly statementTimeout: number;
  readonly applicationName: string;
  readonly log: (message: string) => void;
  /** Called after the commit of a transaction with a statement for which `announces` says so. */
  readonly announce?: (() => void) | undefined;
  readonly announces?: ((statement: Statement) => boolean) | undefined;
}

export interface DatabasePool {
  /** Read-write; commits durably. Runs the work again after a serialization failure or a deadlock. */
  write<T>(work: (session: Session) => Promise<T>): Promise<T>;
  /** One snapshot, read only. */
  read<T>(work: (session: Session) => Promise<T>): Promise<T>;
  /** Statements that need no common snapshot: each is a transaction by itself. */
  each<T>(work: (session: Session) => Promise<T>): Promise<T>;
  /** One statement on its own. */
  query(statement: Statement, values?: readonly unknown[]): Promise<readonly Row[]>;
  close(): Promise<void>;
  counts(): { readonly total: number; readonly idle: number; readonly waiting: number };
}

const attempts = 6;

/** Integers of 64 bits as bigint, octets as plain Uint8Array; all else as pg does it. */
const parsers = new Map<number, (text: string) => unknown>([
  [types.builtins.INT8, (text) => BigInt(text)],
  [
    types.builtins.BYTEA,
    (text) => {
      const bytes = Buffer.from(text.slice(2), 'hex');
      return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    },
  ],
]);

const customTypes = {
  getTypeParser: (oid: number, format?: 'text' | 'binary'): ((text: string) => unknown) =>
    parsers.get(oid) ?? (types.getTypeParser(oid, format ?? 'text') as (text: string) => unknown),
} as NonNullable<ClientConfig['types']>;

/** Opens no connection yet. */
export function createPool(options: PoolOptions): DatabasePool {
  const connection: ConnectionConfig = connectionConfig(options.url);
  const pool = new Pool({
    ...connection,
    max: options.size,
    pipeline: true,
    types: customTypes,
    application_name: options.applicationName,
    statement_timeout: options.statementTimeout,
    // A process that hangs in the middle must not keep row locks, nor hold up readers of the feed.
    idle_in_transaction_session_timeout: 30_000,
    connectionTimeoutMillis: 5_000,
    // The server answers or breaks off by itself; this is for one that is stopped or cut off.
    query_timeout: options.statementTimeout + 5_000,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
  });
  // An idle connection that breaks is dropped by the pool; without a listener the process would end.
  pool.on('error', (error) => options.log(`database connection lost: ${error.message}`));

  return {
    write: async (work) => {
      let announced = false;
      const watch = (statement: Statement): void => {
        announced ||= options.announces?.(statement) ?? false;
      };
      const result = await withRetry(async () => await writeOnce(pool, work, watch));
      if (announced) options.announce?.();
      return result;
    },
    read: async (work) => await withRetry(async () => await readOnce(pool, work)),
    each: async (work) => await withRetry(async () => await eachOnce(pool, work)),
    query: async (statement, values = []) =>
      await withRetry(async () => {
        const client = await connect(pool);
        let failure: unknown;
        try {
          return (await send(client, statement, values)).rows;
        } catch (error) {
          failure = error;
          throw error;
        } finally {
          client.release(isConnectionError(failure));
        }
      }),
    close: async () => await pool.end(),
    counts: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
  };
}

async function withRetry<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      if (!isRetryable(error) || attempt === attempts) throw mapDatabaseError(error);
      // Others that failed together must not meet again at once.
      await delay(Math.random() * 5 * 2 ** attempt);
    }
  }
}

async function connect(pool: Pool): Promise<PoolClient> {
  const client = await pool.connect();
  // An error event between two statements would end the process; the next statement reports it.
  if (client.listenerCount('error') === 0) client.on('error', ignore);
  return client;
}

function ignore(): void {
  // Reported by the statement that meets it.
}

interface Result {
  readonly rows: Row[];
  readonly rowCount: number | null;
  readonly command: string;
}

/** The socket below a client; pg's types leave it out. */
interface Underlying {
  readonly connection?: { readonly stream?: { cork(): void; uncork(): void } };
}

/** What one turn of the event loop sends goes out in one write: `BEGIN` costs no packet of its own. */
function gather(client: PoolClient): void {
  const { stream } = (client as Underlying).connection ?? {};
  if (stream === undefined) return;
  stream.cork();
  process.nextTick(() => stream.uncork());
}

async function send(
  client: PoolClient,
  statement: Statement,
  values: readonly unknown[],
): Promise<Result> {
  gather(client);
  return await client.query<Row>(
    statement.name === undefined
      ? { text: statement.text, values: [...values] }
      : { name: statement.name, text: statement.text, values: [...values] },
  );
}

class Transaction implements Session {
  readonly #client: PoolClient;
  readonly #deferred: Promise<unknown>[] = [];
  /** The first error of the transaction: later ones only follow from it. */
  failure: Error | undefined;

  readonly autocommit: boolean;

  readonly #watch: ((statement: Statement) => void) | undefined;

  constructor(
    client: PoolClient,
    autocommit: boolean,
    watch?: ((statement: Statement) => void) | undefined,
  ) {
    this.#client = client;
    this.autocommit = autocommit;
    this.#watch = watch;
  }

  async #failing<R>(sent: Promise<R>): Promise<R> {
    try {
      return await sent;
    } catch (error) {
      this.failure ??= error instanceof Error ? error : new Error('not an error', { cause: error });
      // What follows in a failed transaction only says that it failed.
      throw mapDatabaseError(this.failure);
    }
  }

  async #send(statement: Statement, values: readonly unknown[]): Promise<Result> {
    this.#watch?.(statement);
    return await this.#failing(send(this.#client, statement, values));
  }

  async query(statement: Statement, values: readonly unknown[] = []): Promise<readonly Row[]> {
    return (await this.#send(statement, values)).rows;
  }

  async arrays(text: string): Promise<readonly (readonly unknown[])[]> {
    const { rows } = await this.#failing(this.#client.query<unknown[]>({ text, rowMode: 'array' }));
    return rows;
  }

  async execute(statement: Statement, values: readonly unknown[] = []): Promise<number> {
    return (await this.#send(statement, values)).rowCount ?? 0;
  }

  defer(statement: Statement, values: readonly unknown[]): void {
    const sent = this.#send(statement, values);
    sent.catch(ignore);
    this.#deferred.push(sent);
  }

  /** Waits for what was deferred; throws the transaction's first error. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#deferred);
    if (this.failure !== undefined) throw this.failure;
  }
}

async function writeOnce<T>(
  pool: Pool,
  work: (session: Session) => Promise<T>,
  watch: (statement: Statement) => void,
): Promise<T> {
  const client = await connect(pool);
  const transaction = new Transaction(client, false, watch);
  let broken = true;
  try {
    transaction.defer({ text: 'BEGIN' }, []);
    let result: T;
    try {
      result = await work(transaction);
    } catch (error) {
      broken = await rollback(client, transaction);
      // The work may have seen a later error, or wrapped the first: retrying needs the original.
      throw isRetryable(transaction.failure) ? transaction.failure : error;
    }
    if (transaction.failure !== undefined) {
      broken = await rollback(client, transaction);
      throw transaction.failure;
    }
    let command: string;
    try {
      ({ command } = await send(client, { text: 'COMMIT' }, []));
    } catch (error) {
      broken = isConnectionError(error);
      if (broken) throw outcomeUnknown(transaction.failure ?? error);
      throw error;
    }
    broken = false;
    await transaction.settle();
    if (command !== 'COMMIT') {
      throw new ChanceryError('internal', {
        message: 'the transaction was rolled back at its commit',
      });
    }
    return result;
  } finally {
    client.release(broken);
  }
}

async function readOnce<T>(pool: Pool, work: (session: Session) => Promise<T>): Promise<T> {
  const client = await connect(pool);
  const transaction = new Transaction(client, false);
  let broken = true;
  try {
    transaction.defer({ text: 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY' }, []);
    let result: T;
    try {
      result = await work(transaction);
      await transaction.settle();
    } catch (error) {
      broken = await rollback(client, transaction);
      throw error;
    }
    // Nobody has to wait for the end of a transaction that wrote nothing; the next one queues behind it.
    send(client, { text: 'ROLLBACK' }, []).catch(ignore);
    broken = false;
    return result;
  } finally {
    client.release(broken);
  }
}

async function eachOnce<T>(pool: Pool, work: (session: Session) => Promise<T>): Promise<T> {
  const client = await connect(pool);
  const session = new Transaction(client, true);
  try {
    const result = await work(session);
    await session.settle();
    return result;
  } finally {
    client.release(isConnectionError(session.failure));
  }
}

/** True when the connection can't be used again. */
async function rollback(client: PoolClient, transaction: Transaction): Promise<boolean> {
  if (isConnectionError(transaction.failure)) return true;
  try {
    await send(client, { text: 'ROLLBACK' }, []);
    return false;
  } catch {
    return true;
  }
}
