import { randomBytes } from 'node:crypto';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../src/domain/index.ts';
import type { Signer } from '../src/issuance/ports.ts';
import type { KeyToken } from '../src/keys/ports.ts';
import type { Certificate, KeyAlgorithmName } from '../src/pkix/index.ts';
import { AskedBefore } from './asked-before.ts';
import { CacheSource } from './cache-source.ts';
import { canonicalRequest } from './canonical-request.ts';
import { ChangeLedger } from './change-ledger.ts';
import { ClientCertificate, type EnrolmentOptions } from './client-certificate.ts';
import { withDeadline } from './deadline.ts';
import { DelegateEnrolment } from './delegate-enrolment.ts';
import { DelegateStore } from './delegate-store.ts';
import { Delegates } from './delegates.ts';
import { OcspExchange } from './exchange.ts';
import { createOcspServer, drain, type ListenAddress, listen } from './http-server.ts';
import { IssuerDirectory } from './issuers.ts';
import { LiveSource } from './live-source.ts';
import { MemoryPath } from './memory-path.ts';
import type { Log, StatusRecord, StatusSource } from './ports.ts';
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
}

const defaultTiming: ResponderTiming = {
  feedInterval: 250,
  cutOff: 1500,
  statusDeadline: 1000,
  issuersInterval: 1000,
  delegatesInterval: 250,
  readinessInterval: 5000,
  clientCertificateInterval: 60_000,
};

/** Milliseconds after which what is asked for most is written down again. */
const askedInterval = 300_000;

/** Longer than any answer takes to make, see `ChangeLedger.forget`. */
const ledgerInterval = 120_000;

export interface Responder {
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
    readiness: () => core.readiness.state,
    close: async () => {
      core.readiness.drain();
      await Promise.all(
        servers.map(async (server) => drain(server, options.drainTimeoutMilliseconds)),
      );
      await stop();
    },
  };
}

type Core = ReturnType<typeof createCore>;

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
  const delegates = new Delegates({
    store: new DelegateStore(join(options.folder, 'delegates'), log),
    enrolment: new DelegateEnrolment({
      token,
      client,
      authorityUrl: options.enrolment.authorityUrl,
      signDeadline,
    }),
    keyAlgorithms: options.delegateKeys,
    token,
    lookup,
    clock,
    log,
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
  const feed = new StatusFeed(
    source,
    {
      changed: noteStatus,
      manyChanged: () => {
        ledger.noteAll();
        cache.clear();
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
    delegate: (issuerId, at, keyAlgorithm) => delegates.current(issuerId, at, keyAlgorithm),
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
  const readiness = new Readiness({ fresh: () => feed.fresh, token, delegates, issuers, clock });
  const registry = createRegistry(counts, {
    cached: () => cache.size,
    waiting: () => queue.length,
    waitingAhead: () => renewals.waiting,
    feedAge: () => feed.age,
    ready: () => readiness.state.ready,
    delegates: () => delegateEnds(issuers, delegates, clock.now()),
  });
  const changeTimes = createChangeTimes(registry);
  return {
    timing,
    ledger,
    cache,
    renewals,
    askedBefore,
    issuers,
    lookup,
    client,
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
  now: Date,
): ReadonlyMap<string, number> {
  const ends = new Map<string, number>();
  for (const issuer of issuers.all) {
    const delegate = delegates.current(issuer.issuerId, now);
    ends.set(issuer.name, delegate?.certificate.validity.notAfter.getTime() ?? 0);
  }
  return ends;
}

/** Starts the loops; the answer ends them. */
function runInBackground(core: Core, options: ResponderOptions): () => Promise<void> {
  const { timing, feed, issuers, delegates, readiness, client, ledger } = core;
  const { log } = options;
  const stopping = new AbortController();
  const every = async (milliseconds: () => number, work: () => Promise<void>): Promise<void> => {
    while (!stopping.signal.aborted) {
      await work().catch((error: unknown) => {
        log('error', 'background work failed', { error });
      });
      await delay(milliseconds(), undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  feed.start();
  core.renewals.start();
  let asked: readonly Uint8Array[] | undefined;
  /** Not before the former list was taken up: a start that fails must not lose it. */
  const writeAsked = async (): Promise<void> => {
    if (asked !== undefined) {
      await core.askedBefore.write(core.cache.compact).catch((error: unknown) => {
        log('warn', 'what is asked for most can not be written down', { error });
      });
    }
  };
  const loops = [
    every(() => askedInterval, writeAsked),
    every(
      () => timing.issuersInterval,
      async () => refreshIssuers(core, options),
    ),
    every(
      () => timing.delegatesInterval,
      async () => {
        // Not awaited: a slow enrolment for one issuer must not hold up the others.
        void delegates.maintain(issuers.all);
        await Promise.resolve();
      },
    ),
    every(
      () => (readiness.state.ready ? timing.readinessInterval : timing.readinessInterval / 10),
      async () => {
        await readiness.check();
        if (readiness.state.ready && asked === undefined) {
          asked = await core.askedBefore.read();
          core.renewals.ahead(asked);
        }
      },
    ),
    every(
      () => timing.clientCertificateInterval,
      async () => {
        await client.renewWhenDue().catch((error: unknown) => {
          log('warn', "the responder's client certificate can't be renewed yet", { error });
        });
      },
    ),
    every(
      () => ledgerInterval,
      async () => {
        ledger.forget();
        await Promise.resolve();
      },
    ),
  ];
  return async () => {
    stopping.abort();
    core.renewals.stop();
    await feed.stop();
    await Promise.all(loops);
    await writeAsked();
  };
}

/** Picks up new issuers, and whether their own certificates are compromised. */
async function refreshIssuers(core: Core, options: ResponderOptions): Promise<void> {
  const { issuers, lookup, noteStatus, forgetIssuer } = core;
  let rows: Awaited<ReturnType<StatusSource['issuers']>>;
  try {
    rows = await withDeadline(
      options.source.issuers(),
      core.timing.statusDeadline,
      'the view of issuers',
    );
  } catch (error) {
    options.log('warn', 'the issuers cannot be read', { error });
    return;
  }
  const before = issuers.all;
  for (const issuer of issuers.replace(rows)) {
    forgetIssuer(issuer.issuerId);
  }
  for (const { issuerId } of before) {
    if (issuers.byId(issuerId) === undefined) {
      forgetIssuer(issuerId);
    }
  }
  for (const issuer of issuers.unjudged) {
    const { certifiedBy, certificate } = issuer;
    const { records } = await lookup.lookup(certifiedBy, [certificate.serialNumber]);
    for (const record of records.values()) {
      noteStatus(record);
    }
    issuers.judged(issuer.issuerId);
    options.log('info', 'serving an issuer', { issuer: issuer.name, issuerId: issuer.issuerId });
  }
}
