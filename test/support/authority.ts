/**
 * The whole authority in the test's own process: real SoftHSM tokens behind their signer processes,
 * real PostgreSQL, real files; the test moves the clock, reaches each step and reads the database.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll } from 'vitest';
import { permissionsOf } from '../../src/access/index.ts';
import type { StoredAuditRecord } from '../../src/audit/ports.ts';
import {
  type Authority,
  type AuthorityDependencies,
  type FailpointName,
  type IssuedCertificate,
  type IssueRequest,
  initialise,
} from '../../src/authority/index.ts';
import type { CertificateRecord, IssuerRecord, Transaction } from '../../src/authority/ports.ts';
import { defaultTenant, type Principal, type Role } from '../../src/domain/index.ts';
import { initialiseToken, openToken, type Token } from '../../src/hsm/index.ts';
import {
  type CertificateList,
  type Extension,
  encodeSubjectAltName,
  parseCertificateList,
} from '../../src/pkix/index.ts';
import {
  openStatusStorage,
  openStorage,
  type StatusStorage,
  type Storage,
} from '../../src/storage/index.ts';
import {
  type LogLine,
  makeNode,
  type Parts,
  type TestAuthorityOptions,
  TestClock,
  type TestNode,
} from './authority-node.ts';
import { type TestDatabase, testDatabase } from './postgres.ts';
import { softHsmModule } from './softhsm.ts';
import { makeRequest, type SoftwareKey, softwareKey } from './software-issuer.ts';

const pin = '648219';

export class TestAuthority implements TestNode {
  readonly clock: TestClock;
  readonly database: TestDatabase;
  readonly folder: string;
  readonly storage: Storage;
  readonly status: StatusStorage;
  readonly tokens: { readonly root: Token; readonly issuing: Token };
  readonly log: LogLine[] = [];
  readonly root: IssuerRecord;
  readonly issuing: IssuerRecord;
  readonly #node: TestNode;
  readonly #parts: Parts;

  constructor(
    parts: Parts,
    issuers: { readonly root: IssuerRecord; readonly issuing: IssuerRecord },
    log: LogLine[],
    options: TestAuthorityOptions,
  ) {
    this.clock = parts.clock;
    this.database = parts.database;
    this.folder = parts.folder;
    this.storage = parts.storage;
    this.status = parts.status;
    this.tokens = parts.tokens;
    this.root = issuers.root;
    this.issuing = issuers.issuing;
    this.log = log;
    this.#parts = parts;
    this.#node = makeNode(parts, log, 'node-1', options);
  }

  get authority(): Authority {
    return this.#node.authority;
  }
  get dependencies(): AuthorityDependencies {
    return this.#node.dependencies;
  }
  get at(): Partial<Record<FailpointName, () => void>> {
    return this.#node.at;
  }
  /**
   * Stops the next certificate just before it is signed.
   *
   * @returns `reached` once one has come there, and what lets it go on
   */
  holdNextSignature(): { readonly reached: Promise<void>; readonly release: () => void } {
    let release = (): void => undefined;
    const released = new Promise<void>((go) => {
      release = go;
    });
    const reached = new Promise<void>((done) => {
      this.beforeSign = async (purpose) => {
        if (purpose !== 'certificate') return;
        this.beforeSign = async () => undefined;
        done();
        await released;
      };
    });
    return { reached, release };
  }

  set beforeSign(wait: (purpose: string) => Promise<void>) {
    this.#node.beforeSign = wait;
  }

  /** Another CA process over the same database, tokens and files, as after a crash or beside this one. */
  async node(name: string, options: TestAuthorityOptions = {}): Promise<TestNode> {
    const node = makeNode(this.#parts, this.log, name, options);
    await node.authority.start();
    return node;
  }

  /** Rows as the superuser sees them, triggers off: what only an intruder or a defect could write. */
  async sql(text: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
    const client = new Client({ connectionString: this.database.superuserUrl });
    await client.connect();
    try {
      await client.query("SET search_path = chancery; SET session_replication_role = 'replica'");
      const { rows } = await client.query(text, [...values]);
      return rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  }

  /** Issues with a key of its own under the issuing CA. */
  async issue(
    request: Partial<Omit<IssueRequest, 'csr'>> & {
      readonly dns?: string;
      readonly key?: SoftwareKey;
      readonly as?: Principal;
      readonly csr?: Uint8Array;
    } = {},
  ): Promise<IssuedCertificate> {
    const { dns = `${nextLabel()}.example.test`, key = freshKey(), as = admin, ...rest } = request;
    return this.authority.issueCertificate(as, {
      profile: 'tls-server',
      csr: csrFor(key, dns),
      ...rest,
    });
  }

  async find(record: Pick<CertificateRecord, 'issuerId' | 'serialNumber'>) {
    return this.read(async ({ inventory }) =>
      inventory.find(defaultTenant, record.issuerId, record.serialNumber),
    );
  }

  async read<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.storage.unitOfWork.read(work);
  }

  /** What the responder reads of a certificate through its own role. */
  async ocsp(record: Pick<CertificateRecord, 'issuerId' | 'serialNumber'>) {
    const [found] = await this.status.source.lookup(record.issuerId, [record.serialNumber]);
    return found;
  }

  /** The CRL as it is published now. */
  crl(issuerId = this.issuing.issuerId): CertificateList {
    return parseCertificateList(
      readFileSync(join(this.folder, 'published/crl', issuerId, '0.crl')),
    );
  }

  /** Publishes, and answers the entry of one certificate, undefined when it is not listed. */
  async listed(record: Pick<CertificateRecord, 'issuerId' | 'serialNumber'>) {
    await this.authority.publishCrl(admin, record.issuerId);
    return [...this.crl(record.issuerId).entries()].find(
      ({ serialNumber }) => serialNumber === record.serialNumber,
    );
  }

  /** Audit records, newest last. */
  async audit(act?: string): Promise<readonly StoredAuditRecord[]> {
    return this.read(async ({ audit }) =>
      audit.list({ tenant: defaultTenant, act, limit: 10_000 }),
    );
  }
}

/** Root and issuing CA of a test file; everything is closed and removed after it. */
export async function testAuthority(
  name: string,
  options: TestAuthorityOptions = {},
): Promise<TestAuthority> {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-authority-'));
  const database = await testDatabase(name);
  const [storage, status, root, issuing] = await Promise.all([
    openStorage({ url: database.applicationUrl }),
    openStatusStorage({ url: database.responderUrl }),
    token(folder, 'root'),
    token(folder, 'issuing'),
  ]);
  afterAll(async () => {
    await Promise.all([storage.close(), status.close(), root.close(), issuing.close()]);
    rmSync(folder, { recursive: true, force: true });
  });
  const clock = new TestClock();
  const parts = { clock, database, folder, storage, status, tokens: { root, issuing } };
  const log: LogLine[] = [];
  const { dependencies } = makeNode(parts, log, 'init', options);
  const issuers = await initialise(dependencies, {
    installationId: 'test',
    root: { name: 'root', keyAlgorithm: 'p256' },
    issuing: { name: 'issuing', keyAlgorithm: 'p256' },
    principals: [],
    progress: () => undefined,
  });
  // The oldest issuing CA is the default: whatever a test makes is younger.
  clock.advance(1);
  const made = new TestAuthority(parts, issuers, log, options);
  await made.authority.start();
  return made;
}

async function token(folder: string, role: 'root' | 'issuing'): Promise<Token> {
  const home = join(folder, 'tokens', role);
  mkdirSync(join(home, 'tokens'), { recursive: true, mode: 0o700 });
  const configuration = join(home, 'softhsm2.conf');
  const pinFile = join(home, 'pin');
  writeFileSync(
    configuration,
    `directories.tokendir = ${join(home, 'tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n`,
  );
  writeFileSync(pinFile, `${pin}\n`, { mode: 0o600 });
  const of = {
    module: softHsmModule(),
    label: role,
    pinFile,
    environment: { SOFTHSM2_CONF: configuration },
  };
  await initialiseToken({ ...of, soPinFile: pinFile });
  const opened = openToken({ ...of, role, clock: { now: () => new Date() } });
  if (role === 'issuing') await opened.createSelfTestKey();
  return opened;
}

/** A principal as authentication would make it. */
export function principal(role: Role, name: string = role): Principal {
  return { id: `id-${name}`, name, role, tenant: defaultTenant, permissions: permissionsOf(role) };
}

export const admin = principal('administrator', 'admin');

let label = 0;
function nextLabel(): string {
  label += 1;
  return `n${label}`;
}

/** A subscriber's key that no other call gets. */
export function freshKey(): SoftwareKey {
  return softwareKey('p256', nextLabel());
}

/** DER of a CSR for one DNS name, which is the subject's common name as well. */
export function csrFor(
  key: SoftwareKey,
  dns: string,
  extensions: readonly Extension[] = [],
): Uint8Array {
  const san = encodeSubjectAltName([{ type: 'dNSName', value: dns }], false);
  return makeRequest(key, `CN=${dns}`, [san, ...extensions]).der;
}

/** The code of the ChanceryError that a promise ends with; fails when it does not. */
export async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
  throw new Error('it was not refused');
}
