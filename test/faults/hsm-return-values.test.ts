import { describe, expect, test } from 'vitest';
import { classifyReturnValue } from '../../src/hsm/return-values.ts';
import { noticeKey, openTestToken, shimToken, signRequest, signsAgain } from '../support/hsm.ts';

/** The return values of T-HSM-5. */
const codes = [
  0x05, 0x06, 0x30, 0x31, 0x32, 0x50, 0x54, 0x60, 0x82, 0x90, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xb3,
  0xb4, 0xe0, 0xe1, 0x100, 0x101, 0x190,
].map((code) => [classifyReturnValue(code).name, code] as const);

const shim = shimToken('return-values');
const { token } = openTestToken(shim);
const key = await noticeKey(token);
await token.createSelfTestKey();

describe('T-HSM-5 one failed call while signing', () => {
  test.each(codes)(
    'C_SignInit answers %s: nothing was signed, so it is tried again',
    async (_, code) => {
      const { faultClass } = classifyReturnValue(code);
      shim.command('C_SignInit', code);
      const attempt = token.sign(signRequest(key));
      if (faultClass === 'fatal' || faultClass === 'pinRefused') {
        await expect(attempt).rejects.toMatchObject({ code: 'tokenUnavailable' });
      } else {
        expect((await attempt).length).toBeGreaterThan(60);
      }
      expect((await token.sign(signRequest(key))).length).toBeGreaterThan(60);
      expect(token.metrics().starts).toBe(1);
    },
  );

  test.each(codes)(
    'C_Sign answers %s: never a second signature after an unknown outcome',
    async (_, code) => {
      const { faultClass, nothingSigned } = classifyReturnValue(code);
      const before = shim.calls('C_Sign');
      shim.command('C_Sign', code);
      const attempt = token.sign(signRequest(key));
      if (!nothingSigned) {
        await expect(attempt).rejects.toMatchObject({ code: 'outcomeUnknown' });
      } else if (faultClass === 'fatal' || faultClass === 'pinRefused') {
        await expect(attempt).rejects.toMatchObject({ code: 'tokenUnavailable' });
      } else {
        expect((await attempt).length).toBeGreaterThan(60);
      }
      const again = faultClass !== 'fatal' && faultClass !== 'pinRefused' && nothingSigned ? 2 : 1;
      // A new login signs with the self-test key once more.
      const selfTest = faultClass === 'reinitialise' ? 1 : 0;
      expect((await token.sign(signRequest(key))).length).toBeGreaterThan(60);
      expect(shim.calls('C_Sign') - before).toBe(again + selfTest + 1);
      expect(token.metrics().starts).toBe(1);
    },
  );
});

test.each([0x05, 0x06, 0x30, 0x31, 0xb3, 0xe0, 0x101, 0x190])(
  'C_GenerateRandom answers 0x%s: other octets are fetched',
  async (code) => {
    shim.command('C_GenerateRandom', code);
    expect((await token.random(1500)).length).toBe(1500);
    expect(shim.calm()).toBe(true);
  },
);

describe('T-HSM-5 a call that fails while the token is opened again', () => {
  test.each([
    ['C_Initialize', 0x05],
    ['C_GetSlotList', 0x30],
    ['C_OpenSession', 0x30],
    ['C_Login', 0x05],
    ['C_FindObjectsInit', 0xe0],
  ])('%s fails: the next signer process opens it', async (name, code) => {
    const pid = token.metrics().pid;
    shim.command(name, code);
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    await signsAgain(token, key, 10_000);
    expect(shim.calm()).toBe(true);
  });
});

test('T-HSM-8 a token that gives fewer sessions than wanted (CKR_SESSION_COUNT) is used with those', async () => {
  // One session for searches and two of the six for signing.
  shim.command('C_OpenSession', 0xb1, -1, 3);
  const few = openTestToken(shim, { sessions: 6 });
  await few.token.bind([key]);
  const signatures = await Promise.all(
    Array.from({ length: 20 }, () => few.token.sign(signRequest(key))),
  );
  expect(signatures).toHaveLength(20);
  expect(few.token.metrics().starts).toBe(1);
  shim.stop();
  await few.token.close();
});

test('a token that goes on failing is refused fast, and serves again by itself', async () => {
  shim.command('C_SignInit', 0x30, -1);
  await expect(token.sign(signRequest(key))).rejects.toMatchObject({ code: 'tokenUnavailable' });
  await expect
    .poll(
      async () => {
        const start = performance.now();
        const error: unknown = await token.sign(signRequest(key)).catch((e: unknown) => e);
        expect(error).toMatchObject({ code: 'tokenUnavailable', retryAfter: 5 });
        return performance.now() - start;
      },
      { timeout: 10_000, interval: 100 },
    )
    .toBeLessThan(5);
  shim.stop();
  expect(await signsAgain(token, key)).toBeLessThan(30_000);
});
