import { listenAddresses } from './configuration.ts';
import { configurationError } from './document.ts';
import { dataFolder, type Environment, loadSettings } from './load.ts';

/** What the supervisor of all processes needs to know before any of them runs. */
export interface QuickstartConfiguration {
  readonly dataFolder: string;
  /** Addresses that the listeners bind; never empty. */
  readonly listen: readonly string[];
  readonly host: string;
  readonly httpsPort: number;
  readonly httpPort: number;
  readonly ocspPort: number;
  /**
   * Where the responder beside the CA enrols: as configured, else by loopback, where it is bound. The
   * host name in certificates may lead elsewhere, or nowhere yet. Undefined: as the responder says.
   */
  readonly authorityUrl: string | undefined;
  /** The three database URLs are configured: no database of our own is started. */
  readonly hasExternalDatabase: boolean;
}

/**
 * The supervisor's part of the configuration; reading it checks the whole file.
 *
 * @throws ChanceryError `configuration`: one line that names file and line or the variable.
 */
export function loadQuickstartConfiguration(
  env: Environment,
  cwd: string = process.cwd(),
): QuickstartConfiguration {
  const { server, database, ocsp } = loadSettings(env, cwd).settings;
  const urls = {
    CHANCERY_DATABASE_OWNER_URL: database.ownerUrl,
    CHANCERY_DATABASE_URL: database.url,
    CHANCERY_OCSP_DATABASE_URL: database.ocspUrl,
  };
  const missing = Object.entries(urls).filter(([, url]) => url === undefined);
  if (missing.length === 1 || missing.length === 2) {
    throw configurationError(
      `${missing.map(([name]) => name).join(' and ')} missing: an external PostgreSQL needs all ` +
        `three of ${Object.keys(urls).join(', ')}; without any of them the embedded one is used`,
    );
  }
  const listen = listenAddresses(server.listen);
  const reachedByLoopback = listen.some((address) =>
    ['127.0.0.1', '::1', '0.0.0.0', '::'].includes(address),
  );
  return {
    dataFolder: dataFolder(env, cwd),
    listen,
    host: server.host,
    httpsPort: server.httpsPort,
    httpPort: server.httpPort,
    ocspPort: server.ocspPort,
    authorityUrl:
      ocsp.authorityUrl ??
      (reachedByLoopback ? `https://localhost:${server.httpsPort}` : undefined),
    hasExternalDatabase: missing.length === 0,
  };
}
