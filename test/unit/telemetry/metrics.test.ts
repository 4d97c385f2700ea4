import { describe, expect, it } from 'vitest';
import { createMetrics, httpMetrics } from '../../../src/telemetry/index.ts';

describe('createMetrics', () => {
  it('gives each server a registry of its own', async () => {
    const [first, second] = [createMetrics('ca'), createMetrics('ocsp')];
    httpMetrics(first).observe('/api/v1/certificates', 'POST', 201, 0.003);
    httpMetrics(second);
    const text = await first.metrics();
    expect(text).toContain(
      'chancery_http_request_duration_seconds_count{process="ca",route="/api/v1/certificates",method="POST",status="201"} 1',
    );
    expect(text).toContain('chancery_nodejs_eventloop_lag_seconds');
    expect(await second.metrics()).not.toContain('/api/v1/certificates');
  });
});
