import { expect, test } from 'vitest';
import { isChanceryError } from '../../src/domain/index.ts';
import { noticeKey, openTestToken, remoteToken, signRequest, signsAgain } from '../support/hsm.ts';

const device = remoteToken('device');
await device.start();
const { token } = openTestToken(device);
const key = await noticeKey(token);
await token.createSelfTestKey();

function settle(requests: readonly Promise<Uint8Array>[]): Promise<string[]> {
  return Promise.all(
    requests.map((request) =>
      request.then(
        () => 'signed',
        (error: unknown) => (isChanceryError(error) ? error.code : 'other'),
      ),
    ),
  );
}

test('T-HSM-2 the device is restarted under an idle process: the first act works, by C_Finalize and a new login', async () => {
  const { pid, starts } = token.metrics();
  device.signal('SIGKILL');
  await device.start();
  expect((await token.sign(signRequest(key))).length).toBeGreaterThan(60);
  expect(token.metrics()).toMatchObject({ pid, starts });
});

test('T-HSM-3 the device is killed during 200 signatures and comes back: clear errors, then service', async () => {
  const requests = Array.from({ length: 200 }, (_, i) =>
    token.sign(signRequest(key, `notice ${i}`)),
  );
  await Promise.race(requests);
  device.signal('SIGKILL');
  const outcomes = new Set(await settle(requests));
  expect(
    [...outcomes].every((o) => ['signed', 'outcomeUnknown', 'tokenUnavailable'].includes(o)),
  ).toBe(true);
  await expect
    .poll(() => token.health().state !== 'ready', { timeout: 5000, interval: 20 })
    .toBe(true);
  await expect(token.sign(signRequest(key))).rejects.toMatchObject({ code: 'tokenUnavailable' });
  await device.start();
  expect(await signsAgain(token, key)).toBeLessThan(30_000);
  await token.selfTest();
});

test('T-HSM-4 the device stops answering and goes on: deadlines hold, then service', async () => {
  device.signal('SIGSTOP');
  const start = performance.now();
  const outcomes = await settle(
    Array.from({ length: 40 }, () => token.sign(signRequest(key, 'stopped', 1000))),
  );
  expect(performance.now() - start).toBeLessThan(3000);
  expect(outcomes).not.toContain('signed');
  // Past the deadline the breaker answers at once.
  await expect
    .poll(
      async () => {
        const asked = performance.now();
        await token.sign(signRequest(key, 'fast?', 1000)).catch(() => undefined);
        return performance.now() - asked;
      },
      { timeout: 10_000, interval: 100 },
    )
    .toBeLessThan(20);
  device.signal('SIGCONT');
  expect(await signsAgain(token, key)).toBeLessThan(30_000);
});
