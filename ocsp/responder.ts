import { randomBytes } from 'node:crypto';
import type { Server } from 'node:http';
import { join } from 'node:path';
import type { Clock } from '../src/domain/index.ts';
import type { Signer } from '../src/issuance/ports.ts';
import type { KeyToken } from '../src/keys/ports.ts';
import type { Certificate, KeyAlgorithmName } from '../src/pkix/index.ts';
import type { Registry } from '../src/telemetry/index.ts';
import { AskedBefore } from './asked-before.ts';
import { runInBackground } from './background.ts';
import { CacheSource } from './cache-source.ts';
import { canonicalRequest } from './canonical-request.ts';
import { ChangeLedger } from './change-ledger.ts';
import { ClientCertificate, type EnrolmentOptions } from './client-certificate.ts';
import { DelegateEnrolment } from './delegate-enrolment.ts';
import { DelegateStore } from './delegate-store.ts';
import { Delegates } from './delegates.ts';
import { OcspExchange } from './exchange.ts';
import { FormerKeys } from './former-keys.ts';
import { createOcspServer, drain, type ListenAddress, listen } from './http-server.ts';
import { IssuerDirectory, type KnownIssuer } from './issuers.ts';
import { KeyStandings } from './key-standings.ts';
import { KeyUpkeep } from './key-upkeep.ts';
import { LiveSource } from './live-source.ts';
import { MemoryPath } from './memory-path.ts';
import type { ForeignSigners, Log, StatusRecord, StatusSource } from './ports.ts';
import { BoundedQueue } from './queue.ts';
import { Readiness, type ReadinessState } from './readiness.ts';
import { Renewals } from './renewals.ts';
import { RequestReader } from './request-filter.ts';
import { Requesters } from './requesters.ts';
import {
  createChangeTimes,
  createCounts,
  createMetricsServer,
  createRegistry,
} from './responder-metrics.ts';
import { ResponseCache } from './response-cache.ts';
import { StatusFeed } from './status-feed.ts';
import { StatusLookup } from './status-lookup.ts';

/** Everything that the responder needs, as plain values and ports. */
export interface ResponderOptions {
  readonly listen: readonly ListenAddress[];
  readonly metricsListen?: ListenAddress | undefined;
  /** The responder's own folder: delegates are kept in `delegates/` below it. */
  readonly folder: string;
  readonly source: StatusSource;
  /** Signs for the foreign CAs in the source. */
  readonly foreign?: ForeignSigners | undefined;
  readonly token: Signer & KeyToken;
  readonly enrolment: EnrolmentOptions;
  readonly clock: Clock;
  readonly log: Log;
  /** nextUpdate minus thisUpdate. */
  readonly validitySeconds: number;
  readonly requestTimeoutMilliseconds: number;
  readonly drainTimeoutMilliseconds: number;
  /** Milliseconds that one signature may take. */
  readonly signDeadline: number;
  /** Kinds of delegate keys, the default first (RFC 6960 §4.4.7). */
  readonly delegateKeys: readonly KeyAlgorithmName[];
  readonly responderId: 'key' | 'name';
  /** Certificates of requesters and of their CAs; when given, only they are answered. */
  readonly requesters?: readonly Certificate[] | undefined;
  /** The rest has defaults that deployments have no reason to change; tests do. */
  readonly maxAgeSeconds?: number | undefined;
  readonly cacheLimit?: number | undefined;
  /**
   * False in all but one of several processes over one folder: that one asks for certificates and
   * writes down what is asked for. Default true.
   */
  readonly enrols?: boolean | undefined;
  /** Why other processes of this responder are not ready, one sentence each. */
  readonly othersNotReady?: (() => readonly string[]) | undefined;
  readonly queueLimit?: number | undefined;
  /** Signatures a second that nobody waits for: renewals, and what is signed ahead. */
  readonly aheadPerSecond?: number | undefined;
  /** Certificates whose answers are signed at start because they were asked for before. */
  readonly askedBeforeLimit?: number | undefined;
  readonly timing?: Partial<ResponderTiming> | undefined;
}

/** Milliseconds. */
export interface ResponderTiming {
  readonly feedInterval: number;
  /** Since the start of the last successful poll of the change feed. */
  readonly cutOff: number;
  readonly statusDeadline: number;
  readonly issuersInterval: number;
  readonly delegatesInterval: number;
  readonly readinessInterval: number;
  readonly clientCertificateInterval: number;
  /** Between two reports of keys to the CA. */
  readonly keyReportInterval: number;
}

const defaultTiming: ResponderTiming = {
  feedInterval: 250,
  cutOff: 1500,
  statusDeadline: 1000,
  issuersInterval: 1000,
  delegatesInterval: 250,
  readinessInterval: 5000,
  clientCertificateInterval: 60_000,
  keyReportInterval: 60_000,
};

export interface Responder {
  readonly registry: Registry;
  /** Ports in the order of `listen`. */
  readonly ports: readonly number[];
  readonly metricsPort: number | undefined;
  readiness(): ReadinessState;
  /** Stops accepting, lets running requests finish, ends the background work. */
  close(): Promise<void>;
}

/** Starts the responder: listens at once and answers tryLater until it can do better. */
export async function startResponder(options: ResponderOptions): Promise<Responder> {
  const core = createCore(options);
  const servers: Server[] = [];
  const ports: number[] = [];
  let metricsPort: number | undefined;
  try {
    for (const address of options.listen) {
      // One port number on all addresses, also when the first one was free to choose.
      const port = address.port === 0 ? (ports[0] ?? 0) : address.port;
      const server = createOcspServer(
        core.exchange,
        core.readiness,
        options.requestTimeoutMilliseconds,
      );
      servers.push(server);
      ports.push(await listen(server, { host: address.host, port }));
    }
    if (options.metricsListen !== undefined) {
      const server = createMetricsServer(core.registry);
      servers.push(server);
      metricsPort = await listen(server, options.metricsListen);
    }
  } catch (error) {
    await Promise.all(servers.map(async (server) => drain(server, 0)));
    throw error;
  }
  const stop = runInBackground(core, options);
  return {
    ports,
    metricsPort,
    registry: core.registry,
    readiness: () => core.readiness.own,
    close: async () => {
      core.readiness.drain();
      await Promise.all(
        servers.map(async (server) => drain(server, options.drainTimeoutMilliseconds)),
      );
      await stop();
    },
  };
}

/** The parts of a responder. */
export type Core = ReturnType<typeof createCore>;

/** Wires filter(cache(queue(live))) and what keeps it truthful. */
function createCore(options: ResponderOptions) {
  const { source, token, clock, log, validitySeconds, signDeadline } = options;
  const timing = { ...defaultTiming, ...options.timing };
  const ledger = new ChangeLedger();
  const cache = new ResponseCache(options.cacheLimit ?? 1_000_000, randomBytes(4).readUInt32LE());
  const issuers = new IssuerDirectory(log);
  const counts = createCounts();
  const lookup = new StatusLookup(source, clock, timing.statusDeadline);
  const client = new ClientCertificate(options.enrolment, clock, log);
  const forgetIssuer = (issuerId: string): void => {
    ledger.noteIssuer(issuerId);
    cache.evictIssuer(issuerId);
  };
  const { authorityUrl } = options.enrolment;
  const standings = new KeyStandings(source, clock, log);
  const former = new FormerKeys({
    ...{ folder: join(options.folder, 'former-keys'), token, standings, clock, log },
  });
  const store = new DelegateStore(join(options.folder, 'delegates'), log);
  const keyUpkeep = new KeyUpkeep({
    ...{ token, standings, former, client, authorityUrl },
    isNeeded: async (keyId) => delegates.isNeeded(keyId),
    expected: async () => [
      ...(await store.keyIds()),
      ...(await former.list()).map(({ keyId }) => keyId),
      ...((await options.foreign?.keyIds()) ?? []),
    ],
  });
  const delegates = new Delegates({
    store,
    enrolment: new DelegateEnrolment({
      token,
      client,
      authorityUrl,
      signDeadline,
      keepRequest: async (issuerId, key, pem) => store.writeRequest(issuerId, key, pem),
    }),
    ...{ standings, former },
    signatures: (keyId) => keyUpkeep.signatures(keyId),
    enrols: options.enrols,
    keyAlgorithms: options.delegateKeys,
    token,
    lookup,
    clock,
    log,
    renewable: (issuerId) => !issuers.isKeyCompromised(issuerId),
    withdrawn: forgetIssuer,
  });
  const noteStatus = (record: StatusRecord, committed?: number): void => {
    ledger.noteSerialNumber(record.issuerId, record.serialNumber);
    const evicted = cache.evict(record.issuerId, record.serialNumber);
    delegates.noteStatus(record);
    const issuer = issuers.noteStatus(record);
    if (issuer !== undefined) {
      forgetIssuer(issuer.issuerId);
    }
    changeTimes.observe('evicted', committed);
    renewals.evicted(evicted, () => {
      changeTimes.observe('signed', committed);
    });
  };
  const manyChanged = (): void => {
    ledger.noteAll();
    cache.clear();
  };
  const feed = new StatusFeed(
    source,
    {
      changed: noteStatus,
      manyChanged,
      restarted: () => {
        manyChanged();
        issuers.unjudge();
        delegates.forget();
      },
    },
    { interval: timing.feedInterval, deadline: timing.statusDeadline, cutOff: timing.cutOff },
    log,
  );
  const live = new LiveSource({
    lookup,
    issuers,
    signer: token,
    clock,
    fresh: () => feed.fresh,
    delegate: (issuerId, at, keyAlgorithm) =>
      options.foreign?.delegate(issuerId, at) ?? delegates.current(issuerId, at, keyAlgorithm),
    responderId: options.responderId,
    validitySeconds,
    signDeadline,
    statusDeadline: timing.statusDeadline,
    signed: () => {
      counts.signatures += 1;
    },
  });
  const queueLimit = options.queueLimit ?? 1000;
  const queue = new BoundedQueue(live, queueLimit);
  const cached = new CacheSource(queue, {
    cache,
    ledger,
    clock,
    log,
    random: () => Math.random(),
  });
  const allow = options.requesters;
  const reader = new RequestReader({
    issuers,
    choose: (issuerId, preferences) => delegates.choose(issuerId, clock.now(), preferences),
    requesters: allow && new Requesters({ allow, issuers, lookup, clock }),
  });
  const renewals = new Renewals({
    answers: cache.compact,
    renew: async (certID) => cached.renew(reader.readOwn(canonicalRequest(certID))),
    // Half of the queue is left to those who wait.
    able: () => feed.fresh && queue.length < queueLimit / 2,
    clock,
    log,
    perSecond: options.aheadPerSecond ?? 300,
  });
  const askedBefore = new AskedBefore(options.folder, options.askedBeforeLimit ?? 10_000);
  const maxAgeSeconds = options.maxAgeSeconds ?? 60;
  const exchange = new OcspExchange({
    memory: allow ? undefined : new MemoryPath(cache.compact, counts, maxAgeSeconds),
    source: cached,
    reader,
    counts,
    clock,
    log,
    maxAgeSeconds,
  });
  const enrolled = (): readonly KnownIssuer[] =>
    issuers.all.filter(({ issuerId }) => options.foreign?.owns(issuerId) !== true);
  const readiness = new Readiness({
    fresh: () => feed.fresh,
    token,
    delegates,
    // What is missing of a compromised issuer never comes again.
    issuers: () => enrolled().filter(({ issuerId }) => !issuers.isKeyCompromised(issuerId)),
    foreign: options.foreign,
    clock,
    others: options.othersNotReady,
  });
  const registry = createRegistry(counts, {
    cached: () => cache.size,
    waiting: () => queue.length,
    waitingAhead: () => renewals.waiting,
    feedAge: () => feed.age,
    ready: () => readiness.state.ready,
    delegates: () => delegateEnds(issuers, delegates, options.foreign, clock.now()),
    foreignCrls: options.foreign && (() => options.foreign?.crlEnds() ?? new Map()),
  });
  const changeTimes = createChangeTimes(registry);
  return {
    timing,
    enrolled,
    ledger,
    cache,
    renewals,
    askedBefore,
    issuers,
    lookup,
    client,
    keyUpkeep,
    delegates,
    noteStatus,
    forgetIssuer,
    feed,
    exchange,
    readiness,
    registry,
  };
}

function delegateEnds(
  issuers: IssuerDirectory,
  delegates: Delegates,
  foreign: ForeignSigners | undefined,
  now: Date,
): ReadonlyMap<string, number> {
  const ends = new Map<string, number>();
  for (const issuer of issuers.all) {
    const { issuerId } = issuer;
    const byHand = foreign?.delegate(issuerId, now)?.certificate.validity.notAfter.getTime();
    ends.set(issuer.name, byHand ?? delegates.earliestEnd(issuerId, now));
  }
  return ends;
}
