/**
 * A PostgreSQL server of our own, from the binaries of an npm package: a Unix socket in a closed
 * folder, no TCP, passwords (SCRAM) in files of mode 0600, every commit durable.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type CommandLine,
  findPostgresPrograms,
  type PostgresPrograms,
} from './postgres-programs.ts';
import { endProcess, processRecordOf } from './process-record.ts';

/** Roles of the cluster. Only the superuser, for tests, may make further ones. */
export const postgresRoles = {
  superuser: 'chancery_superuser',
  owner: 'chancery_owner',
  application: 'chancery_app',
  responder: 'chancery_ocsp',
} as const;

/** A role of {@link postgresRoles}. */
export type PostgresRole = keyof typeof postgresRoles;

/** The database that the three roles share. */
const databaseName = 'chancery';

export interface EmbeddedPostgresOptions {
  /** Its own folder: cluster, socket, secrets. Made when missing, mode 0700. */
  readonly dataFolder: string;
  /** Where the server's messages are appended; default `<dataFolder>/postgres.log`. */
  readonly logFile?: string | undefined;
  /** Settings of postgresql.conf that differ from ours, for tests. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
}

/** A running server. */
export interface EmbeddedPostgres {
  readonly pid: number;
  readonly socketFolder: string;
  /** Connection URL of a role (libpq's form, the socket as `host`); contains its password. */
  url(role: PostgresRole, database?: string): string;
  /** Short for `url('owner', database)`. */
  ownerUrl(database?: string): string;
  /** Short for `url('superuser', database)`; for tests, which make roles of their own. */
  superuserUrl(database?: string): string;
  /** Resolves with the exit code when the server has gone; null after a signal. */
  readonly exited: Promise<number | null>;
  /** Fast shutdown: open transactions are rolled back, a checkpoint is written. */
  stop(): Promise<void>;
  /** SIGKILL, as in a crash. */
  kill(): Promise<void>;
}

/**
 * Starts the server of a data folder, making the cluster at the first start. A server left over
 * from a start that was killed is stopped first.
 *
 * @throws Error when it does not come up; the message ends with the last line of its log.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const { dataFolder } = options;
  const programs = findPostgresPrograms();
  const logFile = options.logFile ?? join(dataFolder, 'postgres.log');
  const cluster = join(dataFolder, 'cluster');
  programs.makeFolder(dataFolder);
  await stopLeftoverPostgres(dataFolder);
  if (!existsSync(cluster)) await makeCluster(programs, dataFolder, logFile);
  const socketFolder = chooseSocketFolder(programs, dataFolder);
  // Like postmaster.pid: it names a process that is none of this cluster any more.
  rmSync(join(socketFolder, '.s.PGSQL.5432.lock'), { force: true });
  const settings = { ...ownSettings(socketFolder), ...options.settings };
  const server = launch(
    [
      ...programs.commandLine('postgres'),
      '-D',
      cluster,
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    logFile,
  );
  const { pid } = server;
  if (pid === undefined) throw new Error('PostgreSQL could not be started');
  const record = processRecordOf(pid);
  const exited = new Promise<number | null>((done) => server.once('exit', done));
  const end = async (signal: NodeJS.Signals, milliseconds: number): Promise<void> => {
    if (record !== undefined) await endProcess(record, signal, milliseconds);
    if (server.exitCode === null && server.signalCode === null) await exited;
  };
  const url = urlsOf(dataFolder, socketFolder);
  await waitUntilReady(server, cluster, logFile);
  return {
    pid,
    socketFolder,
    url,
    ownerUrl: (database) => url('owner', database),
    superuserUrl: (database = 'postgres') => url('superuser', database),
    exited,
    stop: async () => await end('SIGINT', 30_000),
    kill: async () => await end('SIGKILL', 5_000),
  };
}

/** The URLs of a server that runs on this data folder; undefined when none does. */
export function runningEmbeddedPostgres(
  dataFolder: string,
): Pick<EmbeddedPostgres, 'url'> | undefined {
  const cluster = join(dataFolder, 'cluster');
  // The fifth line of postmaster.pid is the socket's folder.
  const [pid, , , , socketFolder] = readLines(join(cluster, 'postmaster.pid'));
  if (socketFolder === undefined || !commandOf(Number(pid)).includes(cluster)) return undefined;
  return { url: urlsOf(dataFolder, socketFolder) };
}

function urlsOf(dataFolder: string, socketFolder: string): EmbeddedPostgres['url'] {
  return (role, database = databaseName) =>
    `postgresql://${postgresRoles[role]}:${readSecret(dataFolder, role)}@/${database}` +
    `?host=${encodeURIComponent(socketFolder)}`;
}

/**
 * Stops the server of a data folder when one runs there that nobody supervises any more, and waits
 * until its processes are gone: after SIGKILL of the server its sessions live on for a moment.
 *
 * PostgreSQL refuses to start while postmaster.pid names any living process, be it a zombie that
 * nobody waits for or a stranger who got the id since a power cut. When no process works in the
 * cluster's folder the file is only a leftover, and goes.
 *
 * @throws Error naming the processes that still work in the cluster after 30 s
 */
export async function stopLeftoverPostgres(dataFolder: string): Promise<void> {
  const cluster = join(dataFolder, 'cluster');
  const file = join(cluster, 'postmaster.pid');
  const pid = Number(readLines(file)[0]);
  if (!Number.isInteger(pid) || pid <= 0) return;
  const record = processRecordOf(pid);
  // The pid may be somebody else's by now: only a postgres that names this cluster is ours.
  if (record !== undefined && commandOf(pid).includes(cluster)) {
    await endProcess(record, 'SIGINT', 30_000);
  }
  const deadline = Date.now() + 30_000;
  let left = workingIn(cluster);
  while (left.length > 0) {
    if (Date.now() > deadline) {
      throw new Error(
        `processes ${left.join(', ')} still work in ${cluster}, left over by an earlier PostgreSQL; end them first`,
      );
    }
    await delay(20);
    left = workingIn(cluster);
  }
  rmSync(file, { force: true });
}

/** A PostgreSQL server and its sessions stand in their cluster's folder. */
function workingIn(cluster: string): readonly number[] {
  const folder = realpathSync(cluster);
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        // A zombie has no working folder, and another user's cannot be read.
        return (
          readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'postgres' &&
          readlinkSync(`/proc/${pid}/cwd`) === folder &&
          processRecordOf(pid) !== undefined
        );
      } catch {
        return false;
      }
    });
}

function ownSettings(socketFolder: string): Readonly<Record<string, string>> {
  return {
    listen_addresses: '',
    unix_socket_directories: socketFolder,
    unix_socket_permissions: '0700',
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    max_connections: '100',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_line_prefix: '%m [%p] %u ',
    // Values of rows may be secrets; statements with their parameters stay out of the log.
    log_min_error_statement: 'panic',
  };
}

/** initdb and the roles go to a folder beside it first, so that a half-made cluster is never used. */
async function makeCluster(
  programs: PostgresPrograms,
  dataFolder: string,
  logFile: string,
): Promise<void> {
  const draft = join(dataFolder, 'cluster.new');
  rmSync(draft, { recursive: true, force: true });
  programs.makeFolder(draft);
  const secrets = join(dataFolder, 'secrets');
  programs.makeFolder(secrets);
  for (const role of Object.keys(postgresRoles)) {
    writeFileSync(join(secrets, role), `${randomBytes(24).toString('base64url')}\n`, {
      mode: 0o600,
    });
  }
  await run(
    [
      ...programs.commandLine('initdb'),
      ...['-D', draft, '-U', postgresRoles.superuser, '--auth=reject'],
      ...['--encoding=UTF8', '--locale=C', '--data-checksums'],
      ...['--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
    ],
    '',
    logFile,
  );
  writeFileSync(join(draft, 'pg_hba.conf'), 'local all all scram-sha-256\n');
  // Single-user mode: no server that could be reached before the roles have their passwords.
  await run(
    [...programs.commandLine('postgres'), '--single', '-D', draft, 'postgres'],
    rolesSql(dataFolder),
    logFile,
  );
  renameSync(draft, join(dataFolder, 'cluster'));
}

/** One statement a line, as single-user mode reads them. Passwords are base64url: no quotes. */
function rolesSql(dataFolder: string): string {
  const { owner, application, responder } = postgresRoles;
  const create = (role: 'owner' | 'application' | 'responder'): string =>
    `CREATE ROLE ${postgresRoles[role]} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE ` +
    `PASSWORD '${readSecret(dataFolder, role)}';`;
  return `${[
    `ALTER ROLE ${postgresRoles.superuser} PASSWORD '${readSecret(dataFolder, 'superuser')}';`,
    create('owner'),
    create('application'),
    create('responder'),
    `CREATE DATABASE ${databaseName} OWNER ${owner};`,
    `REVOKE ALL ON DATABASE ${databaseName} FROM PUBLIC;`,
    `GRANT CONNECT ON DATABASE ${databaseName} TO ${application}, ${responder};`,
  ].join('\n')}\n`;
}

function readSecret(dataFolder: string, role: PostgresRole): string {
  return readFileSync(join(dataFolder, 'secrets', role), 'utf8').trim();
}

/**
 * A Unix socket's path has at most 107 bytes. Below a deep data folder the socket moves to a folder
 * of its own under the system's temporary folder, remembered for the next start.
 */
function chooseSocketFolder(programs: PostgresPrograms, dataFolder: string): string {
  const usual = join(dataFolder, 'socket');
  if (Buffer.byteLength(join(usual, '.s.PGSQL.5432')) <= 107) {
    programs.makeFolder(usual);
    return usual;
  }
  const remembered = join(dataFolder, 'socket-folder');
  const former = readLines(remembered)[0];
  // Somebody else may have made a folder of that name since, under a shared temporary folder.
  if (former !== undefined && isOwnClosedFolder(former)) return former;
  const fresh = mkdtempSync(join(tmpdir(), 'chancery-'));
  programs.makeFolder(fresh);
  writeFileSync(remembered, `${fresh}\n`, { mode: 0o600 });
  return fresh;
}

function isOwnClosedFolder(folder: string): boolean {
  const found = statSync(folder, { throwIfNoEntry: false });
  return (
    found !== undefined &&
    found.isDirectory() &&
    (found.mode & 0o077) === 0 &&
    (found.uid === process.getuid?.() || process.getuid?.() === 0)
  );
}

/** The server writes its state to line 8 of postmaster.pid; pg_ctl waits in the same way. */
async function waitUntilReady(
  server: ChildProcess,
  cluster: string,
  logFile: string,
): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const lines = readLines(join(cluster, 'postmaster.pid'));
    if (Number(lines[0]) === server.pid && lines[7]?.trim() === 'ready') return;
    if (server.exitCode !== null || server.signalCode !== null) {
      throw new Error(`PostgreSQL did not start: ${lastLine(logFile)} (log: ${logFile})`);
    }
    if (Date.now() > deadline) {
      server.kill('SIGKILL');
      throw new Error(
        `PostgreSQL was not ready after 60 s: ${lastLine(logFile)} (log: ${logFile})`,
      );
    }
    await delay(20);
  }
}

/** A session of its own (detached): Ctrl-C in the terminal must not reach it before the CA stops. */
function launch(command: CommandLine, logFile: string): ChildProcess {
  const [program, ...parameters] = command;
  const log = openSync(logFile, 'a', 0o600);
  try {
    const child = spawn(program, parameters, {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: '/',
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    });
    // It has no pid then, and the caller says so.
    child.on('error', () => undefined);
    return child;
  } finally {
    closeSync(log);
  }
}

async function run(command: CommandLine, input: string, logFile: string): Promise<void> {
  const [program, ...parameters] = command;
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(program, parameters, {
    stdio: ['pipe', log, log],
    cwd: '/',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
  });
  closeSync(log);
  const code = await new Promise<number | null>((done, refuse) => {
    child.on('error', refuse);
    child.on('exit', done);
    // It may end without reading; its exit code says why.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
  if (code !== 0) {
    const name = parameters.find((word) => /(initdb|postgres)$/.test(word)) ?? program;
    throw new Error(`${name} failed: ${lastLine(logFile)} (log: ${logFile})`);
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

function readLines(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}

function lastLine(file: string): string {
  return readLines(file).findLast((line) => line.trim() !== '') ?? 'no message';
}
