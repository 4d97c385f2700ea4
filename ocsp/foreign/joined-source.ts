import type { IssuerId, SerialNumber } from '../../src/domain/index.ts';
import type { StatusChanges, StatusIssuer, StatusRecord, StatusSource } from '../ports.ts';
import type { ForeignAuthorities } from './foreign-authorities.ts';

/**
 * The database's issuers and the foreign ones as one source. While the database does not answer,
 * the whole source does not: nothing new is signed, for foreign CAs either. Who wants them apart
 * runs a responder without a database.
 */
export class JoinedSource implements StatusSource {
  readonly #database: StatusSource;
  readonly #foreign: ForeignAuthorities;
  readonly hear?: NonNullable<StatusSource['hear']>;
  readonly keys?: NonNullable<StatusSource['keys']>;

  constructor(database: StatusSource, foreign: ForeignAuthorities) {
    this.#database = database;
    this.#foreign = foreign;
    if (database.hear !== undefined) this.hear = database.hear.bind(database);
    if (database.keys !== undefined) this.keys = database.keys.bind(database);
  }

  /** An issuer in the database is served from there, also when it is configured as foreign. */
  async issuers(): Promise<readonly StatusIssuer[]> {
    const own = await this.#database.issuers();
    for (const { issuerId } of own) {
      this.#foreign.yield(issuerId);
    }
    return [...own, ...(await this.#foreign.issuers())];
  }

  async lookup(
    issuerId: IssuerId,
    serialNumbers: readonly SerialNumber[],
  ): Promise<readonly StatusRecord[]> {
    const source = this.#foreign.owns(issuerId) ? this.#foreign : this.#database;
    return source.lookup(issuerId, serialNumbers);
  }

  async changesSince(cursor: string | undefined, limit: number): Promise<StatusChanges> {
    const [foreignCursor, ...rest] = cursor?.split(':') ?? [];
    const own = await this.#database.changesSince(
      cursor === undefined ? undefined : rest.join(':'),
      limit,
    );
    // A page that is full is followed by another: what did not fit comes with that.
    const foreign = await this.#foreign.changesSince(foreignCursor, limit - own.changes.length);
    return {
      ...own,
      changes: [...own.changes, ...foreign.changes],
      cursor: `${foreign.cursor}:${own.cursor}`,
    };
  }
}
