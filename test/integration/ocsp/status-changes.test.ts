import { describe, expect, it } from 'vitest';
import { until } from '../../support/quickstart-run.ts';
import { ask, certIDOf, startTestResponder, statusOf } from '../../support/test-responder.ts';

describe('a status change reaches the answers', async () => {
  const made = await startTestResponder();
  const { issuing, status } = made;

  it('hold, release and revoke are shown within 2 s, cached or not', async () => {
    const { certificate } = made.issue();
    const certID = certIDOf(issuing, certificate.serialNumber);
    const shows = async (expected: string): Promise<void> => {
      await until(expected, async () => statusOf(await ask(made, [certID])) === expected, 2000);
    };
    await shows('good');
    const notGoodSince = new Date();
    status.change(issuing, certificate.serialNumber, { status: 'onHold', notGoodSince });
    await shows('revoked:certificateHold');
    status.change(issuing, certificate.serialNumber, { status: 'good', notGoodSince: undefined });
    await shows('good');
    status.change(issuing, certificate.serialNumber, {
      status: 'revoked',
      reasonCode: 'keyCompromise',
      notGoodSince,
    });
    await shows('revoked:keyCompromise');
    expect(statusOf(await ask(made, [certID]))).toBe('revoked:keyCompromise');
  });
});
