import { listenAddresses, urlsOf } from './configuration.ts';
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
  /** Whether ACME validation may connect to this machine itself; undefined: nobody has said. */
  readonly acmeAllowLoopback: boolean | undefined;
  /** Port on which a client answers http-01. */
  readonly acmeHttp01Port: number;
  /** Base of the REST and ACME URLs, without a slash at the end. */
  readonly httpsUrl: string;
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
  const { settings } = loadSettings(env, cwd);
  const { server, database, ocsp, acme } = settings;
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
    acmeAllowLoopback: acme.allowLoopback,
    acmeHttp01Port: acme.http01Port,
    httpsUrl: urlsOf(settings).https,
    hasExternalDatabase: missing.length === 0,
  };
}
