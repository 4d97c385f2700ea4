/**
 * Part of the composition root: the authority over its real adapters. The CA process and the
 * command's own acts on the machine (`init`, `database`) are composed alike.
 */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Authority,
  type AuthorityDependencies,
  createAuthority,
  type FailpointName,
  type KeySettings,
} from './authority/index.ts';
import type { Installation, InstallationFile } from './authority/ports.ts';
import type { Configuration, TokenConfiguration } from './config/index.ts';
import { ChanceryError, type Clock, defaultTenant } from './domain/index.ts';
import { absentToken, openConfiguredToken, routeSigner, type Token } from './hsm/index.ts';
import { defaultCryptoperiods, keyTypes } from './keys/index.ts';
import {
  defaultKeyPolicy,
  type KeyPolicy,
  type Profile,
  parseKeyBlocklist,
  parseNamePolicy,
  parseProfile,
} from './policy/index.ts';
import {
  fileEntrySpools,
  filePublisher,
  openPublishedStore,
  openStorage,
  type Storage,
} from './storage/index.ts';
import type { Logger } from './telemetry/index.ts';

/** The system's clock; the only one that this process reads. */
export const systemClock: Clock = { now: () => new Date() };

export interface Composition {
  readonly authority: Authority;
  readonly dependencies: AuthorityDependencies;
  readonly storage: Storage;
  readonly tokens: { readonly root: Token; readonly issuing: Token };
  /** Tells the signer processes of the keys in the inventory; compares public halves. */
  bindKeys(): Promise<void>;
  close(): Promise<void>;
}

/** A prepared row is settled after three sign deadlines, at least this many seconds. */
const settleAtLeast = 20;

/** @throws ChanceryError configuration, databaseUnavailable */
export async function compose(
  configuration: Configuration,
  logger: Logger,
  process: {
    /** Name in leases; only one process at a time may have it. */
    readonly node?: string | undefined;
    readonly failpoint?: ((name: FailpointName) => void) | undefined;
    /**
     * Which tokens it opens: those that are `present` by configuration (default), `all` for an act that
     * brings the absent ones, `none` for a look at the database.
     */
    readonly tokens?: 'present' | 'all' | 'none' | undefined;
  } = {},
): Promise<Composition> {
  const profiles = loadProfiles(configuration.profilesFolder);
  const storage = await openStorage({
    url: configuration.database.url,
    schema: configuration.database.schema,
    poolSize: configuration.database.poolSize,
    statementTimeout: configuration.database.statementTimeoutMilliseconds,
    applicationName: 'chancery-ca',
    log: (message) => logger.warn(message),
  });
  const clock = systemClock;
  const { tokens: opened = 'present' } = process;
  const absentTokens = opened === 'present' ? configuration.absentTokens : [];
  const token = (role: 'root' | 'issuing'): Token =>
    opened === 'none' || absentTokens.some((absent) => absent === role)
      ? absentToken(role)
      : open(role, configuration.tokens[role], clock, logger);
  const tokens = { root: token('root'), issuing: token('issuing') };
  const store = openPublishedStore(configuration.store, configuration.workFolder);
  const roleOfKey = new Map<string, 'root' | 'issuing'>();
  const signDeadline = configuration.tokens.issuing.deadlineMilliseconds;
  const dependencies: AuthorityDependencies = {
    tenant: defaultTenant,
    unitOfWork: storage.unitOfWork,
    leases: storage.leases,
    changeFeed: storage.changeFeed,
    entrySpools: fileEntrySpools(configuration.workFolder),
    publisher: store.publisher,
    servedFiles: store.servedFiles,
    installationFile: installationFile(configuration.nodeFolder),
    signer: routeSigner([tokens.root, tokens.issuing], (keyId) => roleOfKey.get(keyId)),
    tokens: {
      root: remembering(tokens.root, roleOfKey, 'root'),
      issuing: remembering(tokens.issuing, roleOfKey, 'issuing'),
    },
    random: { bytes: async (length) => tokens.issuing.random(length) },
    clock,
    profiles,
    namePolicy: parseNamePolicy(configuration.names),
    keyPolicy: loadKeyPolicy(configuration.keyBlocklistFolder),
    log: (level, message, fields) => {
      if (level === 'alarm') {
        logger.error({ alarm: true, ...fields }, message);
      } else {
        logger[level]({ ...fields }, message);
      }
    },
    failpoint: process.failpoint ?? (() => undefined),
    settings: {
      node: process.node ?? randomUUID(),
      distributionUrl: configuration.urls.http,
      ocspUrl: configuration.urls.ocsp,
      crlLifetimeSeconds: configuration.crlLifetimeSeconds,
      absentTokens,
      ceremonyCrlMaximumSeconds: configuration.ceremonies.crlMaximumSeconds,
      ceremonyWarnAheadSeconds: configuration.ceremonies.warnAheadSeconds,
      signDeadline,
      issuanceLimit: configuration.tokens.issuing.queueLimit,
      settleAfterSeconds: Math.max(settleAtLeast, (3 * signDeadline) / 1000),
      distributeBeforeActivationSeconds: configuration.distributeBeforeActivationSeconds,
      inventory: configuration.inventory,
      reports: { ...configuration.reports, httpsUrl: configuration.urls.https },
      keys: keySettingsOf(configuration.keys),
    },
  };
  const authority = createAuthority(dependencies);
  return {
    authority,
    dependencies,
    storage,
    tokens,
    bindKeys: async () => authority.refreshKeys(),
    async close() {
      await authority.drain();
      await Promise.all([tokens.root.close(), tokens.issuing.close()]);
      store.close();
      await storage.close();
    },
  };
}

/** The product's own periods, with what the configuration says otherwise. */
function keySettingsOf(configuration: Configuration['keys']): KeySettings {
  const { cryptoperiods, ...rest } = configuration;
  return {
    ...rest,
    cryptoperiods: Object.fromEntries(
      keyTypes.map((type) => [type, { ...defaultCryptoperiods[type], ...cryptoperiods[type] }]),
    ) as unknown as KeySettings['cryptoperiods'],
  };
}

/**
 * The lasting name of the CA process of a data folder: started again after a crash, it takes its own
 * leases over at once instead of waiting until they expire.
 */
export function nodeName(folder: string): string {
  const file = join(folder, 'node-name');
  try {
    writeFileSync(file, `ca-${randomUUID()}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) {
      throw new ChanceryError('configuration', {
        message: `${file} can't be written; check the folder's owner and mode`,
        cause: error,
      });
    }
  }
  const name = readFileSync(file, 'utf8').trim();
  // Empty after a power cut between creation and content: a name for this run alone is safe.
  return name === '' ? randomUUID() : name;
}

/** Every profile of the folder, by name. @throws ChanceryError configuration with file and line */
export function loadProfiles(folder: string): ReadonlyMap<string, Profile> {
  let files: string[];
  try {
    files = readdirSync(folder).filter((file) => /\.ya?ml$/.test(file));
  } catch (error) {
    throw new ChanceryError('configuration', {
      message: `the profiles folder ${folder} can't be read; set CHANCERY_PROFILES`,
      cause: error,
    });
  }
  const profiles = new Map<string, Profile>();
  for (const file of files.sort()) {
    const profile = parseProfile(readFileSync(join(folder, file), 'utf8'), join(folder, file));
    profiles.set(profile.name, profile);
  }
  return profiles;
}

/** The product's key policy with the installation's lists. @throws ChanceryError configuration */
export function loadKeyPolicy(blocklistFolder: string | undefined): KeyPolicy {
  if (blocklistFolder === undefined) {
    return defaultKeyPolicy;
  }
  try {
    const files = readdirSync(blocklistFolder, { withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
      .map(({ name }) => {
        const sourceName = join(blocklistFolder, name);
        return { sourceName, text: readFileSync(sourceName, 'utf8') };
      });
    return { ...defaultKeyPolicy, blocklist: parseKeyBlocklist(files) };
  } catch (error) {
    if (error instanceof ChanceryError) throw error;
    throw new ChanceryError('configuration', {
      message: `the key blocklist folder ${blocklistFolder} can't be read; set keys.blocklistFolder (CHANCERY_KEY_BLOCKLIST_FOLDER) to a readable folder or leave it out`,
      cause: error,
    });
  }
}

function open(
  role: 'root' | 'issuing',
  token: TokenConfiguration,
  clock: Clock,
  logger: Logger,
): Token {
  return openConfiguredToken(role, token, {
    // The root's token is opened only for the act that needs it (invariant 6).
    onDemand: role === 'root',
    clock,
    log: (level, message, fields) => logger[level]({ token: role, ...fields }, message),
  });
}

/** A key made or bound in a token is routed there at once. */
function remembering(
  token: Token,
  roleOfKey: Map<string, 'root' | 'issuing'>,
  role: 'root' | 'issuing',
): AuthorityDependencies['tokens']['root'] {
  return {
    role,
    identity: async () => token.identity(),
    async generateKeyPair(request) {
      const key = await token.generateKeyPair(request);
      roleOfKey.set(key.keyId, role);
      return key;
    },
    async adoptKeyPair(request) {
      const key = await token.adoptKeyPair(request);
      roleOfKey.set(key.keyId, role);
      return key;
    },
    usage: async () => token.usage(),
    objects: async () => token.objects(),
    async bind(keys) {
      for (const { keyId } of keys) roleOfKey.set(keyId, role);
      await token.bind(keys);
    },
    keyIds: async () => token.keyIds(),
    random: async (length) => token.random(length),
    selfTest: async () => token.selfTest(),
    async destroyKeyPair(keyId) {
      const seen = await token.destroyKeyPair(keyId);
      roleOfKey.delete(keyId);
      return seen;
    },
  };
}

function installationFile(folder: string): InstallationFile {
  const files = filePublisher(folder);
  return {
    async read() {
      const content = await files.read('installation.json');
      return content === undefined ? undefined : readInstallation(content, folder);
    },
    async write({ id, serialPrefix, generation }) {
      const text = JSON.stringify({ id, serialPrefix, generation: generation.toString() }, null, 2);
      await files.publish('installation.json', Buffer.from(`${text}\n`));
    },
  };
}

function readInstallation(content: Uint8Array, folder: string): Installation {
  try {
    const value = JSON.parse(Buffer.from(content).toString('utf8')) as Record<string, unknown>;
    const { id, serialPrefix, generation } = value;
    if (
      typeof id === 'string' &&
      typeof serialPrefix === 'string' &&
      typeof generation === 'string'
    ) {
      return { id, serialPrefix, generation: BigInt(generation) };
    }
  } catch {
    // Falls through to the message below: half a file says nothing that could be trusted.
  }
  throw new ChanceryError('configuration', {
    message: `${join(folder, 'installation.json')} is damaged; restore it from a backup of the data folder`,
  });
}
