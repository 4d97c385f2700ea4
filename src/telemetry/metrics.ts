import {
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  Registry,
  type RegistryContentType,
} from 'prom-client';

export type { Registry, RegistryContentType };
export { AggregatorRegistry, Counter, Gauge, Histogram };

/**
 * A registry of its own (nothing global, so that two servers in one process don't collide) with
 * the runtime's metrics: event loop delay, heap, open handles.
 *
 * @param process `ca` or `ocsp`, the label of every metric
 */
export function createMetrics(process: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ process });
  collectDefaultMetrics({ register: registry, prefix: 'chancery_' });
  return registry;
}

/** Metrics of HTTP requests, by route as it is declared and never by path: paths are unbounded. */
export interface HttpMetrics {
  observe(route: string, method: string, status: number, seconds: number): void;
}

/** Adds the HTTP metrics to a registry. */
export function httpMetrics(registry: Registry): HttpMetrics {
  const duration = new Histogram({
    name: 'chancery_http_request_duration_seconds',
    help: 'Time from the request line to the last octet of the answer',
    labelNames: ['route', 'method', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  return {
    observe: (route, method, status, seconds) =>
      duration.observe({ route, method, status: String(status) }, seconds),
  };
}
