import { Client } from 'pg';
import { connectionConfig } from './connection.ts';
import type { DatabasePool, Statement } from './pool.ts';

/** The channel on which a CA process says that a status has changed. A hint: the feed is the truth. */
const channel = 'chancery_changes';

/** Milliseconds between two notices of one process: those who listen read the feed for all of them. */
const noticeInterval = 20;

/** Milliseconds until a listener tries again, at first and at most. */
const firstRetry = 500;
const longestRetry = 30_000;

const announcing = new WeakMap<Statement, boolean>();

/** Whether a statement writes to the feed of changes. */
export function writesToFeed(statement: Statement): boolean {
  let writes = announcing.get(statement);
  if (writes === undefined) {
    writes = /INSERT INTO (?:"(?:[^"]|"")+"\.)?"?changes"?[ (]/.test(statement.text);
    announcing.set(statement, writes);
  }
  return writes;
}

/**
 * Sends a notice after a commit that changed a status: a statement of its own, because NOTIFY inside
 * of a transaction has all commits of the database wait for each other. Notices that come together
 * are one. One that is lost costs the time until the next poll.
 */
export class ChangeNotice {
  readonly #query: DatabasePool['query'];
  readonly #schema: string;
  #sending = false;
  #again = false;

  constructor(query: DatabasePool['query'], schema: string) {
    this.#query = query;
    this.#schema = schema;
  }

  announce(): void {
    if (this.#sending) {
      this.#again = true;
      return;
    }
    this.#sending = true;
    void this.#send();
  }

  async #send(): Promise<void> {
    do {
      this.#again = false;
      try {
        await this.#query({ text: 'SELECT pg_notify($1, $2)' }, [channel, this.#schema]);
      } catch {
        // The poll finds it.
      }
      await new Promise((done) => setTimeout(done, noticeInterval).unref());
    } while (this.#again);
    this.#sending = false;
  }
}

/**
 * Listens for notices on a connection of its own, and connects again when it breaks. Where LISTEN
 * can't be (a standby, or PgBouncer in transaction mode, which loses it without a word) nothing is
 * ever heard, and polling does what it does anyhow.
 */
export class ChangeListener {
  readonly #url: string;
  readonly #schema: string;
  readonly #heard: () => void;
  readonly #log: (message: string) => void;
  #client: Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #retry = firstRetry;
  #closed = false;

  constructor(options: {
    readonly url: string;
    readonly schema: string;
    readonly heard: () => void;
    readonly log: (message: string) => void;
  }) {
    this.#url = options.url;
    this.#schema = options.schema;
    this.#heard = options.heard;
    this.#log = options.log;
    void this.#connect();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#client?.end().catch(() => undefined);
  }

  async #connect(): Promise<void> {
    const client = new Client({
      ...connectionConfig(this.#url),
      application_name: 'chancery-ocsp-listen',
      connectionTimeoutMillis: 5_000,
      query_timeout: 5_000,
      keepAlive: true,
    });
    this.#client = client;
    client.on('notification', ({ payload }) => {
      if (payload === this.#schema) {
        this.#heard();
      }
    });
    const broken = (error?: Error): void => {
      if (this.#client === client) {
        this.#client = undefined;
        this.#tryLater(error);
      }
    };
    client.on('error', broken);
    client.on('end', broken);
    try {
      await client.connect();
      await client.query(`LISTEN ${channel}`);
      this.#retry = firstRetry;
      // What was committed before it listened.
      this.#heard();
    } catch (error) {
      broken(error instanceof Error ? error : undefined);
      await client.end().catch(() => undefined);
    }
  }

  #tryLater(error: Error | undefined): void {
    if (this.#closed) {
      return;
    }
    if (this.#retry === firstRetry) {
      this.#log(
        `changes of status are not announced (${error?.message ?? 'the connection has ended'}); they are found by polling`,
      );
    }
    this.#timer = setTimeout(() => void this.#connect(), this.#retry);
    this.#timer.unref();
    this.#retry = Math.min(longestRetry, this.#retry * 2);
  }
}
