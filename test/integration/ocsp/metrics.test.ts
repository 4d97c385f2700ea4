import { describe, expect, it } from 'vitest';
import { ask, certIDOf, exchange, startTestResponder } from '../../support/test-responder.ts';

const made = await startTestResponder({ metricsListen: { host: '127.0.0.1', port: 0 } });

describe("the responder's metrics", () => {
  it('stand on a listener of their own, and count what was answered', async () => {
    const certID = certIDOf(made.issuing, made.issue().certificate.serialNumber);
    for (let n = 0; n < 3; n += 1) await ask(made, [certID]);
    await ask(made, [certIDOf({ ...made.issuing, certificate: made.root.certificate }, 'ff')]);
    const { metricsPort } = made.responder;
    const { status, body } = await exchange(metricsPort ?? 0, { target: '/metrics' });
    const text = body.toString();
    const value = (name: RegExp): number =>
      Number(new RegExp(`^${name.source}[^\\n]* (\\S+)$`, 'm').exec(text)?.[1]);
    expect(status).toBe(200);
    expect(value(/chancery_ocsp_answers_total\{kind="memory"/)).toBe(2);
    expect(value(/chancery_ocsp_signatures_total/)).toBe(2);
    expect(value(/chancery_ocsp_cached_answers/)).toBe(1);
    expect(value(/chancery_ocsp_ready/)).toBe(1);
    expect(value(/chancery_ocsp_feed_age_seconds/)).toBeLessThan(1.5);
    const ends = value(/chancery_ocsp_delegate_not_after_seconds\{issuer="Test Issuing"/);
    expect(ends).toBeGreaterThan(Date.now() / 1000);
    expect((await exchange(made.port, { target: '/metrics' })).body.toString('hex')).toBe(
      '30030a0101',
    );
  });
});
