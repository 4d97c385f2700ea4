import { Gauge, type Registry } from './metrics.ts';

/** The freshness of an issuer's CRLs, as the schedule saw it at its last turn. */
interface Freshness {
  readonly issuer: string;
  readonly nextUpdate: Date | undefined;
  readonly late: number;
}

/**
 * Adds the lateness of CRLs to a registry. One series an issuer, of its worst shard: shards do not
 * multiply them.
 */
export function crlMetrics(registry: Registry, freshness: () => readonly Freshness[]): void {
  new Gauge({
    name: 'chancery_crl_next_update_seconds',
    help: 'Unix time at which the first of the newest CRLs of an issuer expires',
    labelNames: ['issuer'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { issuer, nextUpdate: at } of freshness()) {
        if (at !== undefined) this.set({ issuer }, at.getTime() / 1000);
      }
    },
  });
  new Gauge({
    name: 'chancery_crl_late',
    help: 'CRLs of an issuer with less than a quarter of their life left, or none published: raise an alarm above 0',
    labelNames: ['issuer'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { issuer, late: count } of freshness()) this.set({ issuer }, count);
    },
  });
}
