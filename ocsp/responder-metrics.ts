import { createServer, type Server } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, createMetrics, Gauge, Histogram, type Registry } from '../src/telemetry/index.ts';

/** Plain numbers that the hot path adds to; the registry reads them when it is scraped. */
export interface ResponderCounts {
  /** Answers by what they were: `memory`, `signed`, `notModified`, or an OCSP error status. */
  readonly answers: Map<string, number>;
  signatures: number;
  /** Answers that went the shortest way; they are of the kind `memory`. */
  fromMemory: number;
}

export function createCounts(): ResponderCounts {
  return { answers: new Map(), signatures: 0, fromMemory: 0 };
}

export function countAnswer(counts: ResponderCounts, kind: string): void {
  counts.answers.set(kind, (counts.answers.get(kind) ?? 0) + 1);
}

/** What is read at each scrape. */
export interface ResponderGauges {
  readonly cached: () => number;
  readonly waiting: () => number;
  /** Answers that wait to be signed ahead. */
  readonly waitingAhead: () => number;
  /** Milliseconds since the change feed was last read. */
  readonly feedAge: () => number;
  readonly ready: () => boolean;
  /** notAfter of the delegate in use, by issuer's name, in milliseconds since 1970. */
  readonly delegates: () => ReadonlyMap<string, number>;
  /** Absent when no foreign CA is configured. */
  readonly foreignCrls?: (() => ReadonlyMap<string, number>) | undefined;
}

/** From a change's commit to the moment at which its outcome is answered. */
export interface ChangeTimes {
  /** @param committed monotonic milliseconds of the commit; undefined: not known, not counted */
  observe(stage: 'evicted' | 'signed', committed: number | undefined): void;
}

export function createChangeTimes(registry: Registry): ChangeTimes {
  const histogram = new Histogram({
    name: 'chancery_ocsp_commit_to_answer_seconds',
    help: 'Time from the commit of a status change until no former answer is given any more (evicted), and until the new answer is signed where the former was asked for (signed)',
    labelNames: ['stage'],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 5, 10, 60],
    registers: [registry],
  });
  return {
    observe: (stage, committed) => {
      if (committed !== undefined) {
        histogram.observe({ stage }, Math.max(0, performance.now() - committed) / 1000);
      }
    },
  };
}

export function createRegistry(counts: ResponderCounts, gauges: ResponderGauges): Registry {
  const registry = createMetrics('ocsp');
  const registers = [registry];
  /** @param aggregator what several processes show together */
  const gauge = (
    name: string,
    help: string,
    value: () => number,
    aggregator: 'sum' | 'min' | 'max' = 'sum',
  ): void => {
    new Gauge({
      name,
      help,
      registers,
      aggregator,
      collect() {
        this.set(value());
      },
    });
  };
  new Counter({
    name: 'chancery_ocsp_answers_total',
    help: 'Answers by kind: memory, signed, notModified, or an OCSP error status',
    labelNames: ['kind'],
    registers,
    collect() {
      this.reset();
      for (const [kind, count] of counts.answers) {
        this.inc({ kind }, count);
      }
      this.inc({ kind: 'memory' }, counts.fromMemory);
    },
  });
  new Counter({
    name: 'chancery_ocsp_signatures_total',
    help: 'Responses signed',
    registers,
    collect() {
      this.reset();
      this.inc(counts.signatures);
    },
  });
  gauge('chancery_ocsp_cached_answers', 'Answers in memory', gauges.cached);
  gauge(
    'chancery_ocsp_waiting',
    'Requests that wait for the database or the token',
    gauges.waiting,
  );
  gauge(
    'chancery_ocsp_waiting_ahead',
    'Answers to be signed before they are asked for',
    gauges.waitingAhead,
  );
  gauge(
    'chancery_ocsp_feed_age_seconds',
    'Age of what is known of status changes',
    () => gauges.feedAge() / 1000,
    'max',
  );
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  gauge(
    'chancery_ocsp_event_loop_delay_p999_seconds',
    'Delay of the event loop that one turn in a thousand exceeds, since the last scrape',
    () => {
      const seconds = delay.percentile(99.9) / 1e9;
      delay.reset();
      return seconds;
    },
    'max',
  );
  gauge('chancery_ocsp_ready', '1 when /readyz answers 200', () => (gauges.ready() ? 1 : 0), 'min');
  new Gauge({
    name: 'chancery_ocsp_delegate_not_after_seconds',
    help: 'notAfter of the OCSP signing certificate in use that ends first; 0: one is missing',
    labelNames: ['issuer'],
    registers,
    aggregator: 'min',
    collect() {
      this.reset();
      for (const [issuer, notAfter] of gauges.delegates()) {
        this.set({ issuer }, notAfter / 1000);
      }
    },
  });
  const { foreignCrls } = gauges;
  if (foreignCrls !== undefined) {
    new Gauge({
      name: 'chancery_ocsp_foreign_crl_next_update_seconds',
      help: "Earliest nextUpdate of a foreign CA's CRLs, in seconds since 1970; 0 while one is missing",
      labelNames: ['issuer'],
      // Of several processes, the one that is behind.
      aggregator: 'min',
      registers,
      collect() {
        this.reset();
        for (const [issuer, end] of foreignCrls()) {
          this.set({ issuer }, end / 1000);
        }
      },
    });
  }
  return registry;
}

/** GET /metrics on a listener of its own, off the port that relying parties reach. */
export function createMetricsServer(registry: Registry): Server {
  return createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end('GET /metrics\n');
      return;
    }
    registry
      .metrics()
      .then((text) => {
        response.writeHead(200, { 'Content-Type': registry.contentType }).end(text);
      })
      .catch(() => {
        response.writeHead(500).end();
      });
  });
}
