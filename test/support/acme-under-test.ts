/** The server of a conformance test file: every exchange passes the judges (`acme-exchanges.ts`). */
import { execFileSync } from 'node:child_process';
import { inspect } from 'node:util';
import { Client } from 'pg';
import type { CreateEabRequest } from '../../src/acme/index.ts';
import type { DirectoryPolicy, ValidationOutcome } from '../../src/acme/ports.ts';
import type { StoredAuditRecord } from '../../src/audit/ports.ts';
import type { CertificateRecord } from '../../src/authority/ports.ts';
import { AcmeClient, type Transport } from './acme-client.ts';
import { judged } from './acme-exchanges.ts';
import type { JwsKey } from './acme-keys.ts';
import {
  baseUrl,
  directoryPolicy,
  type SteeredValidator,
  type TestAcme,
  type TestAcmeOptions,
  testAcme,
} from './acme-node.ts';
import { admin, type TestAuthority } from './authority.ts';
import type { TestClock } from './authority-node.ts';

export interface Credential {
  readonly kid: string;
  readonly hmacKey: string;
}

export const owner = 'team-a';

/** Directories that every file has beside the harness's own. */
function directories(): readonly DirectoryPolicy[] {
  return [
    directoryPolicy('terms', {
      termsOfService: 'https://pki.example.test/terms/2',
      website: 'https://pki.example.test/',
    }),
    directoryPolicy('denying', { names: { deny: { dns: ['denied.test'] } } }),
  ];
}

export class AcmeUnderTest {
  readonly server: TestAcme;
  readonly transport: Transport;
  readonly denying: AcmeClient;

  constructor(server: TestAcme) {
    this.server = server;
    this.transport = judged(server.transport());
    this.denying = this.client('denying');
  }

  get authority(): TestAuthority {
    return this.server.chancery;
  }
  get clock(): TestClock {
    return this.server.clock;
  }
  get validator(): SteeredValidator {
    return this.server.validator;
  }
  /** DER of the root. */
  get root(): Uint8Array {
    return this.authority.root.certificate ?? new Uint8Array();
  }

  directoryUrl(directory = 'default'): string {
    return `${baseUrl}/acme/${directory}/directory`;
  }

  client(directory = 'default', key?: JwsKey): AcmeClient {
    return new AcmeClient(this.transport, this.directoryUrl(directory), key);
  }

  /** Validation finds this while `work` runs. */
  async finding<T>(outcome: ValidationOutcome, work: () => Promise<T>): Promise<T> {
    const before = this.validator.answer;
    this.validator.answer = () => outcome;
    try {
      return await work();
    } finally {
      this.validator.answer = before;
    }
  }

  /** An external account binding's credential, of the directory `eab` unless it says otherwise. */
  async credential(request: Partial<CreateEabRequest> = {}): Promise<Credential> {
    const made = await this.server.acme.createCredential(admin, {
      directory: 'eab',
      owner,
      ...request,
    });
    return { kid: made.credential.kid, hmacKey: made.hmacKey };
  }

  async revokeCredential(kid: string): Promise<void> {
    await this.server.acme.revokeCredential(admin, kid);
  }

  /** What the inventory says of a certificate of the issuing CA. */
  async statusOf(serialNumber: string): Promise<CertificateRecord['status'] | undefined> {
    const { issuerId } = this.authority.issuing;
    return (await this.authority.find({ issuerId, serialNumber }))?.status;
  }

  /** Audit records whose text has this. */
  async audited(text: string, act?: string): Promise<readonly StoredAuditRecord[]> {
    return (await this.authority.audit(act)).filter((record) =>
      inspect(record, { depth: 9 }).includes(text),
    );
  }

  async hold(serialNumber: string): Promise<void> {
    await this.authority.authority.holdCertificate(admin, {
      serialNumber,
      cause: 'investigation',
    });
  }

  async release(serialNumber: string): Promise<void> {
    await this.authority.authority.releaseCertificate(admin, { serialNumber });
  }

  /** A statement as the application's own role sends it, constraints and triggers on. */
  async asApplication(text: string, values: readonly unknown[]): Promise<void> {
    const database = new Client({ connectionString: this.authority.database.applicationUrl });
    await database.connect();
    try {
      await database.query('SET search_path = chancery');
      await database.query(text, [...values]);
    } finally {
      await database.end();
    }
  }

  /** Runs openssl; standard output, and it must not fail. */
  openssl(parameters: readonly string[], input?: string | Uint8Array): string {
    return execFileSync('openssl', [...parameters], { input: input ?? '', encoding: 'utf8' });
  }
}

export async function acmeUnderTest(
  name: string,
  options: TestAcmeOptions = {},
): Promise<AcmeUnderTest> {
  const server = await testAcme(name, {
    ...options,
    directories: [...directories(), ...(options.directories ?? [])],
  });
  await server.chancery.authority.createPrincipal(admin, { name: owner, role: 'subscriber' });
  const under = new AcmeUnderTest(server);
  await under.denying.register();
  return under;
}
