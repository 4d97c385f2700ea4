/** What quickstart reads from the environment. The CA and the responder read the rest themselves. */
import { resolve } from 'node:path';

/** The three connection URLs of an external PostgreSQL, or undefined for the embedded one. */
export interface DatabaseUrls {
  readonly owner: string;
  readonly application: string;
  readonly responder: string;
}

/** A TCP port that must be free, and the variable that moves it. */
export interface PortSetting {
  readonly variable: string;
  readonly port: number;
}

export interface QuickstartSettings {
  /** Absolute path of the state's folder. */
  readonly dataFolder: string;
  /** Addresses that the listeners bind. */
  readonly addresses: readonly string[];
  readonly https: PortSetting;
  readonly http: PortSetting;
  readonly ocsp: PortSetting;
  /** The host name in URLs that people read. */
  readonly host: string;
  readonly databaseUrls: DatabaseUrls | undefined;
}

/** A setting that cannot be used; its message is the one line that the user sees. */
export class SettingError extends Error {}

/**
 * Reads the settings.
 *
 * @param clone the clone's folder, in which `data` is the default data folder
 * @throws SettingError naming the variable, its value and what it may be
 */
export function readSettings(
  environment: Readonly<Record<string, string | undefined>>,
  clone: string,
): QuickstartSettings {
  const port = (variable: string, usual: number): PortSetting => ({
    variable,
    port: readPort(variable, environment[variable], usual),
  });
  const listen = environment['CHANCERY_LISTEN'];
  return {
    dataFolder: resolve(environment['CHANCERY_DATA'] || resolve(clone, 'data')),
    addresses: listen === undefined || listen === '' ? ['127.0.0.1', '::1'] : listen.split(/[ ,]+/),
    https: port('CHANCERY_HTTPS_PORT', 8443),
    http: port('CHANCERY_HTTP_PORT', 8080),
    ocsp: port('CHANCERY_OCSP_PORT', 8081),
    host: environment['CHANCERY_HOST'] || 'localhost',
    databaseUrls: readDatabaseUrls(environment),
  };
}

function readPort(variable: string, value: string | undefined, usual: number): number {
  if (value === undefined || value === '') return usual;
  const port = Number(value);
  if (!/^\d+$/.test(value) || port < 1 || port > 65_535) {
    throw new SettingError(`${variable} is "${value}": it must be a port number from 1 to 65535`);
  }
  return port;
}

function readDatabaseUrls(
  environment: Readonly<Record<string, string | undefined>>,
): DatabaseUrls | undefined {
  const variables = {
    owner: 'CHANCERY_DATABASE_OWNER_URL',
    application: 'CHANCERY_DATABASE_URL',
    responder: 'CHANCERY_OCSP_DATABASE_URL',
  } as const;
  const owner = environment[variables.owner];
  const application = environment[variables.application];
  const responder = environment[variables.responder];
  if (owner && application && responder) return { owner, application, responder };
  const missing = Object.values(variables).filter((name) => !environment[name]);
  if (missing.length === 3) return undefined;
  throw new SettingError(
    `${missing.join(' and ')} missing: an external PostgreSQL needs all three of ` +
      `${Object.values(variables).join(', ')}; without any of them the embedded one is used`,
  );
}
