import { Client, type QueryResultRow } from 'pg';
import { ChanceryError } from '../domain/index.ts';
import { connectionConfig } from './connection.ts';
import { mapDatabaseError } from './errors.ts';
import {
  defaultSchema,
  type MigrateOptions,
  migrate,
  migrationNames,
  runMigrations,
} from './migrate.ts';
import { quoteIdentifier } from './sql/names.ts';
import * as sql from './sql/rehearsal.ts';

/** What a rehearsal did and found. */
export interface RehearsalReport {
  readonly schema: string;
  /** The copy; dropped unless it was to be kept. */
  readonly copy: string;
  /** Octets of the present schema with its indexes; the copy takes about as much for a while. */
  readonly octets: number;
  readonly tables: readonly { readonly name: string; readonly rows: number }[];
  readonly copySeconds: number;
  /** Those that the present schema does not have yet, in order. */
  readonly migrations: readonly { readonly name: string; readonly seconds: number }[];
  /** What is not as it must be; empty: the migrations can be run. */
  readonly findings: readonly string[];
}

export interface RehearsalOptions extends MigrateOptions {
  readonly keep: boolean;
  /** Name of the copy; it must not exist. */
  readonly copy: string;
  readonly progress: (step: string, done: number, of: number) => void;
  /** Reads the migrated copy whole as the application; answers what does not agree. */
  readonly verify: (copy: string) => Promise<readonly string[]>;
}

/** Rows that a migration must neither lose nor make: they are the inventory and its history. */
const keptTables = [
  'certificates',
  'status_changes',
  'issuance_outcomes',
  'audit',
  'crls',
  'issuers',
];

/**
 * Runs the migrations that the present schema lacks on a copy of it, in another schema of the same
 * database: the copy is read in one snapshot, so that the CA goes on working meanwhile, and needs the
 * rights of the owner and as much space again. Then compares the copy with a new, empty schema of this
 * version (columns, constraints, guards, functions, rights), counts its rows and reads it whole.
 *
 * A template database would copy faster and would need every session to end; a dump would need
 * programs of the server's version.
 *
 * @throws ChanceryError configuration when the present schema is no state of this product's, or of a newer version
 */
export async function rehearse(options: RehearsalOptions): Promise<RehearsalReport> {
  const schema = options.schema ?? defaultSchema;
  const reference = `${options.copy}_new`;
  for (const name of [schema, options.copy, reference]) quoteIdentifier(name);
  const client = new Client({
    ...connectionConfig(options.ownerUrl),
    application_name: 'chancery-rehearse',
    connectionTimeoutMillis: 10_000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const applied = await appliedMigrations(client, schema);
    for (const name of [options.copy, reference]) await requireAbsent(client, name);
    try {
      return await rehearseIn(client, { ...options, schema, reference, applied });
    } finally {
      const made = options.keep ? [reference] : [reference, options.copy];
      for (const name of made) {
        await client.query(`DROP SCHEMA IF EXISTS ${quoteIdentifier(name)} CASCADE`);
      }
    }
  } catch (error) {
    throw mapDatabaseError(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function rehearseIn(
  client: Client,
  options: RehearsalOptions & {
    readonly schema: string;
    readonly reference: string;
    readonly applied: readonly string[];
  },
): Promise<RehearsalReport> {
  const { schema, copy, reference, applied, progress } = options;
  const [size] = await rowsOf(client, sql.octetsOf, [schema]);
  await runMigrations(client, copy, applied.length, () => undefined);
  // What somebody changed by hand: the copy, made by the same migrations, does not have it.
  const drift = await differences(
    client,
    [schema, 'in the present schema'],
    [copy, 'as its migrations make it'],
    withoutRights,
  );
  const copyStart = performance.now();
  const tables = await copyRows(client, schema, copy, progress);
  const copySeconds = secondsSince(copyStart);
  const missing = migrationNames().slice(applied.length);
  const migrations: { name: string; seconds: number }[] = [];
  for (const [index, name] of missing.entries()) {
    progress(name, index, missing.length);
    const start = performance.now();
    await runMigrations(client, copy, 1, () => undefined);
    migrations.push({ name, seconds: secondsSince(start) });
  }
  // By the act that the upgrade itself runs: nothing is left to do but the rights.
  for (const each of [copy, reference]) {
    await migrate({ ownerUrl: options.ownerUrl, roles: options.roles, schema: each });
  }
  progress('comparison', 0, 1);
  const findings = [
    ...drift,
    ...(await differences(client, [copy, 'after migration'], [reference, 'in a new schema'])),
  ];
  for (const { name, rows } of tables.filter((table) => keptTables.includes(table.name))) {
    const now = await countOf(client, copy, name);
    if (now !== rows) findings.push(`${name} has ${now} rows after the migrations, ${rows} before`);
  }
  findings.push(...(await options.verify(copy)));
  return {
    schema,
    copy,
    octets: Number(size?.['octets'] ?? 0),
    tables,
    copySeconds,
    migrations,
    findings,
  };
}

/** The names applied to the schema; they must be the first of this version's. */
async function appliedMigrations(client: Client, schema: string): Promise<readonly string[]> {
  const [found] = await rowsOf(client, 'SELECT to_regclass($1) IS NOT NULL AS there', [
    `${quoteIdentifier(schema)}.migrations`,
  ]);
  if (found?.['there'] !== true) {
    throw new ChanceryError('configuration', {
      message: `schema ${schema} has no migrations; there is nothing to rehearse on`,
    });
  }
  const rows = await rowsOf(
    client,
    `SELECT name FROM ${quoteIdentifier(schema)}.migrations ORDER BY name`,
  );
  const applied = rows.map(({ name }) => String(name));
  const known = migrationNames();
  const stranger = applied.find((name, index) => name !== known[index]);
  if (stranger !== undefined) {
    throw new ChanceryError('configuration', {
      message: `schema ${schema} has the migration ${stranger}, which this version does not know in that place; rehearse with the version that is to be installed`,
    });
  }
  return applied;
}

async function requireAbsent(client: Client, schema: string): Promise<void> {
  const found = await rowsOf(client, 'SELECT FROM pg_namespace WHERE nspname = $1', [schema]);
  if (found.length > 0) {
    throw new ChanceryError('configuration', {
      message: `schema ${schema} is there already, from a rehearsal before or another at this moment; drop it: DROP SCHEMA ${schema} CASCADE`,
    });
  }
}

/** All rows of one moment, without a lock that anyone waits for. */
async function copyRows(
  client: Client,
  from: string,
  to: string,
  progress: RehearsalOptions['progress'],
): Promise<{ name: string; rows: number }[]> {
  const [source, target] = [quoteIdentifier(from), quoteIdentifier(to)];
  const copied: { name: string; rows: number }[] = [];
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  try {
    const names = (await rowsOf(client, sql.tablesInOrder, [from])).map(({ name }) => String(name));
    const qualified = names.map((name) => `${target}.${quoteIdentifier(name)}`);
    for (const table of qualified) await client.query(`ALTER TABLE ${table} DISABLE TRIGGER USER`);
    // What a migration put there itself stands in the present schema as well.
    for (const table of qualified.toReversed()) await client.query(`DELETE FROM ${table}`);
    for (const [index, name] of names.entries()) {
      progress(name, index, names.length);
      const [row] = await rowsOf(client, sql.columnsOf, [from, name]);
      const columns = String(row?.['columns']);
      const table = quoteIdentifier(name);
      const { rowCount } = await client.query(
        `INSERT INTO ${target}.${table} (${columns}) OVERRIDING SYSTEM VALUE SELECT ${columns} FROM ${source}.${table}`,
      );
      copied.push({ name, rows: rowCount ?? 0 });
    }
    for (const { name, last } of await rowsOf(client, sql.sequencesOf, [from])) {
      await client.query('SELECT setval(to_regclass($1), $2::bigint)', [
        `${target}.${quoteIdentifier(String(name))}`,
        String(last),
      ]);
    }
    for (const table of qualified) await client.query(`ALTER TABLE ${table} ENABLE TRIGGER USER`);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
  return copied;
}

/** Rights are given after each run of the migrations, not by them. */
function withoutRights(line: string): string | undefined {
  return line.startsWith('rights ') ? undefined : line.replace(/ rights [^\n]*$/, '');
}

/** What one schema has and the other has not; each with words for where. */
async function differences(
  client: Client,
  [one, inOne]: readonly [string, string],
  [other, inOther]: readonly [string, string],
  select: (line: string) => string | undefined = (line) => line,
): Promise<string[]> {
  // Names are printed with their schema where it is not on the path.
  await client.query('SET search_path TO pg_catalog');
  const linesOf = async (schema: string): Promise<Set<string>> => {
    const rows = await rowsOf(client, sql.fingerprintOf, [schema]);
    const own = new RegExp(`\\b${schema.replaceAll('$', '\\$')}\\b`, 'g');
    const lines = rows.map(({ line }) => select(String(line).replace(own, 'SCHEMA')));
    return new Set(lines.filter((line) => line !== undefined));
  };
  const [first, second] = [await linesOf(one), await linesOf(other)];
  const short = (line: string): string => line.replace(/\s+/g, ' ').slice(0, 200);
  return [
    ...[...first]
      .filter((line) => !second.has(line))
      .map((line) => `only ${inOne}: ${short(line)}`),
    ...[...second]
      .filter((line) => !first.has(line))
      .map((line) => `only ${inOther}: ${short(line)}`),
  ];
}

async function countOf(client: Client, schema: string, table: string): Promise<number> {
  const [row] = await rowsOf(
    client,
    `SELECT count(*)::float8 AS rows FROM ${quoteIdentifier(schema)}.${quoteIdentifier(table)}`,
  );
  return Number(row?.['rows']);
}

async function rowsOf(
  client: Client,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly QueryResultRow[]> {
  return (await client.query<QueryResultRow>(text, [...values])).rows;
}

function secondsSince(start: number): number {
  return Math.round(performance.now() - start) / 1000;
}
