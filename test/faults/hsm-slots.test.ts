import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { noticeKey, openTestToken, signRequest } from '../support/hsm.ts';
import { testToken } from '../support/softhsm.ts';

const softhsm = testToken('wanted');
const tokens = join(softhsm.folder, 'tokens');
const settled = { timeout: 10_000, interval: 20 } as const;

function addToken(label: string): void {
  execFileSync(
    'softhsm2-util',
    ['--init-token', '--free', '--label', label, '--pin', softhsm.pin, '--so-pin', softhsm.pin],
    { env: { PATH: process.env['PATH'], ...softhsm.environment }, stdio: 'pipe' },
  );
}

test('T-HSM-7 slots are renumbered: the token is found by its label, the key by CKA_ID and public key', async () => {
  const first = openTestToken(softhsm);
  const key = await noticeKey(first.token);
  const identity = await first.token.identity();
  await first.token.close();

  addToken('other');
  addToken('third');
  const second = openTestToken(softhsm, { serialNumber: identity.serialNumber });
  await second.token.bind([key]);
  expect((await second.token.sign(signRequest(key))).length).toBeGreaterThan(60);
  expect(await second.token.identity()).toEqual(identity);
  await second.token.close();
});

test('T-HSM-7 two tokens by one label are told apart by serial number, and refused without it', async () => {
  const one = openTestToken(softhsm);
  const { serialNumber } = await one.token.identity();
  await one.token.close();

  addToken('wanted');
  const vague = openTestToken(softhsm);
  await expect.poll(() => vague.token.health().reason ?? '', settled).toContain('several tokens');
  await vague.token.close();
  const exact = openTestToken(softhsm, { serialNumber });
  expect((await exact.token.identity()).serialNumber).toBe(serialNumber);
  await exact.token.close();
});

test('a token that is gone is named with those that are there, and served again when it is back', async () => {
  const lone = testToken('lone');
  const { token } = openTestToken(lone);
  const key = await noticeKey(token);
  const [folder] = readdirSync(join(lone.folder, 'tokens'));
  const away = join(lone.folder, 'away');
  cpSync(join(lone.folder, 'tokens', folder ?? ''), away, { recursive: true });
  rmSync(join(lone.folder, 'tokens', folder ?? ''), { recursive: true });
  process.kill(token.metrics().pid ?? 0, 'SIGKILL');
  await expect.poll(() => token.health().reason ?? '', settled).toContain('has no token "lone"');
  await expect(token.sign(signRequest(key))).rejects.toMatchObject({ code: 'tokenUnavailable' });
  cpSync(away, join(lone.folder, 'tokens', folder ?? ''), { recursive: true });
  await expect.poll(() => token.health().state, settled).toBe('ready');
  expect((await token.sign(signRequest(key))).length).toBeGreaterThan(60);
  expect(readdirSync(tokens).length).toBeGreaterThan(1);
});
