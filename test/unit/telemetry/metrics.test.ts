import { describe, expect, it } from 'vitest';
import { createMetrics, httpMetrics, tokenMetrics } from '../../../src/telemetry/index.ts';

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

describe('tokenMetrics', () => {
  it('tells which of two tokens signs, and whether each could', async () => {
    const registry = createMetrics('ca');
    const figures = { role: 'issuing', waiting: 0, blockedKeys: 1 };
    tokenMetrics(registry, () => [
      { ...figures, state: 'failed', standby: { ...figures, state: 'ready', serving: true } },
      { ...figures, role: 'root', state: 'idle' },
    ]);
    const text = await registry.metrics();
    const value = (name: string, token: string, place: string) =>
      new RegExp(`^chancery_token_${name}{token="${token}",place="${place}".*} (.*)$`, 'm').exec(
        text,
      )?.[1];
    expect(value('serving', 'issuing', 'first')).toBe('0');
    expect(value('serving', 'issuing', 'standby')).toBe('1');
    expect(value('ready', 'issuing', 'first')).toBe('0');
    expect(value('ready', 'root', 'first')).toBe('1');
    expect(value('serving', 'root', 'standby')).toBeUndefined();
    expect(value('blocked_keys', 'issuing', 'standby')).toBe('1');
  });
});
