/**
 * Several processes behind one port (node:cluster): the one above accepts connections and hands
 * them out in turn, replaces a process that dies, and shows the metrics of all together. The first
 * one enrols; the others read what it has put into the folder.
 */
import cluster, { type Worker } from 'node:cluster';
import { createServer, type Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { ResponderConfiguration } from '../src/config/index.ts';
import { ChanceryError } from '../src/domain/index.ts';
import {
  AggregatorRegistry,
  type Logger,
  type RegistryContentType,
} from '../src/telemetry/index.ts';
import { drain, listen } from './http-server.ts';
import { runResponder } from './process.ts';

/** EX_CONFIG of sysexits: starting again would not help. */
export const configurationExitCode = 78;

/** The argument of the process that enrols. */
const enrolling = '--enrols';

/** Milliseconds between two reports of a process to the one above. */
const reportInterval = 250;

/** A process that ends sooner after its start waits so many milliseconds for its successor. */
const shortLife = 5000;
const pause = 1000;

/** What the processes and the one above tell each other: why somebody is not ready. */
interface Report {
  readonly chanceryNotReady: readonly string[];
}

function isReport(message: unknown): message is Report {
  return typeof message === 'object' && message !== null && 'chanceryNotReady' in message;
}

/** What can't be sent any more: the channel's end is heard of by itself. */
function ignore(): void {
  // Without a callback the error would be an event that ends the process.
}

/** One of several processes; ends when the one above has gone. */
export async function runWorker(
  configuration: ResponderConfiguration,
  logger: Logger,
  stop: AbortController,
): Promise<void> {
  let others: readonly string[] = [];
  process.on('message', (message: unknown) => {
    if (isReport(message)) {
      others = message.chanceryNotReady;
    }
  });
  process.once('disconnect', () => {
    stop.abort();
  });
  let timer: NodeJS.Timeout | undefined;
  const enrols = process.argv.includes(enrolling);
  await runResponder(
    configuration,
    logger,
    {
      enrols,
      othersNotReady: () => others,
      started: (responder) => {
        AggregatorRegistry.setRegistries([responder.registry]);
        // Making one has this process answer the one above.
        void new AggregatorRegistry<RegistryContentType>();
        timer = setInterval(() => {
          const chanceryNotReady = responder.readiness().reasons;
          if (process.connected) {
            process.send?.({ chanceryNotReady } satisfies Report, ignore);
          }
        }, reportInterval);
      },
    },
    stop.signal,
  );
  clearInterval(timer);
}

interface Place {
  readonly enrols: boolean;
  worker: Worker;
  startedAt: number;
  notReady: readonly string[];
}

/** The process above: no request passes its JavaScript. Ends when all have ended after `stop`. */
export async function superviseWorkers(
  configuration: ResponderConfiguration,
  logger: Logger,
  stop: AbortSignal,
): Promise<void> {
  const places: Place[] = [];
  // Made in the process above before any worker, so that it hears their answers.
  const aggregator = new AggregatorRegistry<RegistryContentType>();
  const fork = (enrols: boolean): Worker => {
    cluster.setupPrimary({ args: enrols ? [enrolling] : [] });
    const worker = cluster.fork();
    // A connection that is handed to one that has just died; its end is told by `exit`.
    worker.on('error', (error) => {
      logger.warn({ err: error }, 'a process of the responder could not be reached');
    });
    return worker;
  };
  let failed: ChanceryError | undefined;
  const stopping = new AbortController();
  stop.addEventListener('abort', () => {
    stopping.abort();
  });
  const tell = (): void => {
    for (const place of places) {
      const others = places.filter((other) => other !== place).flatMap((other) => other.notReady);
      if (place.worker.isConnected()) {
        place.worker.send({ chanceryNotReady: others } satisfies Report, ignore);
      }
    }
  };
  const keep = async (place: Place): Promise<void> => {
    for (;;) {
      place.worker.on('message', (message: unknown) => {
        if (isReport(message)) {
          place.notReady = message.chanceryNotReady;
        }
      });
      const code = await new Promise<number | null>((done) => {
        place.worker.once('exit', (exitCode: number | null) => {
          done(exitCode);
        });
      });
      place.notReady = ['a process of the responder has ended; its successor is starting'];
      tell();
      if (stopping.signal.aborted) {
        return;
      }
      if (code === configurationExitCode) {
        failed = new ChanceryError('configuration', {
          message: 'a process of the responder can not start with this configuration; see above',
        });
        stopping.abort();
        return;
      }
      logger.error({ code }, 'a process of the responder has ended; another one takes its place');
      if (performance.now() - place.startedAt < shortLife) {
        await delay(pause, undefined, { signal: stopping.signal }).catch(() => undefined);
        if (stopping.signal.aborted) {
          return;
        }
      }
      place.worker = fork(place.enrols);
      place.startedAt = performance.now();
    }
  };
  for (let index = 0; index < configuration.workers; index += 1) {
    places.push({
      enrols: index === 0,
      worker: fork(index === 0),
      startedAt: performance.now(),
      notReady: ['a process of the responder is starting'],
    });
  }
  stopping.signal.addEventListener('abort', () => {
    for (const { worker } of places) {
      worker.process.kill('SIGTERM');
    }
  });
  const timer = setInterval(tell, reportInterval);
  const kept = Promise.all(places.map(async (place) => keep(place)));
  try {
    const metrics = await serveMetrics(configuration, aggregator, stopping);
    await kept;
    if (metrics !== undefined) {
      await drain(metrics, 0);
    }
  } finally {
    await kept;
    clearInterval(timer);
  }
  if (failed !== undefined) {
    throw failed;
  }
}

/** The metrics of all processes: numbers are added, of what can not be added the worst is shown. */
async function serveMetrics(
  { metricsListen }: ResponderConfiguration,
  aggregator: AggregatorRegistry<RegistryContentType>,
  stopping: AbortController,
): Promise<Server | undefined> {
  if (metricsListen === undefined) {
    return undefined;
  }
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end('GET /metrics\n');
      return;
    }
    aggregator
      .clusterMetrics()
      .then((text: string) => {
        response.writeHead(200, { 'Content-Type': aggregator.contentType }).end(text);
      })
      .catch(() => {
        response.writeHead(500).end();
      });
  });
  try {
    await listen(server, metricsListen);
  } catch (error) {
    stopping.abort();
    throw error;
  }
  return server;
}
