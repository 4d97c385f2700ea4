/** Logs without secrets and metrics in registries of their own. */

export { crlMetrics } from './crl-metrics.ts';
export { keyMetrics } from './key-metrics.ts';
export type { Logger, LoggerOptions } from './logger.ts';
export { createLogger } from './logger.ts';
export type { HttpMetrics, Registry, RegistryContentType } from './metrics.ts';
export {
  AggregatorRegistry,
  Counter,
  createMetrics,
  Gauge,
  Histogram,
  httpMetrics,
} from './metrics.ts';
export { redactText } from './redaction.ts';
export { tokenMetrics } from './token-metrics.ts';
