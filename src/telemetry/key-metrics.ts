import { Gauge, type Registry } from './metrics.ts';

/** What someone should do about a key, as the authority tells it. */
interface Warning {
  readonly kind: string;
}

/** Counts the present warnings about keys, by kind; read from memory when metrics are asked for. */
export function keyMetrics(registry: Registry, warnings: () => readonly Warning[]): void {
  new Gauge({
    name: 'chancery_key_warnings',
    help: 'Keys that someone should do something about, by kind of warning: raise an alarm above 0; `chancery key list` says what',
    labelNames: ['kind'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { kind } of warnings()) this.inc({ kind });
    },
  });
}
