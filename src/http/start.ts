import type { Express } from 'express';
import type { Acme } from '../acme/index.ts';
import type { Authority } from '../authority/index.ts';
import type { Configuration } from '../config/index.ts';
import type { Clock } from '../domain/index.ts';
import type { Logger, Registry } from '../telemetry/index.ts';
import { httpMetrics } from '../telemetry/index.ts';
import { acmeRouter } from './acme.ts';
import type { ApplicationOptions } from './application.ts';
import { createApplication, finishApplication } from './application.ts';
import { bundlesRouter, filesRouter, healthRouter } from './distribution.ts';
import type { Listener } from './listeners.ts';
import { listenHttp, listenHttps } from './listeners.ts';
import { metricsRouter, openMetricsRouter } from './metrics.ts';
import { restRouter } from './rest.ts';
import { routes } from './routes/index.ts';
import type { ObtainServerCertificate } from './server-certificate.ts';
import { openServerCertificate } from './server-certificate.ts';

export interface HttpServersOptions {
  readonly authority: Authority;
  readonly acme: Acme;
  readonly configuration: Configuration;
  readonly logger: Logger;
  /** The registry of `createMetrics`; the HTTP metrics are added to it. */
  readonly metrics: Registry;
  readonly clock: Clock;
  readonly obtainServerCertificate: ObtainServerCertificate;
  /** Told of each new one (DER) once it is in its file. */
  readonly serverCertificateInstalled?: ((certificate: Uint8Array) => Promise<void>) | undefined;
}

/** The listeners that run. */
export interface HttpServers {
  /** Ports as bound; they differ from the configuration only where that says 0. */
  readonly ports: { readonly http: number; readonly https: number };
  /** Stops accepting, drains for as long as configured, then cuts what is left. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Starts the plain listener first (health, CRLs, CA certificates, bundles), so that status is served
 * and /readyz says why while the rest comes up; then HTTPS with its own certificate; then metrics
 * where configured. When one can't start, those before it are stopped again.
 *
 * @throws ChanceryError `configuration` for a port that can't be bound, or what obtaining throws
 */
export async function startHttpServers(options: HttpServersOptions): Promise<HttpServers> {
  const { configuration, logger, clock } = options;
  let draining = false;
  const applicationOptions: ApplicationOptions = {
    logger,
    metrics: httpMetrics(options.metrics),
    draining: () => draining,
  };
  const closers: ((milliseconds: number) => Promise<void>)[] = [];
  let closing: Promise<void> | undefined;
  const close = (milliseconds: number): Promise<void> => {
    draining = true;
    closing ??= Promise.all(closers.map((closer) => closer(milliseconds))).then(() => undefined);
    return closing;
  };
  const started = (listener: Listener): Listener => {
    closers.push((milliseconds) => listener.close(milliseconds));
    return listener;
  };
  try {
    const http = started(
      await listenHttp(
        distributionApplication(options, applicationOptions),
        {
          addresses: configuration.listen,
          port: configuration.httpPort,
          variable: 'CHANCERY_HTTP_PORT',
        },
        configuration,
      ),
    );
    const certificate = await openServerCertificate({
      folder: configuration.httpsFolder,
      host: configuration.host,
      clock,
      logger,
      obtain: options.obtainServerCertificate,
      installed: options.serverCertificateInstalled,
    });
    closers.push(async () => certificate.close());
    const https = started(
      await listenHttps(
        restApplication(options, applicationOptions),
        {
          addresses: configuration.listen,
          port: configuration.httpsPort,
          variable: 'CHANCERY_HTTPS_PORT',
        },
        configuration,
        certificate,
      ),
    );
    if (configuration.metricsListen !== undefined) {
      const { host, port } = configuration.metricsListen;
      const application = createApplication(applicationOptions);
      application.use(openMetricsRouter(options.metrics));
      finishApplication(application, applicationOptions);
      const binding = { addresses: [host], port, variable: 'CHANCERY_METRICS_LISTEN' };
      started(await listenHttp(application, binding, configuration));
    }
    logger.info({ http: http.port, https: https.port, listen: configuration.listen }, 'listening');
    return {
      ports: { http: http.port, https: https.port },
      close: () => close(configuration.drainTimeoutMilliseconds),
    };
  } catch (error) {
    await close(0);
    throw error;
  }
}

/** The plain listener: everything on it is public. */
export function distributionApplication(
  options: Pick<HttpServersOptions, 'authority' | 'clock'>,
  applicationOptions: ApplicationOptions,
): Express {
  const application = createApplication(applicationOptions);
  application.use(healthRouter(options), filesRouter(options), bundlesRouter(options));
  finishApplication(application, applicationOptions);
  return application;
}

/** The HTTPS listener: REST, ACME, bundles and metrics. */
export function restApplication(
  options: Pick<HttpServersOptions, 'authority' | 'acme' | 'clock' | 'configuration' | 'metrics'>,
  applicationOptions: ApplicationOptions,
): Express {
  const { authority, acme, clock, configuration, metrics } = options;
  const application = createApplication(applicationOptions);
  application.use(
    '/api/v1',
    restRouter({
      authority,
      acme,
      clock,
      routes,
      maximumBodyBytes: configuration.maximumBodyBytes,
      baseUrl: configuration.urls.https,
    }),
  );
  const { maximumBodyBytes } = configuration;
  application.use('/acme', acmeRouter({ acme, maximumBodyBytes }));
  application.use(bundlesRouter(options), metricsRouter(authority, metrics));
  finishApplication(application, applicationOptions);
  return application;
}
