/** The CA process: composes authority and ACME over their real adapters, serves them, and runs their schedules. */

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { composeAcme } from './acme-composition.ts';
import { type Composition, compose, nodeName, systemClock } from './composition.ts';
import { type Configuration, loadConfiguration } from './config/index.ts';
import { isChanceryError } from './domain/index.ts';
import { startHttpServers } from './http/index.ts';
import {
  createLogger,
  createMetrics,
  crlMetrics,
  keyMetrics,
  type Logger,
  tokenMetrics,
} from './telemetry/index.ts';

/** A configuration error: quickstart does not start the process again. */
const configurationExit = 78;
const tickMilliseconds = 500;
const leaseMilliseconds = 1000;
const readinessMilliseconds = 5000;

await main();

async function main(): Promise<void> {
  let configuration: Configuration;
  try {
    configuration = loadConfiguration(process.env);
  } catch (error) {
    fail(error);
    return;
  }
  const logger = createLogger({ level: configuration.logLevel, process: 'ca' });
  for (const warning of configuration.warnings) {
    logger.warn(warning);
  }
  try {
    await run(configuration, logger);
  } catch (error) {
    logger.error({ err: error }, 'the CA process could not start');
    fail(error);
  }
}

function fail(error: unknown): void {
  process.stderr.write(`chancery: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(isChanceryError(error) && error.code === 'configuration' ? configurationExit : 1);
}

async function run(configuration: Configuration, logger: Logger): Promise<void> {
  const failpoint = failpointOf(process.env);
  const composition = await compose(configuration, logger, {
    node: nodeName(configuration.nodeFolder),
    failpoint,
  });
  const { authority } = composition;
  const acme = await composeAcme(composition, configuration, failpoint);
  await authority.start();
  await warnOfOtherUrls(composition, configuration, logger);
  const stopping = new AbortController();
  const keys = bindUntilDone(composition, logger, stopping.signal);
  // A token that is away does not keep CRLs and status from being served.
  await Promise.race([keys, wait(3000, stopping.signal)]);
  const metrics = createMetrics('ca');
  crlMetrics(metrics, () => authority.crlFreshness());
  keyMetrics(metrics, () => authority.keyWarnings());
  const { root, issuing } = composition.tokens;
  tokenMetrics(metrics, () => [root.metrics(), issuing.metrics()]);
  const servers = await startHttpServers({
    authority,
    acme,
    configuration,
    logger,
    metrics,
    clock: systemClock,
    obtainServerCertificate: async (csr: Uint8Array) => authority.issueServerCertificate(csr),
    serverCertificateInstalled: async (certificate) =>
      authority.serverCertificateInstalled(certificate),
  });
  const schedule = [
    repeat(tickMilliseconds, stopping.signal, async () => authority.tick()),
    repeat(leaseMilliseconds, stopping.signal, async () => authority.keepLeases()),
    repeat(
      tickMilliseconds,
      stopping.signal,
      loggedOnce(logger, 'the schedule of ACME', async () => acme.tick()),
    ),
    repeat(
      leaseMilliseconds,
      stopping.signal,
      loggedOnce(logger, "keeping the signers at the inventory's keys", async () =>
        authority.keepKeys(),
      ),
    ),
    repeat(readinessMilliseconds, stopping.signal, async () => authority.checkReadiness()),
    workOnJobs(
      stopping.signal,
      loggedOnce(logger, 'acts on many certificates', async () => authority.continueBulkJobs()),
    ),
  ];
  logger.info({ data: configuration.dataFolder }, 'the CA process serves');

  const stop = async (signal: string, exitCode: number): Promise<void> => {
    if (stopping.signal.aborted) {
      return;
    }
    logger.info({ signal }, 'stopping: finishing what runs');
    stopping.abort();
    // Attempts at challenges end with their deadline; what comes after them is taken over later.
    await Promise.all([servers.close(), acme.drain()]);
    await Promise.allSettled([...schedule, keys]);
    await composition.close();
    logger.info('stopped');
    process.exit(exitCode);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      stop(signal, 0).catch((error: unknown) => fail(error));
    });
  }
  // A defect: what runs is finished as far as it can be, then the supervisor starts us again.
  process.on('unhandledRejection', (reason) => {
    logger.fatal({ err: reason }, 'unhandled rejection');
    stop('unhandledRejection', 1).catch((error: unknown) => fail(error));
  });
}

/** Binds the inventory's keys in the tokens; tries again until the token is there. */
async function bindUntilDone(
  composition: Composition,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await composition.bindKeys();
      await composition.authority.recordSelfTestKeys();
      return;
    } catch (error) {
      logger.error(
        { alarm: true, err: error },
        'the keys of the inventory could not be bound in their tokens; tried again',
      );
      await wait(2000, signal);
    }
  }
}

/** Certificates keep the URLs of their day: other settings now mean that old ones point elsewhere. */
async function warnOfOtherUrls(
  { dependencies }: Composition,
  configuration: Configuration,
  logger: Logger,
): Promise<void> {
  const issuers = await dependencies.unitOfWork.read(async (transaction) =>
    transaction.issuers.list(dependencies.tenant),
  );
  for (const { name, urls } of issuers) {
    if (urls.ocsp !== configuration.urls.ocsp || !urls.crl.startsWith(configuration.urls.http)) {
      logger.warn(
        { issuer: name, kept: urls, configured: configuration.urls },
        'certificates of this issuer point to other URLs than the configuration now says',
      );
    }
  }
}

async function repeat(
  milliseconds: number,
  signal: AbortSignal,
  work: () => Promise<unknown>,
): Promise<void> {
  while (!signal.aborted) {
    await work();
    await wait(milliseconds, signal);
  }
}

/**
 * Acts on many certificates, batch by batch. After each it pauses for as long as the batch took, so
 * that issuance and status have half of the database to themselves.
 */
async function workOnJobs(
  signal: AbortSignal,
  batch: () => Promise<boolean | undefined>,
): Promise<void> {
  while (!signal.aborted) {
    const started = performance.now();
    const more = await batch();
    await wait(more === true ? performance.now() - started : tickMilliseconds, signal);
  }
}

/** Work of a schedule that may fail for a while (a database that is away): said once, tried again. */
function loggedOnce<T>(
  logger: Logger,
  what: string,
  work: () => Promise<T>,
): () => Promise<T | undefined> {
  let failing = false;
  return async () => {
    try {
      const result = await work();
      failing = false;
      return result;
    } catch (error) {
      if (!failing) {
        logger.error({ err: error }, `${what} failed; it is tried again`);
      }
      failing = true;
      return undefined;
    }
  };
}

async function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
  });
}

/**
 * For crash tests only, and off unless the variable is set: when the file that
 * `CHANCERY_FAILPOINT_FILE` names holds the name of the step that is reached
 * (`issue.3-after-signature`), the file is deleted and the process killed there. Deleted first: the
 * process that is started again goes on.
 */
function failpointOf(env: Readonly<Record<string, string | undefined>>): (name: string) => void {
  const file = env['CHANCERY_FAILPOINT_FILE'];
  if (file === undefined) {
    return () => undefined;
  }
  return (name) => {
    if (existsSync(file) && readFileSync(file, 'utf8').trim() === name) {
      rmSync(file);
      process.kill(process.pid, 'SIGKILL');
    }
  };
}
