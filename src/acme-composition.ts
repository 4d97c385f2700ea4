/** Part of the composition root: the ACME server over its real adapters. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AcmeFailpoint } from './acme/index.ts';
import { type Acme, createAcme, readAlternateChain } from './acme/index.ts';
import type { AlternateChain, DirectoryPolicy } from './acme/ports.ts';
import { checkValidationSettings, createValidator } from './acme/validation/index.ts';
import { loadAcmeSecrets } from './acme-secret.ts';
import type { Composition } from './composition.ts';
import type { AcmeDirectoryConfiguration, Configuration } from './config/index.ts';
import { ChanceryError, defaultTenant, isChanceryError } from './domain/index.ts';
import { type Profile, parseNamePolicy } from './policy/index.ts';

/** A claim outlasts one attempt by this: then another node may take the challenge over. */
const claimBeyondAttempt = 5;

/** @throws ChanceryError configuration */
export async function composeAcme(
  { authority, dependencies, storage }: Composition,
  configuration: Configuration,
  failpoint: (name: AcmeFailpoint) => void = () => undefined,
): Promise<Acme> {
  const { acme } = configuration;
  const { log } = dependencies;
  const directories = directoryPolicies(acme.directories, dependencies.profiles);
  const validation = new Map(acme.directories.map((one) => [one.name, one.validation]));
  for (const directory of acme.directories) {
    at(directory, () => checkValidationSettings(directory.validation));
  }
  const secrets = await loadAcmeSecrets(acme.secretFile, storage.acme, (message) => {
    log('warn', message, {});
  });
  await warnOfMissingIssuers(storage, directories, (message) => log('warn', message, {}));
  return createAcme({
    tenant: dependencies.tenant,
    unitOfWork: storage.acme,
    authority,
    validator: createValidator((name) => {
      const settings = validation.get(name);
      if (settings === undefined) throw new TypeError(`there is no directory ${name}`);
      return settings;
    }, log),
    directories,
    defaultDirectory: acme.defaultDirectory,
    baseUrl: configuration.urls.https,
    secrets,
    randomBytes: (length) => randomBytes(length),
    clock: dependencies.clock,
    log,
    failpoint,
    settings: {
      validationConcurrency: acme.concurrentValidations,
      claimSeconds: acme.timeoutMilliseconds / 1000 + claimBeyondAttempt,
      settleAfterSeconds: dependencies.settings.settleAfterSeconds,
    },
  });
}

/** Those that a directory offers which names none, as far as the installation has them. */
const standardProfiles = ['tls-server', 'tls-mutual', 'short-lived'];

/**
 * The configured directories against the profiles that there are.
 *
 * @throws ChanceryError `configuration` with the directory's place, what is wrong and how to mend it
 */
export function directoryPolicies(
  directories: readonly AcmeDirectoryConfiguration[],
  profiles: ReadonlyMap<string, Profile>,
): ReadonlyMap<string, DirectoryPolicy> {
  return new Map(
    directories.map((directory) => [
      directory.name,
      at(directory, () => directoryPolicy(directory, profiles)),
    ]),
  );
}

function directoryPolicy(
  directory: AcmeDirectoryConfiguration,
  profiles: ReadonlyMap<string, Profile>,
): DirectoryPolicy {
  const suitable = [...profiles.values()].filter(isSuitable).map(({ name }) => name);
  const named = Object.entries(
    directory.profiles ??
      Object.fromEntries(
        standardProfiles.filter((name) => suitable.includes(name)).map((name) => [name, '']),
      ),
  );
  const unfit = named.find(([name]) => !suitable.includes(name))?.[0];
  if (unfit !== undefined) {
    const why = profiles.has(unfit)
      ? 'is not for names that ACME validates, or not to be asked for'
      : 'does not exist';
    throw wrong(`the profile "${unfit}" ${why}; choose of ${suitable.join(', ')}`);
  }
  const [first] = named;
  if (first === undefined) {
    throw wrong(`no profile is offered; set profiles to some of ${suitable.join(', ')}`);
  }
  const defaultProfile = directory.defaultProfile ?? first[0];
  if (!named.some(([name]) => name === defaultProfile)) {
    throw wrong(
      `the default profile "${defaultProfile}" is none of its profiles ${named.map(([name]) => name).join(', ')}`,
    );
  }
  return {
    name: directory.name,
    issuer: directory.issuer,
    alternateChains: directory.alternateChains.map(alternateChain),
    profiles: new Map(
      named.map(([name, words]) => [
        name,
        words === '' ? (profiles.get(name)?.title ?? name) : words,
      ]),
    ),
    defaultProfile,
    challengeTypes: directory.challenges,
    names: parseNamePolicy(directory.names),
    externalAccount: directory.externalAccount,
    termsOfService: directory.termsOfService,
    website: directory.website,
    limits: directory.limits,
    maximumIdentifiers: directory.maximumIdentifiers,
    orderLifetimeSeconds: directory.orderLifetimeSeconds,
    authorizationLifetimeSeconds: directory.authorizationLifetimeSeconds,
    retrySeconds: directory.retrySeconds,
  };
}

function alternateChain(file: string): AlternateChain {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw wrong(`alternateChains: ${file} can't be read (${String(error)})`);
  }
  try {
    return readAlternateChain(text);
  } catch (error) {
    if (!isChanceryError(error)) throw error;
    throw new ChanceryError('configuration', {
      message: `alternateChains: ${file}: ${error.message}`,
      cause: error,
    });
  }
}

/** For subscribers, who may ask for it, with a DNS name or an address. */
function isSuitable({ type, requestable, names }: Profile): boolean {
  const takes = (rule: unknown): boolean => rule !== undefined && rule !== 'refused';
  return type === 'endEntity' && requestable && (takes(names.dNSName) || takes(names.iPAddress));
}

function wrong(message: string): ChanceryError {
  return new ChanceryError('configuration', { message });
}

/** What is found wrong with a directory names its place in the file. */
function at<T>(directory: AcmeDirectoryConfiguration, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!isChanceryError(error) || error.code !== 'configuration') throw error;
    throw new ChanceryError('configuration', {
      message: `${directory.place}: ${error.message}`,
      cause: error,
    });
  }
}

/** No reason not to start: an issuer is made through the server that runs. */
async function warnOfMissingIssuers(
  storage: Composition['storage'],
  directories: ReadonlyMap<string, DirectoryPolicy>,
  warn: (message: string) => void,
): Promise<void> {
  if ([...directories.values()].every(({ issuer }) => issuer === undefined)) return;
  const issuers = await storage.unitOfWork.read(async (transaction) =>
    transaction.issuers.list(defaultTenant),
  );
  for (const { name, issuer } of directories.values()) {
    if (issuer === undefined) continue;
    if (!issuers.some((one) => one.name === issuer || one.issuerId === issuer)) {
      warn(
        `the ACME directory ${name} is to issue by ${issuer}, and there is no such issuer; make it, or change acme.directories`,
      );
    }
  }
}
