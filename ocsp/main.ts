/** Composition root of the OCSP responder: configuration, its own token, its own database role. */
import { setTimeout as delay } from 'node:timers/promises';
import { loadResponderConfiguration, type ResponderConfiguration } from '../src/config/index.ts';
import { type Clock, isChanceryError } from '../src/domain/index.ts';
import { findSofthsmModule, openToken, type Token } from '../src/hsm/index.ts';
import { openStatusStorage, type StatusStorage } from '../src/storage/index.ts';
import { createLogger, type Logger } from '../src/telemetry/index.ts';
import type { Log } from './ports.ts';
import { readRequesters } from './requesters.ts';
import { type Responder, startResponder } from './responder.ts';

/** EX_CONFIG of sysexits: starting again would not help. */
const configurationExitCode = 78;

/** Milliseconds that a statement may take; an answer does not wait longer for its status. */
const statementTimeout = 2000;

const clock: Clock = { now: () => new Date() };

async function main(): Promise<void> {
  const configuration = loadResponderConfiguration(process.env);
  const logger = createLogger({ level: configuration.logLevel, process: 'ocsp' });
  const log: Log = (level, message, fields) => {
    logger[level](fields ?? {}, message);
  };
  for (const warning of configuration.warnings) {
    log('warn', warning);
  }
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      stop.abort();
    });
  }
  const parts: Parts = {};
  try {
    const storage = await untilOpen(configuration, log, stop.signal);
    parts.storage = storage;
    const token = open(configuration, log);
    parts.token = token;
    parts.responder = await start(configuration, token, storage, log);
    log('info', 'answering OCSP', { ports: parts.responder.ports });
    await aborted(stop.signal);
    log('info', 'stopping');
  } catch (error) {
    if (!stop.signal.aborted) {
      throw error;
    }
  } finally {
    await shutDown(parts, logger);
  }
}

/** What is open, to be closed in the other order. */
interface Parts {
  token?: Token;
  storage?: StatusStorage;
  responder?: Responder;
}

function open(configuration: ResponderConfiguration, log: Log): Token {
  const { token } = configuration;
  return openToken({
    role: 'responder',
    module: token.module ?? findSofthsmModule(),
    label: token.label,
    serialNumber: token.serialNumber,
    pinFile: token.pinFile,
    environment: token.environment,
    sessions: token.sessions,
    queueLimit: token.queueLimit,
    defaultDeadline: token.deadlineMilliseconds,
    clock,
    log,
  });
}

/** A database that is away is waited for; a wrong role or schema is an error of configuration. */
async function untilOpen(
  configuration: ResponderConfiguration,
  log: Log,
  stop: AbortSignal,
): Promise<StatusStorage> {
  const { database } = configuration;
  for (;;) {
    try {
      return await openStatusStorage({
        url: database.url,
        schema: database.schema,
        poolSize: database.poolSize,
        statementTimeout: Math.min(statementTimeout, database.statementTimeoutMilliseconds),
        log: (message) => {
          log('warn', message);
        },
      });
    } catch (error) {
      if (!isChanceryError(error) || error.code === 'configuration') {
        throw error;
      }
      log('warn', 'the database does not answer yet', { error });
      await delay(1000, undefined, { signal: stop });
    }
  }
}

async function start(
  configuration: ResponderConfiguration,
  token: Token,
  storage: StatusStorage,
  log: Log,
): Promise<Responder> {
  return startResponder({
    listen: configuration.listen.map((host) => ({ host, port: configuration.ocspPort })),
    metricsListen: configuration.metricsListen,
    folder: configuration.folder,
    source: storage.source,
    token,
    enrolment: {
      authorityUrl: configuration.authorityUrl,
      keyFile: configuration.keyFile,
      certificateFile: configuration.certificateFile,
      trustFile: configuration.trustFile,
    },
    clock,
    log,
    validitySeconds: configuration.ocspLifetimeSeconds,
    requestTimeoutMilliseconds: configuration.requestTimeoutMilliseconds,
    drainTimeoutMilliseconds: configuration.drainTimeoutMilliseconds,
    signDeadline: configuration.token.deadlineMilliseconds,
    delegateKeys: configuration.delegateKeys,
    responderId: configuration.responderId,
    requesters:
      configuration.requesterFiles && (await readRequesters(configuration.requesterFiles)),
  });
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) {
    await new Promise((resolve) => {
      signal.addEventListener('abort', resolve, { once: true });
    });
  }
}

async function shutDown(parts: Parts, logger: Logger): Promise<void> {
  await parts.responder?.close();
  await parts.token?.close();
  await parts.storage?.close();
  logger.flush();
}

try {
  await main();
} catch (error) {
  const configurationError = isChanceryError(error) && error.code === 'configuration';
  const text = error instanceof Error ? (configurationError ? error.message : error.stack) : error;
  process.stderr.write(`${String(text)}\n`);
  process.exitCode = configurationError ? configurationExitCode : 1;
}
