import type { z } from 'zod';
import { type acmeSchema, type directorySchema, parseRate } from './acme-schema.ts';
import { configurationError } from './document.ts';
import { likelyMeant } from './likely.ts';
import { type HostAndPort, hostAndPortOf, parseDuration } from './values.ts';

type AcmeSettings = z.infer<typeof acmeSchema>;
type DirectorySettings = z.infer<typeof directorySchema>;
type LimitName = keyof DirectorySettings['limits'];

/** Where and how validation connects. */
export interface AcmeValidationConfiguration {
  /** Undefined: the system's. */
  readonly resolver: HostAndPort | undefined;
  readonly http01Port: number;
  readonly tlsAlpn01Port: number;
  readonly sourceAddress: string | undefined;
  /** CIDR; empty: any. */
  readonly targets: readonly string[];
  readonly allowLoopback: boolean;
  readonly timeoutMilliseconds: number;
}

/** One ACME directory as configured; what needs profiles and issuers is checked by who has them. */
export interface AcmeDirectoryConfiguration {
  readonly name: string;
  /** The file and line, or the variable, for messages. */
  readonly place: string;
  readonly issuer: string | undefined;
  /** Files. */
  readonly alternateChains: readonly string[];
  /** Name -> words for clients (empty: its title); undefined: the standard ones as far as they exist. */
  readonly profiles: Readonly<Record<string, string>> | undefined;
  readonly defaultProfile: string | undefined;
  readonly challenges: DirectorySettings['challenges'];
  readonly names: DirectorySettings['names'];
  readonly externalAccount: DirectorySettings['externalAccount'];
  readonly termsOfService: string | undefined;
  readonly website: string | undefined;
  readonly limits: Readonly<
    Record<LimitName, { readonly burst: number; readonly seconds: number } | undefined>
  >;
  readonly maximumIdentifiers: number;
  readonly orderLifetimeSeconds: number;
  readonly authorizationLifetimeSeconds: number;
  readonly retrySeconds: readonly number[];
  readonly validation: AcmeValidationConfiguration;
}

/** The section `acme`, checked as far as this file alone can tell. */
export interface AcmeConfiguration {
  readonly secretFile: string;
  readonly directories: readonly AcmeDirectoryConfiguration[];
  /** Name of one of the directories. */
  readonly defaultDirectory: string;
  readonly concurrentValidations: number;
  readonly timeoutMilliseconds: number;
}

/**
 * @param place tells where a dotted path stands
 * @param fileOf the absolute path of a file that is named at a dotted path
 * @throws ChanceryError `configuration` when the default directory is none
 */
export function acmeOf(
  settings: AcmeSettings,
  secretFile: string,
  place: (path: string) => string,
  fileOf: (path: string, value: string) => string,
): AcmeConfiguration {
  const directories = Object.entries(settings.directories).map(([name, directory]) =>
    directoryOf(name, directory, settings, place(`acme.directories.${name}`), (value) =>
      fileOf('acme.directories', value),
    ),
  );
  const names = directories.map(({ name }) => name);
  const defaultDirectory = settings.defaultDirectory ?? names[0] ?? '';
  if (!names.includes(defaultDirectory)) {
    const likely = likelyMeant(defaultDirectory, names);
    const mend =
      likely === undefined ? `there are ${names.join(', ')}` : `did you mean "${likely}"?`;
    throw configurationError(
      `${place('acme.defaultDirectory')}: there is no directory "${defaultDirectory}"; ${mend}`,
    );
  }
  return {
    secretFile,
    directories,
    defaultDirectory,
    concurrentValidations: settings.concurrentValidations,
    timeoutMilliseconds: seconds(settings.timeout) * 1000,
  };
}

function directoryOf(
  name: string,
  directory: DirectorySettings,
  acme: AcmeSettings,
  place: string,
  fileOf: (value: string) => string,
): AcmeDirectoryConfiguration {
  const { limits } = directory;
  return {
    name,
    place,
    issuer: directory.issuer,
    alternateChains: directory.alternateChains.map(fileOf),
    profiles: directory.profiles,
    defaultProfile: directory.defaultProfile,
    challenges: [...new Set(directory.challenges)],
    names: directory.names,
    externalAccount: directory.externalAccount,
    termsOfService: directory.termsOfService,
    website: directory.website,
    limits: {
      newAccountPerAddress: parseRate(limits.newAccountPerAddress),
      newOrderPerAccount: parseRate(limits.newOrderPerAccount),
      newOrderPerCredential: parseRate(limits.newOrderPerCredential),
      newOrderPerName: parseRate(limits.newOrderPerName),
      failedValidationPerName: parseRate(limits.failedValidationPerName),
    },
    maximumIdentifiers: directory.maximumIdentifiers,
    orderLifetimeSeconds: seconds(directory.orderLifetime),
    authorizationLifetimeSeconds: seconds(directory.authorizationLifetime),
    retrySeconds: directory.retryDelays.map(seconds),
    validation: {
      resolver: hostAndPortOf(directory.resolver ?? acme.resolver),
      http01Port: acme.http01Port,
      tlsAlpn01Port: acme.tlsAlpn01Port,
      sourceAddress: directory.sourceAddress ?? acme.sourceAddress,
      targets: directory.targets ?? acme.targets,
      allowLoopback: acme.allowLoopback ?? false,
      timeoutMilliseconds: seconds(acme.timeout) * 1000,
    },
  };
}

function seconds(text: string): number {
  return parseDuration(text) ?? 0;
}
