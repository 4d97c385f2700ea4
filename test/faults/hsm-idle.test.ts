/** T-HSM-9: sessions that die of idleness, with keep-alive on and off. Ten minutes are shorter here. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { noticeKey, openTestToken, shimToken, signRequest } from '../support/hsm.ts';

const settled = { timeout: 20_000, interval: 20 } as const;
const shim = shimToken('idle');
// Made before anything dies of idleness: what makes keys is not repeated.
const maker = openTestToken(shim);
const key = await noticeKey(maker.token);
await maker.token.createSelfTestKey();
await maker.token.close();

/** @param dying variables of the shim, in milliseconds */
async function open(dying: Readonly<Record<string, string>>, keepAlive: number) {
  const environment = { ...shim.environment, ...dying };
  const opened = openTestToken({ ...shim, environment }, { keepAlive });
  await opened.token.bind([key]);
  return opened;
}

test('T-HSM-9 keep-alive on: every session is used in time, and nothing is opened anew', async () => {
  const idle = 2000;
  const dying = { SHIM_IDLE_SESSION: String(idle), SHIM_IDLE_DEVICE: String(idle) };
  const { token, log } = await open(dying, 200);
  const before = shim.calls('C_GenerateRandom');
  const initialised = shim.calls('C_Initialize');
  const opened = shim.calls('C_OpenSession');
  await delay(idle + 500);
  // Five sessions, the one for searches included; each round uses all of them.
  expect(shim.calls('C_GenerateRandom') - before).toBeGreaterThanOrEqual(10);
  const signatures = Array.from({ length: 8 }, async () => token.sign(signRequest(key)));
  expect(await Promise.all(signatures)).toHaveLength(8);
  expect(shim.calls('C_Initialize')).toBe(initialised);
  expect(shim.calls('C_OpenSession')).toBe(opened);
  expect(log.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
  await token.close();
});

test.each([
  ['sessions', 'SHIM_IDLE_SESSION'],
  ['the device, until C_Finalize,', 'SHIM_IDLE_DEVICE'],
])('T-HSM-9 keep-alive off, %s died: the first act works all the same', async (_, variable) => {
  const { token } = await open({ [variable]: '300' }, 0);
  const before = shim.calls('C_GenerateRandom');
  await delay(600);
  expect(shim.calls('C_GenerateRandom')).toBe(before);
  expect((await token.sign(signRequest(key))).length).toBeGreaterThan(60);
  // The session for searches and random octets died as well.
  await delay(600);
  expect(await token.keyIds()).toContain(key.keyId);
  await delay(600);
  expect((await token.random(2000)).length).toBe(2000);
  expect(token.metrics().starts).toBe(1);
  await token.close();
});

test('T-HSM-9 what died although it was kept alive is opened anew before it is needed', async () => {
  const { token } = await open({ SHIM_IDLE_DEVICE: '300' }, 800);
  const initialised = shim.calls('C_Initialize');
  await expect.poll(() => shim.calls('C_Initialize'), settled).toBeGreaterThan(initialised);
  expect((await token.sign(signRequest(key))).length).toBeGreaterThan(60);
  expect(token.metrics().starts).toBe(1);
  await token.close();
});
