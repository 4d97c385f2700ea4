/** A PostgreSQL database for each test file, on one server for the whole run. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, afterEach } from 'vitest';
import { startEmbeddedPostgres } from '../../scripts/supervisor/embedded-postgres.ts';
import { keptFolderName } from './global-setup.ts';

/** One test file's database, with roles of its own (roles are shared by a whole server). */
export interface TestDatabase {
  readonly name: string;
  /** Its owner: migrations and grants. */
  readonly ownerUrl: string;
  /** The application's role, as `CHANCERY_DATABASE_URL`. */
  readonly applicationUrl: string;
  /** The responder's role, as `CHANCERY_OCSP_DATABASE_URL`. */
  readonly responderUrl: string;
  /** The server's superuser in this database, to look at what roles may not see. */
  readonly superuserUrl: string;
  readonly roles: {
    readonly owner: string;
    readonly application: string;
    readonly responder: string;
  };
}

export interface TestDatabaseOptions {
  /** False leaves the database empty. Default true: the product's migrations are applied. */
  readonly migrate?: boolean | undefined;
}

let counter = 0;

/**
 * Makes a database for this test file; call it at the top of the file or in `beforeAll`. It is
 * dropped after the file when every test passed, and kept for a look when one failed.
 */
export async function testDatabase(
  name: string,
  options: TestDatabaseOptions = {},
): Promise<TestDatabase> {
  const server = await sharedServer();
  counter += 1;
  const suffix = `${name.replaceAll(/\W/g, '_').toLowerCase().slice(0, 30)}_${process.pid}_${counter}`;
  const database = `t_${suffix}`;
  const roles = {
    owner: `owner_${suffix}`,
    application: `app_${suffix}`,
    responder: `ocsp_${suffix}`,
  };
  await asSuperuser(server, 'postgres', [
    ...Object.values(roles).map((role) => `CREATE ROLE ${role} LOGIN PASSWORD 'test'`),
    `CREATE DATABASE ${database} OWNER ${roles.owner}`,
    `REVOKE ALL ON DATABASE ${database} FROM PUBLIC`,
    `GRANT CONNECT ON DATABASE ${database} TO ${roles.application}, ${roles.responder}`,
  ]);
  const url = (role: string): string =>
    `postgresql://${role}:test@/${database}?host=${encodeURIComponent(server.socketFolder)}`;
  const result: TestDatabase = {
    name: database,
    ownerUrl: url(roles.owner),
    applicationUrl: url(roles.application),
    responderUrl: url(roles.responder),
    superuserUrl: server.superuserUrl.replace('@/postgres?', `@/${database}?`),
    roles,
  };
  dropAfterwards(server, database, roles);
  if (options.migrate !== false) await applyMigrations(result);
  return result;
}

/** Drops at the end of the file, unless a test of it failed. */
function dropAfterwards(
  server: SharedServer,
  database: string,
  roles: Readonly<Record<string, string>>,
): void {
  let failed = false;
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') failed = true;
  });
  afterAll(async () => {
    if (failed) {
      const kept = join(sharedFolder(), keptFolderName);
      mkdirSync(kept, { recursive: true });
      writeFileSync(join(kept, database), '');
      return;
    }
    await asSuperuser(server, 'postgres', [
      `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`,
      ...Object.values(roles).map((role) => `DROP ROLE IF EXISTS ${role}`),
    ]);
  });
}

async function applyMigrations(database: TestDatabase): Promise<void> {
  // Loaded only here: most test files need no storage.
  const { migrate } = await import('../../src/storage/index.ts');
  await migrate({
    ownerUrl: database.ownerUrl,
    roles: { app: database.roles.application, ocsp: database.roles.responder },
  });
}

interface SharedServer {
  readonly socketFolder: string;
  readonly superuserUrl: string;
}

function sharedFolder(): string {
  const folder = process.env['CHANCERY_TEST_FOLDER'];
  if (folder === undefined) throw new Error('testDatabase() works inside a vitest run only');
  return folder;
}

/** The first file starts the server, the others wait for what it writes. */
async function sharedServer(): Promise<SharedServer> {
  const folder = sharedFolder();
  const information = join(folder, 'postgres.json');
  try {
    mkdirSync(join(folder, 'postgres.starting'));
    await startSharedServer(folder, information);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  const deadline = Date.now() + 60_000;
  for (;;) {
    const text = readIfThere(information);
    if (text !== undefined) return JSON.parse(text) as SharedServer;
    if (Date.now() > deadline)
      throw new Error(`the tests' PostgreSQL did not start: see ${folder}`);
    await delay(50);
  }
}

async function startSharedServer(folder: string, information: string): Promise<void> {
  const server = await startEmbeddedPostgres({
    dataFolder: join(folder, 'postgres'),
    settings: {
      // Durable against a killed process, not against a power cut, which no test here makes.
      fsync: 'off',
      max_connections: '300',
    },
  });
  const found: SharedServer = {
    socketFolder: server.socketFolder,
    superuserUrl: server.superuserUrl(),
  };
  writeFileSync(`${information}.new`, JSON.stringify(found), { mode: 0o600 });
  renameSync(`${information}.new`, information);
}

async function asSuperuser(
  server: SharedServer,
  database: string,
  statements: readonly string[],
): Promise<void> {
  const client = new Client({
    connectionString: server.superuserUrl.replace('@/postgres?', `@/${database}?`),
  });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
