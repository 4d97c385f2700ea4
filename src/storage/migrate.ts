import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import { Client } from 'pg';
import { ChanceryError } from '../domain/index.ts';
import { connectionConfig } from './connection.ts';
import { mapDatabaseError } from './errors.ts';
import { grantStatements } from './sql/grants.ts';
import { inSchema, quoteIdentifier } from './sql/names.ts';

export const defaultSchema = 'chancery';

const folder = fileURLToPath(new URL('migrations', import.meta.url));

/** Taken for the whole run, in any schema: extensions belong to the database. */
const lock = 'SELECT pg_advisory_lock(5183270264)';

export interface MigrateOptions {
  /** Connects as the owner of the schema. */
  readonly ownerUrl: string;
  readonly schema?: string | undefined;
  /** Existing roles that get exactly the rights they need. */
  readonly roles: { readonly app: string; readonly ocsp: string };
  readonly log?: ((message: string) => void) | undefined;
}

/** Names of all migrations of this version, in order. */
export function migrationNames(): readonly string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -'.sql'.length))
    .sort();
}

/**
 * Brings the schema to this version and grants both roles what they need. Runs under a lock: of two
 * at once the second finds nothing left to do. Each run puts the grants right again.
 *
 * @throws ChanceryError `databaseUnavailable`, or `configuration` when a role is missing or the
 * schema was migrated by a newer version.
 */
export async function migrate(options: MigrateOptions): Promise<void> {
  const schema = options.schema ?? defaultSchema;
  quoteIdentifier(schema);
  const log = options.log ?? (() => undefined);
  const client = new Client({
    ...connectionConfig(options.ownerUrl),
    application_name: 'chancery-migrate',
    connectionTimeoutMillis: 10_000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(lock);
    await requireRoles(client, options.roles);
    await runMigrations(client, schema, Infinity, log);
    await grant(client, schema, options.roles);
    await forgetForeignTransactions(client, schema);
  } catch (error) {
    throw mapDatabaseError(error);
  } finally {
    // Ends the session and with it the lock.
    await client.end().catch(() => undefined);
  }
}

/** Runs so many of the migrations that the schema lacks, all in one transaction; rights are not touched. */
export async function runMigrations(
  client: Client,
  schema: string,
  count: number,
  log: (message: string) => void,
): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [schema]);
  await runner({
    dbClient: client,
    dir: folder,
    direction: 'up',
    count,
    schema,
    // An owner of the schema alone may not make one, not even one that is there.
    createSchema: rowCount === 0,
    migrationsTable: 'migrations',
    migrationsSchema: schema,
    singleTransaction: true,
    checkOrder: true,
    // The lock of `migrate` covers the grants too.
    noLock: true,
    logger: { debug: log, info: log, warn: log, error: log },
  });
}

async function requireRoles(client: Client, roles: MigrateOptions['roles']): Promise<void> {
  for (const role of [roles.app, roles.ocsp]) {
    const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [role]);
    if (rowCount === 0) {
      throw new ChanceryError('configuration', {
        message: `the database has no role ${role}; make it first: CREATE ROLE ${role} LOGIN PASSWORD '…'`,
      });
    }
  }
}

async function grant(
  client: Client,
  schema: string,
  roles: MigrateOptions['roles'],
): Promise<void> {
  await client.query('BEGIN');
  try {
    for (const statement of grantStatements(schema, roles)) await client.query(statement);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/**
 * After a logical restore into another cluster the feed may hold transaction ids that this cluster
 * has yet to reach; a reader would be told of them for ever. Readers start at the present end anyway.
 */
async function forgetForeignTransactions(client: Client, schema: string): Promise<void> {
  await client.query(
    inSchema(schema, 'DELETE FROM {changes} WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())'),
  );
  await client.query(
    inSchema(
      schema,
      `UPDATE {feed_pruning} SET pruned_xid = '0' WHERE pruned_xid >= pg_snapshot_xmax(pg_current_snapshot())`,
    ),
  );
}
