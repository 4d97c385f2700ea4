import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { noticeKey, openTestToken, shimToken, signRequest } from '../support/hsm.ts';

const shim = shimToken('wrong-signature');
const first = openTestToken(shim);

test.each(['flip', 'short', 'zero-r', 'zero-s'])(
  'T-HSM-6 a spoilt signature (%s) never leaves, and blocks its key until an operator clears it',
  async (spoil) => {
    const { token, log } = first;
    const key = await noticeKey(token);
    const other = await noticeKey(token);
    shim.command('C_Sign', spoil);
    await expect(token.sign(signRequest(key))).rejects.toMatchObject({ code: 'keyBlocked' });

    // The module is whole again, and still nothing is signed with that key.
    await expect(token.sign(signRequest(key))).rejects.toMatchObject({ code: 'keyBlocked' });
    expect((await token.sign(signRequest(other))).length).toBeGreaterThan(60);
    expect(token.blockedKeys().map(({ keyId }) => keyId)).toEqual([key.keyId]);
    expect(log.some(({ level, message }) => level === 'error' && message.includes('ALARM'))).toBe(
      true,
    );

    await token.clearBlockedKey(key.keyId);
    expect((await token.sign(signRequest(key))).length).toBeGreaterThan(60);
    expect(token.blockedKeys()).toEqual([]);
  },
);

test('a blocked key stays blocked across a crash of the signer process and a restart of ours', async () => {
  const { token } = first;
  const key = await noticeKey(token);
  shim.command('C_Sign', 'flip');
  await expect(token.sign(signRequest(key))).rejects.toMatchObject({ code: 'keyBlocked' });
  process.kill(token.metrics().pid ?? 0, 'SIGKILL');
  const state = () => `${token.metrics().starts} ${token.health().state}`;
  await expect.poll(state, { timeout: 30_000, interval: 20 }).toBe('2 ready');
  await expect(token.sign(signRequest(key))).rejects.toMatchObject({ code: 'keyBlocked' });

  const { token: restarted } = openTestToken(shim);
  await restarted.bind([key]);
  expect(restarted.blockedKeys().map(({ keyId }) => keyId)).toEqual([key.keyId]);
  await expect(restarted.sign(signRequest(key))).rejects.toMatchObject({ code: 'keyBlocked' });
  await restarted.clearBlockedKey(key.keyId);
  expect((await restarted.sign(signRequest(key))).length).toBeGreaterThan(60);
  expect(existsSync(`${shim.pinFile}.blocked`)).toBe(true);
  expect(JSON.parse(readFileSync(`${shim.pinFile}.blocked`, 'utf8'))).toEqual([]);
  await restarted.close();
});

test('a wrong signature of the self-test key is noticed at start, and readiness says so', async () => {
  const { token } = first;
  const keyId = await token.createSelfTestKey();
  shim.command('C_Sign', 'flip');
  const { token: second, log } = openTestToken(shim);
  await second.identity();
  await expect(second.selfTest()).rejects.toMatchObject({ code: 'keyBlocked' });
  expect(log.some(({ message }) => message.includes('ALARM'))).toBe(true);
  await second.clearBlockedKey(keyId);
  await second.selfTest();
  await second.close();
});
