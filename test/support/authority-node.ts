/** One CA process of a test, composed over shared database, tokens and files. */
import { join } from 'node:path';
import {
  type Authority,
  type AuthorityDependencies,
  createAuthority,
  type FailpointName,
} from '../../src/authority/index.ts';
import type { Installation, Transaction } from '../../src/authority/ports.ts';
import { loadProfiles } from '../../src/composition.ts';
import { defaultTenant } from '../../src/domain/index.ts';
import { routeSigner, type Token } from '../../src/hsm/index.ts';
import { permitAll } from '../../src/policy/index.ts';
import {
  fileEntrySpools,
  filePublisher,
  type StatusStorage,
  type Storage,
} from '../../src/storage/index.ts';
import type { TestDatabase } from './postgres.ts';

const start = new Date('2026-11-21T12:00:00Z');

/** A clock that stands still until the test moves it. */
export class TestClock {
  #now = start.getTime();
  now(): Date {
    return new Date(this.#now);
  }
  /** Seconds; negative goes back. */
  advance(seconds: number): void {
    this.#now += seconds * 1000;
  }
  set(time: Date): void {
    this.#now = time.getTime();
  }
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What a test may replace of the composition. */
export interface TestAuthorityOptions {
  readonly settings?: Partial<AuthorityDependencies['settings']> | undefined;
  readonly dependencies?: Partial<AuthorityDependencies> | undefined;
}

/** A CA process of the test: an authority of its own over the shared database, tokens and files. */
export interface TestNode {
  readonly authority: Authority;
  readonly dependencies: AuthorityDependencies;
  /** Runs when a step is reached; throwing there is how a process ends at that step. */
  readonly at: Partial<Record<FailpointName, () => void>>;
  /** Awaited before each signature. */
  beforeSign: (purpose: string) => Promise<void>;
}

/** What the nodes of one installation share. */
export interface Parts {
  readonly clock: TestClock;
  readonly database: TestDatabase;
  readonly folder: string;
  readonly storage: Storage;
  readonly status: StatusStorage;
  readonly tokens: { readonly root: Token; readonly issuing: Token };
}

/** Composes a node; it is not started. */
export function makeNode(
  parts: Parts,
  log: LogLine[],
  name: string,
  options: TestAuthorityOptions,
): TestNode {
  const { storage, tokens, clock, folder } = parts;
  const at: TestNode['at'] = {};
  const signer = routeSigner([tokens.root, tokens.issuing], (keyId) => roleOf(keyId));
  const roles = new Map<string, 'root' | 'issuing'>();
  const roleOf = (keyId: string): 'root' | 'issuing' | undefined => roles.get(keyId);
  const node: { -readonly [K in keyof TestNode]?: TestNode[K] } = {
    at,
    beforeSign: async () => undefined,
  };
  const learn = async (): Promise<void> => {
    const keys = await storage.unitOfWork.read(async (transaction) =>
      transaction.keys.list(defaultTenant),
    );
    for (const { keyId, tokenRole } of keys) {
      if (tokenRole === 'root' || tokenRole === 'issuing') roles.set(keyId, tokenRole);
    }
  };
  const keyToken = (role: 'root' | 'issuing'): AuthorityDependencies['tokens']['root'] => ({
    role,
    identity: async () => tokens[role].identity(),
    generateKeyPair: async (request) => {
      const key = await tokens[role].generateKeyPair(request);
      roles.set(key.keyId, role);
      return key;
    },
    adoptKeyPair: async (request) => {
      const key = await tokens[role].adoptKeyPair(request);
      roles.set(key.keyId, role);
      return key;
    },
    bind: async (keys) => tokens[role].bind(keys),
    usage: async () => tokens[role].usage(),
    objects: async () => tokens[role].objects(),
    keyIds: async () => tokens[role].keyIds(),
    random: async (length) => tokens[role].random(length),
    selfTest: async () => tokens[role].selfTest(),
    destroyKeyPair: async (keyId) => tokens[role].destroyKeyPair(keyId),
  });
  /** The database's clock, the second witness of the time, follows the test's. */
  const onTime = (transaction: Transaction): Transaction =>
    Object.create(transaction, {
      installation: {
        get: () => {
          const { installation } = transaction;
          return {
            find: async () => installation.find(),
            insert: async (row: Installation) => installation.insert(row),
            update: async (row: Installation) => installation.update(row),
            databaseTime: async () => Promise.resolve(clock.now()),
          };
        },
      },
    }) as Transaction;
  const { unitOfWork } = storage;
  const files = filePublisher(folder);
  const dependencies: AuthorityDependencies = {
    tenant: defaultTenant,
    unitOfWork: {
      run: async (work) => unitOfWork.run(async (transaction) => work(onTime(transaction))),
      readOne: async (work) => unitOfWork.readOne(async (transaction) => work(onTime(transaction))),
      read: async (work) => unitOfWork.read(async (transaction) => work(onTime(transaction))),
    },
    entrySpools: fileEntrySpools(join(folder, 'spool')),
    leases: storage.leases,
    changeFeed: storage.changeFeed,
    publisher: filePublisher(join(folder, 'published')),
    servedFiles: filePublisher(join(folder, 'published')),
    installationFile: {
      async read() {
        const content = await files.read('installation.json');
        if (content === undefined) return undefined;
        const { generation, ...rest } = JSON.parse(Buffer.from(content).toString('utf8')) as {
          id: string;
          serialPrefix: string;
          generation: string;
        };
        return { ...rest, generation: BigInt(generation) };
      },
      async write(installation) {
        const text = JSON.stringify({
          ...installation,
          generation: String(installation.generation),
        });
        await files.publish('installation.json', Buffer.from(text));
      },
    },
    signer: {
      async sign(request, signedBy) {
        await node.beforeSign?.(request.purpose);
        if (!roles.has(request.keyId)) await learn();
        return signer.sign(request, signedBy);
      },
      async signStream(request, signedBy) {
        await node.beforeSign?.(request.purpose);
        if (!roles.has(request.keyId)) await learn();
        return signer.signStream(request, signedBy);
      },
    },
    tokens: { root: keyToken('root'), issuing: keyToken('issuing') },
    random: { bytes: async (length) => tokens.issuing.random(length) },
    clock,
    profiles: productProfiles(),
    namePolicy: permitAll,
    log: (level, message, fields) => log.push({ level, message, fields: fields ?? {} }),
    failpoint: (step) => at[step]?.(),
    ...options.dependencies,
    settings: {
      node: name,
      distributionUrl: 'http://pki.example.test',
      ocspUrl: 'http://ocsp.example.test/',
      crlLifetimeSeconds: 86_400,
      ceremonyCrlMaximumSeconds: 366 * 86_400,
      ceremonyWarnAheadSeconds: 30 * 86_400,
      signDeadline: 5000,
      issuanceLimit: 100,
      settleAfterSeconds: 20,
      distributeBeforeActivationSeconds: 3600,
      inventory: {
        retention: { standard: 86_400 },
        purge: 'command',
        keepChangesSeconds: 30 * 86_400,
      },
      ...options.settings,
    },
  };
  return Object.assign(node, {
    authority: createAuthority(dependencies),
    dependencies,
  }) as TestNode;
}

let profiles: AuthorityDependencies['profiles'] | undefined;
/** The profiles of the product, read once. */
export function productProfiles(): AuthorityDependencies['profiles'] {
  profiles ??= loadProfiles(new URL('../../profiles', import.meta.url).pathname);
  return profiles;
}
