import { setTimeout as delay } from 'node:timers/promises';
import type { DatabaseConfiguration, ResponderConfiguration } from '../src/config/index.ts';
import { type Clock, isChanceryError } from '../src/domain/index.ts';
import { openConfiguredToken, type Token } from '../src/hsm/index.ts';
import {
  openReplica,
  openStatusStorage,
  type ReplicaStorage,
  type StatusStorage,
} from '../src/storage/index.ts';
import { type Logger, tokenMetrics } from '../src/telemetry/index.ts';
import type { ForeignAuthorities } from './foreign/foreign-authorities.ts';
import { JoinedSource } from './foreign/joined-source.ts';
import { startForeign } from './foreign/start.ts';
import type { Log, StatusSource } from './ports.ts';
import { ReplicaLookup } from './replica-lookup.ts';
import { readRequesters } from './requesters.ts';
import { type Responder, startResponder } from './responder.ts';

/** Milliseconds that a statement may take; an answer does not wait longer for its status. */
const statementTimeout = 2000;

/** Milliseconds that a replica may take before the primary is asked instead. */
const replicaDeadline = 300;

const clock: Clock = { now: () => new Date() };

/** What makes one process of several; see `ResponderOptions`. */
export interface ProcessRole {
  readonly enrols: boolean;
  readonly othersNotReady?: (() => readonly string[]) | undefined;
  /** Called when it answers. */
  readonly started?: ((responder: Responder) => void) | undefined;
}

/** One process that answers OCSP, until `stop`: its own token, its own database role. */
export async function runResponder(
  configuration: ResponderConfiguration,
  logger: Logger,
  role: ProcessRole,
  stop: AbortSignal,
): Promise<void> {
  const log: Log = (level, message, fields) => {
    logger[level](fields ?? {}, message);
  };
  const parts: Parts = {};
  try {
    const { database } = configuration;
    if (database !== undefined) {
      parts.storage = await untilOpen(database, log, stop);
      parts.replica = replicaOf(configuration.replicaUrl, database, log);
    }
    const token = open(configuration, log);
    parts.token = token;
    parts.foreign = await startForeign(configuration.foreign, {
      ...{ alone: database === undefined, enrols: role.enrols, folder: configuration.folder },
      ...{ token, signDeadline: configuration.token.deadlineMilliseconds, clock, log },
    });
    parts.responder = await start(configuration, token, parts, role, log);
    tokenMetrics(parts.responder.registry, () => [token.metrics()]);
    role.started?.(parts.responder);
    log('info', 'answering OCSP', { ports: parts.responder.ports });
    await aborted(stop);
    log('info', 'stopping');
  } catch (error) {
    if (!stop.aborted) {
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
  replica?: ReplicaStorage | undefined;
  foreign?: ForeignAuthorities | undefined;
  responder?: Responder;
}

function open(configuration: ResponderConfiguration, log: Log): Token {
  return openConfiguredToken('responder', configuration.token, { clock, log });
}

/** A database that is away is waited for; a wrong role or schema is an error of configuration. */
async function untilOpen(
  database: DatabaseConfiguration,
  log: Log,
  stop: AbortSignal,
): Promise<StatusStorage> {
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

function replicaOf(replicaUrl: string | undefined, database: DatabaseConfiguration, log: Log) {
  return replicaUrl === undefined
    ? undefined
    : openReplica({
        url: replicaUrl,
        schema: database.schema,
        poolSize: database.poolSize,
        statementTimeout: Math.min(statementTimeout, database.statementTimeoutMilliseconds),
        log: (message) => {
          log('warn', message);
        },
      });
}

/** Where status comes from: the database, with a replica beside it where there is one, and foreign CAs' CRLs. */
function sourceOf({ storage, replica, foreign }: Parts, log: Log): StatusSource {
  if (storage === undefined) {
    if (foreign === undefined) throw new Error('there is neither a database nor a foreign CA');
    return foreign;
  }
  const database =
    replica === undefined
      ? storage.source
      : new ReplicaLookup({
          primary: storage.source,
          replica: replica.source,
          clock,
          deadline: replicaDeadline,
          log,
        });
  return foreign === undefined ? database : new JoinedSource(database, foreign);
}

async function start(
  configuration: ResponderConfiguration,
  token: Token,
  parts: Parts,
  role: ProcessRole,
  log: Log,
): Promise<Responder> {
  return startResponder({
    listen: configuration.listen.map((host) => ({ host, port: configuration.ocspPort })),
    // Of several processes the one above them shows the metrics of all.
    metricsListen: configuration.workers > 1 ? undefined : configuration.metricsListen,
    enrols: role.enrols,
    othersNotReady: role.othersNotReady,
    cacheLimit: configuration.cacheLimit,
    aheadPerSecond: configuration.signedAheadPerSecond,
    askedBeforeLimit: configuration.signedAtStart,
    folder: configuration.folder,
    source: sourceOf(parts, log),
    foreign: parts.foreign,
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
  await parts.foreign?.close();
  await parts.token?.close();
  await parts.storage?.close();
  await parts.replica?.close();
  logger.flush();
}
