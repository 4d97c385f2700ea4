import { readFileSync } from 'node:fs';
import { availableParallelism, networkInterfaces } from 'node:os';
import { resolve } from 'node:path';
import { type AcmeConfiguration, acmeOf } from './acme.ts';
import { configurationError } from './document.ts';
import { type ForeignConfiguration, foreignOf } from './foreign.ts';
import { type KeysConfiguration, keysOf } from './keys.ts';
import type { Environment, LoadedSettings } from './load.ts';
import { dataFolder, installationFolder, loadSettings, resolvePath } from './load.ts';
import { type ReportsConfiguration, reportsOf } from './reports.ts';
import type { Settings } from './schema.ts';
import { type StoreConfiguration, storeOf } from './store.ts';
import { type TokenConfiguration, tokenConfiguration } from './tokens.ts';
import { type HostAndPort, hostAndPortOf, parseDuration } from './values.ts';

/** How to reach the database as one role. The URL carries the password that its file held: never log it. */
export interface DatabaseConfiguration {
  readonly url: string;
  readonly schema: string;
  readonly poolSize: number;
  readonly statementTimeoutMilliseconds: number;
}

/** Allowed and refused names by kind; an absent list allows any or refuses none. */
export interface NameListsConfiguration {
  readonly allow: Settings['names']['allow'];
  readonly deny: Settings['names']['deny'];
}

/** How long the inventory keeps what. */
export interface InventoryConfiguration {
  /** Seconds after notAfter, by retention class. */
  readonly retention: Readonly<Record<string, number>>;
  readonly purge: Settings['inventory']['purge'];
  readonly keepChangesSeconds: number;
}

/** What CA process and responder have in common. */
export interface SharedConfiguration {
  readonly dataFolder: string;
  /** The file that was read, if there is one. */
  readonly fileName: string | undefined;
  /** Things worth a line in the log at start-up. */
  readonly warnings: readonly string[];
  readonly host: string;
  /** Addresses to bind; never empty. */
  readonly listen: readonly string[];
  readonly requestTimeoutMilliseconds: number;
  readonly drainTimeoutMilliseconds: number;
  readonly logLevel: Settings['log']['level'];
  readonly database: DatabaseConfiguration;
  readonly ocspLifetimeSeconds: number;
}

/** The CA process's configuration, checked and resolved. */
export interface Configuration extends SharedConfiguration {
  readonly httpsPort: number;
  readonly httpPort: number;
  readonly maximumBodyBytes: number;
  readonly metricsListen: HostAndPort | undefined;
  /** Bases without a slash at the end, except ocsp, which is the whole URL. */
  readonly urls: { readonly http: string; readonly https: string; readonly ocsp: string };
  /** For migrations and grants; undefined where this process is not given it. */
  readonly ownerDatabaseUrl: string | undefined;
  /** The responder's URL, for its role's name in grants; undefined where not given. */
  readonly ocspDatabaseUrl: string | undefined;
  readonly tokens: { readonly root: TokenConfiguration; readonly issuing: TokenConfiguration };
  /** Tokens that are locked away between ceremonies. */
  readonly absentTokens: readonly 'root'[];
  readonly ceremonies: { readonly warnAheadSeconds: number; readonly crlMaximumSeconds: number };
  readonly profilesFolder: string;
  /** Undefined: no lists of known-compromised keys. */
  readonly keyBlocklistFolder: string | undefined;
  /** Cryptoperiods, strengths, validation of modules, reconciliation. */
  readonly keys: KeysConfiguration;
  readonly names: NameListsConfiguration;
  /** How long a successor's public key is to be had before its key may be activated. */
  readonly distributeBeforeActivationSeconds: number;
  readonly crlLifetimeSeconds: number;
  /** Where CRLs and CA certificates are published. */
  readonly store: StoreConfiguration;
  readonly inventory: InventoryConfiguration;
  readonly reports: ReportsConfiguration;
  readonly workFolder: string;
  readonly httpsFolder: string;
  readonly nodeFolder: string;
  readonly acme: AcmeConfiguration;
}

/** The responder's configuration, checked and resolved. */
export interface ResponderConfiguration extends Omit<SharedConfiguration, 'database'> {
  /** Undefined: a responder for foreign CAs alone. */
  readonly database: DatabaseConfiguration | undefined;
  readonly foreign: readonly ForeignConfiguration[];
  readonly ocspPort: number;
  readonly metricsListen: HostAndPort | undefined;
  readonly token: TokenConfiguration;
  /** A hot standby of the database; undefined: there is none. */
  readonly replicaUrl: string | undefined;
  /** Processes that answer. */
  readonly workers: number;
  readonly cacheLimit: number;
  readonly signedAheadPerSecond: number;
  readonly signedAtStart: number;
  readonly authorityUrl: string;
  readonly folder: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly trustFile: string;
  /** Kinds of delegate keys, the default first. */
  readonly delegateKeys: Settings['ocsp']['delegateKeys'];
  readonly responderId: Settings['ocsp']['responderId'];
  /** Files of the certificates whose holders may ask; undefined when everybody may. */
  readonly requesterFiles: readonly string[] | undefined;
}

/** Where to look from; the working directory matters for relative paths in variables only. */
export interface LoadOptions {
  readonly cwd?: string | undefined;
}

/**
 * The CA process's configuration from the file and the environment.
 *
 * @throws ChanceryError `configuration`: one line that names file and line or the variable. Mains exit 78.
 */
export function loadConfiguration(env: Environment, options: LoadOptions = {}): Configuration {
  const at = load(env, options);
  const { settings } = at.loaded;
  const { server, database, folders } = settings;
  return {
    ...general(at),
    database: databaseOf(at, 'url', 'passwordFile', 'CHANCERY_DATABASE_URL'),
    httpsPort: server.httpsPort,
    httpPort: server.httpPort,
    maximumBodyBytes: server.maximumBodyBytes,
    metricsListen: hostAndPortOf(server.metricsListen),
    urls: urlsOf(settings),
    ownerDatabaseUrl: database.ownerUrl && databaseUrl(at, 'ownerUrl', 'ownerPasswordFile'),
    ocspDatabaseUrl: database.ocspUrl && databaseUrl(at, 'ocspUrl', 'ocspPasswordFile'),
    tokens: { root: tokenOf(at, 'root'), issuing: tokenOf(at, 'issuing') },
    profilesFolder: pathOf(
      at,
      'profiles.folder',
      settings.profiles.folder,
      resolve(installationFolder, 'profiles'),
    ),
    keyBlocklistFolder:
      settings.keys.blocklistFolder &&
      resolvePath(at.loaded, 'keys.blocklistFolder', settings.keys.blocklistFolder, at.cwd),
    keys: keysOf(settings, at.loaded.place),
    distributeBeforeActivationSeconds: seconds(settings.keys.distributeBeforeActivation),
    names: settings.names,
    crlLifetimeSeconds: seconds(settings.crl.lifetime),
    absentTokens: settings.tokens.root.presence === 'ceremony' ? ['root'] : [],
    ceremonies: {
      warnAheadSeconds: seconds(settings.ceremonies.warnAhead),
      crlMaximumSeconds: seconds(settings.ceremonies.crlMaximum),
    },
    store: storeOf(settings.store, {
      publishedFolder: pathOf(at, 'folders.published', folders.published, inData(at, 'published')),
      variables: at.loaded.variables,
      place: at.loaded.place,
      resolve: (path, value) => resolvePath(at.loaded, path, value, at.cwd),
      readSecret: (path, value) => readSecret(at, path, value),
    }),
    inventory: {
      retention: Object.fromEntries(
        Object.entries(settings.inventory.retention).map(([name, text]) => [name, seconds(text)]),
      ),
      purge: settings.inventory.purge,
      keepChangesSeconds: seconds(settings.inventory.keepChanges),
    },
    reports: reportsOf(settings.reports),
    workFolder: pathOf(at, 'folders.work', folders.work, inData(at, 'work')),
    httpsFolder: pathOf(at, 'folders.https', folders.https, inData(at, 'https')),
    nodeFolder: pathOf(at, 'folders.node', folders.node, at.data),
    acme: acmeOf(
      settings.acme,
      pathOf(at, 'acme.secretFile', settings.acme.secretFile, inData(at, 'acme/secret')),
      at.loaded.place,
      (path, value) => resolvePath(at.loaded, path, value, at.cwd),
    ),
  };
}

/**
 * The responder's configuration from the same file; what only the CA needs may be missing.
 *
 * @throws ChanceryError `configuration` as `loadConfiguration` does.
 */
export function loadResponderConfiguration(
  env: Environment,
  options: LoadOptions = {},
): ResponderConfiguration {
  const at = load(env, options);
  const { server, ocsp, database } = at.loaded.settings;
  const folder = pathOf(at, 'ocsp.folder', ocsp.folder, inData(at, 'responder'));
  const foreign = foreignOf(
    ocsp.foreign,
    (value) => resolvePath(at.loaded, 'ocsp.foreign', value, at.cwd),
    seconds,
  );
  return {
    ...general(at),
    database:
      database.ocspUrl === undefined && foreign.length > 0
        ? undefined
        : databaseOf(at, 'ocspUrl', 'ocspPasswordFile', 'CHANCERY_OCSP_DATABASE_URL'),
    foreign,
    ocspPort: server.ocspPort,
    metricsListen: hostAndPortOf(server.ocspMetricsListen),
    token: tokenOf(at, 'responder'),
    replicaUrl:
      at.loaded.settings.database.ocspReplicaUrl &&
      databaseUrl(at, 'ocspReplicaUrl', 'ocspReplicaPasswordFile'),
    workers: ocsp.workers === 'auto' ? availableParallelism() : ocsp.workers,
    cacheLimit: ocsp.cacheLimit,
    signedAheadPerSecond: ocsp.signedAheadPerSecond,
    signedAtStart: ocsp.signedAtStart,
    authorityUrl: ocsp.authorityUrl ?? urlsOf(at.loaded.settings).https,
    folder,
    certificateFile: pathOf(at, 'ocsp.certificate', ocsp.certificate, resolve(folder, 'cert.pem')),
    keyFile: pathOf(at, 'ocsp.key', ocsp.key, resolve(folder, 'key.pem')),
    trustFile: pathOf(at, 'ocsp.trust', ocsp.trust, inData(at, 'trust/root.pem')),
    delegateKeys: ocsp.delegateKeys,
    responderId: ocsp.responderId,
    requesterFiles: requesterFilesOf(at),
  };
}

function requesterFilesOf(at: Place): readonly string[] | undefined {
  const { require, allow = [] } = at.loaded.settings.ocsp.signedRequests;
  if (!require) return undefined;
  if (allow.length === 0) {
    throw configurationError(
      'ocsp.signedRequests.require is set, but ocsp.signedRequests.allow names nobody; name the PEM files of the requesters or their CAs',
    );
  }
  return allow.map((file) => resolvePath(at.loaded, 'ocsp.signedRequests.allow', file, at.cwd));
}

/**
 * The addresses behind `listen`: `loopback` is 127.0.0.1 and, where this machine has it, ::1.
 */
export function listenAddresses(listen: readonly string[]): readonly string[] {
  const hasV6Loopback = Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some((address) => address.address === '::1'),
  );
  const loopback = hasV6Loopback ? ['127.0.0.1', '::1'] : ['127.0.0.1'];
  return [...new Set(listen.flatMap((item) => (item === 'loopback' ? loopback : [item])))];
}

interface Place {
  readonly loaded: LoadedSettings;
  readonly cwd: string;
  readonly data: string;
}

function load(env: Environment, options: LoadOptions): Place {
  const cwd = options.cwd ?? process.cwd();
  return { loaded: loadSettings(env, cwd), cwd, data: dataFolder(env, cwd) };
}

function general(at: Place): Omit<SharedConfiguration, 'database'> {
  const { settings, fileName, warnings } = at.loaded;
  const { server } = settings;
  return {
    dataFolder: at.data,
    fileName,
    warnings,
    host: server.host,
    listen: listenAddresses(server.listen),
    requestTimeoutMilliseconds: seconds(server.requestTimeout) * 1000,
    drainTimeoutMilliseconds: seconds(server.drainTimeout) * 1000,
    logLevel: settings.log.level,
    ocspLifetimeSeconds: seconds(settings.ocsp.lifetime),
  };
}

function databaseOf(
  at: Place,
  urlKey: 'url' | 'ocspUrl',
  passwordKey: 'passwordFile' | 'ocspPasswordFile',
  variable: string,
): DatabaseConfiguration {
  const { settings, fileName } = at.loaded;
  const { database } = settings;
  if (database[urlKey] === undefined) {
    throw configurationError(
      `database.${urlKey} is missing; set it in ${fileName ?? 'chancery.yaml'} or as ${variable}`,
    );
  }
  return {
    url: databaseUrl(at, urlKey, passwordKey),
    schema: database.schema,
    poolSize: database.poolSize,
    statementTimeoutMilliseconds: seconds(database.statementTimeout) * 1000,
  };
}

/** The bases of URLs, worked out from host and ports where they are not set. */
export function urlsOf(settings: Settings): Configuration['urls'] {
  const { server, urls } = settings;
  const withoutSlash = (url: string) => url.replace(/\/+$/, '');
  return {
    http: withoutSlash(urls.http ?? `http://${server.host}:${server.httpPort}`),
    https: withoutSlash(urls.https ?? `https://${server.host}:${server.httpsPort}`),
    ocsp: urls.ocsp ?? `http://${server.host}:${server.ocspPort}/`,
  };
}

function tokenOf(at: Place, role: 'root' | 'issuing' | 'responder'): TokenConfiguration {
  const resolved = (key: string, value: string) =>
    resolvePath(at.loaded, `tokens.${role}.${key}`, value, at.cwd);
  return tokenConfiguration(role, at.loaded.settings.tokens[role], {
    folder: inData(at, `tokens/${role}`),
    resolved,
  });
}

type UrlKey = 'url' | 'ownerUrl' | 'ocspUrl' | 'ocspReplicaUrl';
type PasswordKey =
  | 'passwordFile'
  | 'ownerPasswordFile'
  | 'ocspPasswordFile'
  | 'ocspReplicaPasswordFile';

/** The URL with the password that its file holds. A password written into the file itself is refused. */
function databaseUrl(at: Place, urlKey: UrlKey, passwordKey: PasswordKey): string {
  const { database } = at.loaded.settings;
  const url = database[urlKey] ?? '';
  const place = at.loaded.place(`database.${urlKey}`);
  const [, scheme = '', authority = ''] = /^(\w+:\/\/)([^/?#]*)/.exec(url) ?? [];
  const user = authority.includes('@') ? authority.slice(0, authority.lastIndexOf('@')) : undefined;
  const hasPassword = user?.includes(':') === true || /[?&]password=/.test(url);
  if (hasPassword && !at.loaded.variables.has(`database.${urlKey}`)) {
    throw configurationError(
      `${place} holds a password; put it alone into a file of mode 0600 and name that as ${passwordKey}`,
    );
  }
  const passwordFile = database[passwordKey];
  if (passwordFile === undefined) return url;
  if (user === undefined || hasPassword) {
    throw configurationError(
      `${place} must name a user and no password when ${passwordKey} is set`,
    );
  }
  const password = readSecret(at, `database.${passwordKey}`, passwordFile);
  return `${scheme}${user}:${encodeURIComponent(password)}${url.slice(scheme.length + user.length)}`;
}

/** The content of a secret's file without the newline at its end. */
function readSecret(at: Place, path: string, value: string): string {
  const fileName = resolvePath(at.loaded, path, value, at.cwd);
  let secret: string;
  try {
    secret = readFileSync(fileName, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw configurationError(`${at.loaded.place(path)}: ${fileName} can't be read (${reason})`);
  }
  if (secret === '') throw configurationError(`${at.loaded.place(path)}: ${fileName} is empty`);
  return secret;
}

function pathOf(at: Place, path: string, value: string | undefined, otherwise: string): string {
  return value === undefined ? otherwise : resolvePath(at.loaded, path, value, at.cwd);
}

function inData(at: Place, name: string): string {
  return resolve(at.data, name);
}

function seconds(text: string): number {
  return parseDuration(text) ?? 0;
}
