import type { ReplicaSource, StatusSource } from '../../ocsp/ports.ts';
import type { PrincipalStore } from '../access/ports.ts';
import type { AcmeStore, AcmeTransaction, AcmeUnitOfWork } from '../acme/ports.ts';
import type { AuditLog } from '../audit/ports.ts';
import type {
  BulkJobs,
  ChangeFeed,
  CrlLedger,
  CrossCertificateStore,
  EvidenceStore,
  ForeignIssuerStore,
  IdempotencyStore,
  IncidentStore,
  InstallationStore,
  Inventory,
  InventoryMaintenance,
  IssuerStore,
  KeyInventory,
  Leases,
  UnitOfWork,
} from '../authority/ports.ts';
import { ChanceryError } from '../domain/index.ts';
import { acmeStore } from './acme-store.ts';
import { PostgresAuditLog } from './audit-log.ts';
import { PostgresBulkJobs } from './bulk-jobs.ts';
import { ChangeReader } from './change-feed.ts';
import { ChangeNotice, writesToFeed } from './change-notice.ts';
import { PostgresCrlLedger } from './crl-ledger.ts';
import { PostgresCrossCertificates } from './cross-certificates.ts';
import { PostgresForeignIssuers } from './foreign-issuers.ts';
import { PostgresIncidents } from './incidents.ts';
import { PostgresInventory } from './inventory.ts';
import { PostgresEvidenceStore, PostgresKeyInventory } from './key-inventory.ts';
import { PostgresMaintenance } from './maintenance.ts';
import { defaultSchema, migrationNames } from './migrate.ts';
import { createPool, type DatabasePool, type Session } from './pool.ts';
import { PostgresPrincipalStore } from './principal-store.ts';
import {
  PostgresIdempotencyStore,
  PostgresInstallationStore,
  PostgresIssuerStore,
} from './records.ts';
import { bigint, text } from './rows.ts';
import { acmeStatements } from './sql/acme.ts';
import { bulkStatements } from './sql/bulk.ts';
import { certificateStatements } from './sql/certificates.ts';
import { crlStatements } from './sql/crls.ts';
import { crossCertificateStatements } from './sql/cross-certificates.ts';
import { foreignIssuerStatements } from './sql/foreign-issuers.ts';
import { incidentStatements } from './sql/incidents.ts';
import { evidenceStatements, keyStatements } from './sql/keys.ts';
import { maintenanceStatements } from './sql/maintenance.ts';
import { inSchema, quoteIdentifier } from './sql/names.ts';
import {
  auditStatements,
  idempotencyStatements,
  installationStatements,
  issuerStatements,
  leaseStatements,
  principalStatements,
} from './sql/records.ts';
import { PostgresReplicaSource, PostgresStatusSource } from './status-storage.ts';
import { type Verification, verificationOf } from './verification.ts';

export interface StorageOptions {
  /** libpq's URL form; TLS by sslmode=verify-full and sslrootcert, a password file by passfile. */
  readonly url: string;
  readonly schema?: string | undefined;
  /** Connections at most; default 10. */
  readonly poolSize?: number | undefined;
  /** Milliseconds after which the server breaks a statement off; default 15,000. */
  readonly statementTimeout?: number | undefined;
  readonly applicationName?: string | undefined;
  readonly log?: ((message: string) => void) | undefined;
}

/** Figures of the pool, for /metrics. */
export interface StorageMetrics {
  readonly connections: number;
  readonly idle: number;
  /** Units of work that wait for a connection. */
  readonly waiting: number;
}

export interface Storage {
  readonly unitOfWork: UnitOfWork;
  readonly acme: AcmeUnitOfWork;
  readonly leases: Leases;
  readonly changeFeed: ChangeFeed;
  readonly verification: Verification;
  /** @throws ChanceryError `databaseUnavailable` when the database does not answer a write-capable session. */
  ready(): Promise<void>;
  /** Waits for what runs, then closes every connection. */
  close(): Promise<void>;
  metrics(): StorageMetrics;
}

export interface ReplicaStorage {
  readonly source: ReplicaSource;
  close(): Promise<void>;
}

export interface StatusStorage {
  readonly source: StatusSource;
  /** @throws ChanceryError `databaseUnavailable`. */
  ready(): Promise<void>;
  close(): Promise<void>;
  metrics(): StorageMetrics;
}

/**
 * Connects as the application.
 *
 * @throws ChanceryError `databaseUnavailable`; `configuration` when the role is a superuser, owns the
 * schema or could change it, when migrations are missing, or when the server is older than 15.
 */
export async function openStorage(options: StorageOptions): Promise<Storage> {
  const { pool, schema } = await open(options, 'chancery');
  try {
    await requireMigrations(pool, schema);
  } catch (error) {
    await pool.close();
    throw error;
  }
  const transactionOf = transactions(schema);
  const leases = leaseStatements(schema);
  const feed = new ChangeReader(
    pool,
    schema,
    'changes',
    inSchema(
      schema,
      '(SELECT ARRAY[c.tenant, c.issuer_id, c.serial_number] FROM {certificates} c WHERE c.id = n.certificate_id) AS certificate',
    ),
    'feed_pruning',
  );
  const unitOfWork: AcmeUnitOfWork = {
    run: async (work) => await pool.write(async (session) => await work(transactionOf(session))),
    readOne: async (work) => await pool.each(async (session) => await work(transactionOf(session))),
    read: async (work) => await pool.read(async (session) => await work(transactionOf(session))),
    storeOf: (transaction) => {
      const { acme } = transaction as Partial<AcmeTransaction>;
      if (acme === undefined) throw new TypeError('the transaction is not one of this storage');
      return acme;
    },
  };
  return {
    unitOfWork,
    acme: unitOfWork,
    leases: {
      acquire: async (name, holder, seconds) => {
        const [row] = await pool.query(leases.acquire, [name, holder, seconds]);
        return row && bigint(row, 'fence');
      },
      release: async (name, holder) => {
        await pool.query(leases.release, [name, holder]);
      },
    },
    changeFeed: {
      since: async (cursor, limit) => {
        const found = await feed.read(cursor, limit);
        const changes = found.rows.map((row) => {
          const [tenant, issuerId, serialNumber] = row['certificate'] as [string, string, string];
          return { tenant, issuerId, serialNumber };
        });
        return { changes, cursor: found.cursor, restarted: found.restarted };
      },
    },
    verification: verificationOf(pool, schema),
    ready: async () => {
      // A standby answers and can't be written to; that is not ready.
      const [row] = await pool.query(standby);
      if (row?.['standby'] === true) {
        throw new ChanceryError('databaseUnavailable', {
          message: 'the database is a standby and can not be written to',
          retryAfter: 5,
        });
      }
    },
    close: pool.close,
    metrics: () => metricsOf(pool),
  };
}

const standby = { name: 'standby', text: 'SELECT pg_is_in_recovery() AS standby' };

/**
 * Connects as the responder, whose role reads views only. A hot standby will do.
 *
 * @throws ChanceryError as {@link openStorage}.
 */
export async function openStatusStorage(options: StorageOptions): Promise<StatusStorage> {
  const { pool, schema } = await open(options, 'chancery-ocsp');
  const log = options.log ?? (() => undefined);
  return {
    source: new PostgresStatusSource(pool, { url: options.url, schema, log }),
    ready: async () => {
      await pool.query({ name: 'ready', text: 'SELECT 1' });
    },
    close: pool.close,
    metrics: () => metricsOf(pool),
  };
}

/** A standby's connections; nothing is asked of it yet, so that it may be away. */
export function openReplica(options: StorageOptions): ReplicaStorage {
  const schema = options.schema ?? defaultSchema;
  const pool = createPool({
    url: options.url,
    size: options.poolSize ?? 4,
    statementTimeout: options.statementTimeout ?? 15_000,
    applicationName: options.applicationName ?? 'chancery-ocsp-replica',
    log: options.log ?? (() => undefined),
  });
  return { source: new PostgresReplicaSource(pool, schema), close: pool.close };
}

async function open(
  options: StorageOptions,
  applicationName: string,
): Promise<{ readonly pool: DatabasePool; readonly schema: string }> {
  const schema = options.schema ?? defaultSchema;
  quoteIdentifier(schema);
  const notice = new ChangeNotice(
    async (statement, values) => await pool.query(statement, values),
    schema,
  );
  const pool: DatabasePool = createPool({
    url: options.url,
    announces: writesToFeed,
    announce: () => {
      notice.announce();
    },
    size: options.poolSize ?? 10,
    statementTimeout: options.statementTimeout ?? 15_000,
    applicationName: options.applicationName ?? applicationName,
    log: options.log ?? (() => undefined),
  });
  try {
    await requireOrdinaryRole(pool, schema, options.log ?? (() => undefined));
  } catch (error) {
    await pool.close();
    throw error;
  }
  return { pool, schema };
}

/** Rights of ours that would let a flaw in the application undo grants and triggers. */
const roleCheck = {
  text: `SELECT current_user::text AS name,
    current_setting('server_version_num')::int AS version,
    current_setting('synchronous_commit') AS synchronous_commit,
    current_setting('fsync') AS fsync,
    current_setting('full_page_writes') AS full_page_writes,
    (SELECT rolsuper OR rolcreaterole OR rolbypassrls OR rolreplication FROM pg_roles WHERE rolname = current_user) AS powerful,
    EXISTS (SELECT FROM pg_namespace WHERE nspname = $1) AS migrated,
    EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = $1
      AND (pg_has_role(n.nspowner, 'MEMBER') OR has_schema_privilege(n.oid, 'CREATE'))) AS owner,
    EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND pg_has_role(c.relowner, 'MEMBER')) AS owns_table`,
};

async function requireOrdinaryRole(
  pool: DatabasePool,
  schema: string,
  log: (message: string) => void,
): Promise<void> {
  const [row] = await pool.query(roleCheck, [schema]);
  if (row === undefined) throw new TypeError('the database said nothing of its role');
  const name = text(row, 'name');
  if (row['powerful'] === true || row['owner'] === true || row['owns_table'] === true) {
    throw new ChanceryError('configuration', {
      message: `the database role ${name} is a superuser or owns the schema ${schema}; run migrations as the owner and the service as a role of its own, made by CREATE ROLE … LOGIN`,
    });
  }
  if (Number(row['version']) < 150000) {
    throw new ChanceryError('configuration', {
      message: `the database server is older than PostgreSQL 15 (${String(row['version'])}); use 15 or newer`,
    });
  }
  if (row['migrated'] !== true) throw notMigrated(schema);
  if (row['synchronous_commit'] !== 'on') {
    throw new ChanceryError('configuration', {
      message: `synchronous_commit is ${text(row, 'synchronous_commit')}; a commit would be reported before it is durable`,
    });
  }
  for (const setting of ['fsync', 'full_page_writes']) {
    if (row[setting] !== 'on') {
      log(`the database runs with ${setting}=off: a power cut can lose certificates`);
    }
  }
}

async function requireMigrations(pool: DatabasePool, schema: string): Promise<void> {
  const rows = await pool.query({ text: inSchema(schema, 'SELECT name FROM {migrations}') });
  const applied = new Set(rows.map((row) => text(row, 'name')));
  if (migrationNames().some((name) => !applied.has(name))) throw notMigrated(schema);
}

function notMigrated(schema: string): ChanceryError {
  return new ChanceryError('configuration', {
    message: `the database has no schema ${schema} of this version; run the migrations as its owner`,
  });
}

function metricsOf(pool: DatabasePool): StorageMetrics {
  const { total, idle, waiting } = pool.counts();
  return { connections: total, idle, waiting };
}

/** The stores of a transaction are made when they are asked for: most units of work need two or three. */
function transactions(schema: string): (session: Session) => AcmeTransaction {
  const sql = {
    certificates: certificateStatements(schema),
    issuers: issuerStatements(schema),
    crossCertificates: crossCertificateStatements(schema),
    foreignIssuers: foreignIssuerStatements(schema),
    keys: keyStatements(schema),
    evidence: evidenceStatements(schema),
    incidents: incidentStatements(schema),
    crls: crlStatements(schema),
    principals: principalStatements(schema),
    idempotency: idempotencyStatements(schema),
    installation: installationStatements(schema),
    bulk: bulkStatements(schema),
    audit: auditStatements(schema),
    maintenance: maintenanceStatements(schema),
    acme: acmeStatements(schema),
  };
  return (session) => ({
    get inventory(): Inventory {
      return new PostgresInventory(session, schema, sql.certificates);
    },
    get issuers(): IssuerStore {
      return new PostgresIssuerStore(session, sql.issuers);
    },
    get crossCertificates(): CrossCertificateStore {
      return new PostgresCrossCertificates(session, sql.crossCertificates);
    },
    get foreignIssuers(): ForeignIssuerStore {
      return new PostgresForeignIssuers(session, sql.foreignIssuers);
    },
    get keys(): KeyInventory {
      return new PostgresKeyInventory(session, sql.keys);
    },
    get evidence(): EvidenceStore {
      return new PostgresEvidenceStore(session, sql.evidence);
    },
    get incidents(): IncidentStore {
      return new PostgresIncidents(session, schema, sql.incidents);
    },
    get crls(): CrlLedger {
      return new PostgresCrlLedger(session, schema, sql.crls);
    },
    get principals(): PrincipalStore {
      return new PostgresPrincipalStore(session, sql.principals);
    },
    get idempotency(): IdempotencyStore {
      return new PostgresIdempotencyStore(session, sql.idempotency);
    },
    get installation(): InstallationStore {
      return new PostgresInstallationStore(session, sql.installation);
    },
    get bulk(): BulkJobs {
      return new PostgresBulkJobs(session, schema, sql.bulk);
    },
    get maintenance(): InventoryMaintenance {
      return new PostgresMaintenance(session, sql.maintenance);
    },
    get audit(): AuditLog {
      return new PostgresAuditLog(session, sql.audit);
    },
    get acme(): AcmeStore {
      return acmeStore(session, sql.acme);
    },
  });
}
