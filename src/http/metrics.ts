import type { Response, Router } from 'express';
import express from 'express';
import type { Authority } from '../authority/index.ts';
import type { Registry } from '../telemetry/index.ts';
import { refuseMethod } from './application.ts';
import { gate, labelled } from './gate.ts';

/** /metrics behind `metrics:read`. */
export function metricsRouter(authority: Authority, metrics: Registry): Router {
  const router = express.Router({ caseSensitive: true, strict: true });
  const row = { method: 'GET', path: '/metrics', access: 'metrics:read' } as const;
  router.get('/metrics', labelled('/metrics'), gate(row, authority), async (_request, response) => {
    await sendMetrics(response, metrics);
  });
  router.all('/metrics', refuseMethod(['GET', 'HEAD']));
  return router;
}

/** /metrics without authentication, for a listener of its own that the operator chose. */
export function openMetricsRouter(metrics: Registry): Router {
  const router = express.Router({ caseSensitive: true, strict: true });
  router.get('/metrics', labelled('/metrics'), async (_request, response) => {
    await sendMetrics(response, metrics);
  });
  router.all('/metrics', refuseMethod(['GET', 'HEAD']));
  return router;
}

async function sendMetrics(response: Response, metrics: Registry): Promise<void> {
  const text = await metrics.metrics();
  response.set({ 'content-type': metrics.contentType, 'cache-control': 'no-store' }).end(text);
}
