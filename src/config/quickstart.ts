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
  const { server, database } = loadSettings(env, cwd).settings;
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
  return {
    dataFolder: dataFolder(env, cwd),
    listen: listenAddresses(server.listen),
    host: server.host,
    httpsPort: server.httpsPort,
    httpPort: server.httpPort,
    ocspPort: server.ocspPort,
    hasExternalDatabase: missing.length === 0,
  };
}
