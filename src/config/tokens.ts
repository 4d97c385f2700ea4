import { resolve } from 'node:path';
import { configurationError } from './document.ts';
import type { Settings } from './schema.ts';
import { parseDuration } from './values.ts';

/** One PKCS#11 token; paths are absolute, secrets are named by file only. */
export interface TokenConfiguration {
  readonly folder: string;
  /** Undefined: SoftHSM's module, wherever the system keeps it. */
  readonly module: string | undefined;
  readonly label: string;
  readonly serialNumber: string | undefined;
  readonly pinFile: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly libraryParameters: string | undefined;
  readonly sessions: number;
  readonly queueLimit: number;
  readonly deadlineMilliseconds: number;
  /** 0: never. */
  readonly keepAliveMilliseconds: number;
  /** A second token with the same keys; undefined: there is none. */
  readonly standby: StandbyConfiguration | undefined;
}

/** Where the second token is, and when the first signs again. */
export interface StandbyConfiguration
  extends Pick<
    TokenConfiguration,
    'module' | 'label' | 'serialNumber' | 'pinFile' | 'environment' | 'libraryParameters'
  > {
  readonly failBackMilliseconds: number;
}

/**
 * @param at the default folder, and how a path of a setting becomes absolute
 * @throws ChanceryError `configuration` when a second token is described and has no label
 */
export function tokenConfiguration(
  role: 'root' | 'issuing' | 'responder',
  token: Settings['tokens']['issuing'],
  at: {
    readonly folder: string;
    readonly resolved: (key: string, value: string) => string;
  },
): TokenConfiguration {
  const absolute = (key: string, value: string | undefined) =>
    value === undefined ? undefined : at.resolved(key, value);
  const folder = absolute('folder', token.folder) ?? at.folder;
  const pinFile = absolute('pinFile', token.pinFile) ?? resolve(folder, 'pin');
  const standby = standbyOf(role, token.standby, resolve(folder, 'standby'), absolute);
  // What is remembered of a token stands beside its PIN file: a refused PIN, blocked keys.
  if (standby?.pinFile === pinFile) {
    throw configurationError(
      `tokens.${role}.standby.pinFile is the first token's; give the second a file of its own, with the same PIN in it if need be`,
    );
  }
  return {
    folder,
    module: absolute('module', token.module),
    label: token.label,
    serialNumber: token.serialNumber,
    pinFile,
    environment: token.environment ?? { SOFTHSM2_CONF: resolve(folder, 'softhsm2.conf') },
    libraryParameters: token.libraryParameters,
    sessions: token.sessions,
    queueLimit: token.queueLimit,
    deadlineMilliseconds: milliseconds(token.deadline),
    keepAliveMilliseconds: token.keepAlive === 'off' ? 0 : milliseconds(token.keepAlive),
    standby,
  };
}

function standbyOf(
  role: string,
  { label, ...standby }: Settings['tokens']['issuing']['standby'],
  folder: string,
  absolute: (key: string, value: string | undefined) => string | undefined,
): StandbyConfiguration | undefined {
  if (label === undefined) {
    const given = Object.entries(standby).find(
      ([key, value]) =>
        key !== 'failBack' &&
        value !== undefined &&
        (key !== 'validation' || Object.values(value).some((part) => part !== undefined)),
    );
    if (given === undefined) return undefined;
    throw configurationError(
      `tokens.${role}.standby.${given[0]} is set without tokens.${role}.standby.label; set the label of the second token, or leave both out`,
    );
  }
  return {
    label,
    module: absolute('standby.module', standby.module),
    serialNumber: standby.serialNumber,
    pinFile: absolute('standby.pinFile', standby.pinFile) ?? resolve(folder, 'pin'),
    environment: standby.environment ?? { SOFTHSM2_CONF: resolve(folder, 'softhsm2.conf') },
    libraryParameters: standby.libraryParameters,
    failBackMilliseconds: milliseconds(standby.failBack),
  };
}

function milliseconds(duration: string): number {
  return (parseDuration(duration) ?? 0) * 1000;
}
