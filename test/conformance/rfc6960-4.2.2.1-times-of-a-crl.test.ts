/** RFC 6960 §4.2.2.1: thisUpdate and nextUpdate where the status comes from a foreign CA's CRL. */
import { describe, expect, it, test } from 'vitest';
import { until } from '../support/quickstart-run.ts';
import { testIssuer } from '../support/test-hierarchy.ts';
import { ask, certIDOf, post, requestFor, startTestResponder } from '../support/test-responder.ts';

const made = await startTestResponder();
const { issuing, status, token } = made;
const tryLater = '30030a0103';

describe('the times of an answer are those of the CRL', () => {
  const hour = 3_600_000;
  const now = Math.floor(Date.now() / 1000) * 1000;
  const at = (offset: number): Date => new Date(now + offset);

  it('its thisUpdate, and no nextUpdate beyond its own', async () => {
    for (const [until_, expected] of [
      [at(hour / 4), hour / 4],
      [at(48 * hour), undefined],
    ] as const) {
      const { serialNumber } = made.issue().certificate;
      const validity = { thisUpdate: at(-12 * hour), nextUpdate: until_ };
      status.change(issuing, serialNumber, { validity });
      const answer = await ask(made, [certIDOf(issuing, serialNumber)]);
      const [single] = answer.basic?.responseData.responses ?? [];
      expect(single?.thisUpdate).toEqual(at(-12 * hour));
      const rest = (single?.nextUpdate?.getTime() ?? 0) - now;
      if (expected === undefined) expect(rest).toBeLessThanOrEqual(hour + 60_000);
      else expect(rest).toBe(expected);
    }
  });

  it('one answer is kept although its thisUpdate is long past', async () => {
    const { serialNumber } = made.issue().certificate;
    status.change(issuing, serialNumber, {
      validity: { thisUpdate: at(-12 * hour), nextUpdate: at(2 * hour) },
    });
    const certID = certIDOf(issuing, serialNumber);
    await ask(made, [certID]);
    const before = token.signatures;
    await ask(made, [certID]);
    expect(token.signatures).toBe(before);
  });

  it('and none once the CRL has expired: tryLater', async () => {
    const { serialNumber } = made.issue().certificate;
    status.change(issuing, serialNumber, {
      validity: { thisUpdate: at(-12 * hour), nextUpdate: at(-hour) },
    });
    const { body } = await post(made.port, requestFor([certIDOf(issuing, serialNumber)]));
    expect(body.toString('hex')).toBe(tryLater);
  });
});

test('an issuer whose own status comes with a CRL that is not here yet is looked at again', async () => {
  const below = testIssuer('Below', { parent: made.root });
  const other = await startTestResponder({
    hierarchy: { root: made.root, issuing: made.issuing },
    others: [below],
  });
  const { serialNumber } = below.certificate;
  const never = { thisUpdate: new Date(0), nextUpdate: new Date(0) };
  other.status.change(made.root, serialNumber, { validity: never });
  await other.restart();
  const certID = certIDOf(below, other.issue('CN=leaf', below).certificate.serialNumber);
  const said = async () =>
    (await ask(other, [certID])).basic?.responseData.responses[0]?.certStatus.type;
  await until('an answer', async () => (await said()) === 'good');
  other.status.changeUntold(made.root, serialNumber, {
    validity: { thisUpdate: new Date(Date.now() - 1000), nextUpdate: new Date(Date.now() + 1e7) },
    ...{ status: 'revoked', reasonCode: 'cACompromise', notGoodSince: new Date(Date.now() - 1000) },
  });
  await until('the compromise to count', async () => (await said()) === 'revoked');
});
