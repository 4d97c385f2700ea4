import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openTestToken, shimToken } from '../support/hsm.ts';

const settled = { timeout: 10_000, interval: 20 } as const;

test('T-HSM-5 a refused PIN is sent once, restarts included, until the file changes', async () => {
  const shim = shimToken('pin');
  writeFileSync(shim.pinFile, 'wrong-pin\n');
  const first = openTestToken(shim);
  await expect
    .poll(() => first.token.health().reason ?? '', settled)
    .toContain('CKR_PIN_INCORRECT');
  expect(first.token.health().needsOperator).toBe(true);
  await expect(first.token.identity()).rejects.toMatchObject({ code: 'tokenUnavailable' });
  await expect.poll(() => first.token.metrics().starts, settled).toBeGreaterThan(1);
  await first.token.close();

  const second = openTestToken(shim);
  await expect
    .poll(() => second.token.health().reason ?? '', settled)
    .toContain('refused this PIN');
  expect(shim.calls('C_Login')).toBe(1);
  expect(second.token.health().reason).not.toContain('wrong-pin');

  // The operator mends the file: the token opens without a restart of ours.
  writeFileSync(shim.pinFile, `${shim.pin}\n`);
  await expect.poll(() => second.token.health().state, settled).toBe('ready');
  expect(shim.calls('C_Login')).toBe(2);
  expect(existsSync(`${shim.pinFile}.refused`)).toBe(false);
});

test.each([
  ['CKR_PIN_INCORRECT', 0xa0],
  ['CKR_PIN_INVALID', 0xa1],
  ['CKR_PIN_LEN_RANGE', 0xa2],
  ['CKR_PIN_EXPIRED', 0xa3],
  ['CKR_PIN_LOCKED', 0xa4],
])('%s at login is final until an operator removes the memory of it', async (name, code) => {
  const shim = shimToken(`pin-${code}`);
  shim.command('C_Login', code, -1);
  const { token } = openTestToken(shim);
  await expect.poll(() => token.health().reason ?? '', settled).toContain(name);
  expect(shim.calls('C_Login')).toBe(1);
  await token.close();
  if (name !== 'CKR_PIN_LOCKED') return;
  shim.stop();
  rmSync(`${shim.pinFile}.refused`);
  const again = openTestToken(shim);
  await again.token.identity();
});

test('CKR_USER_ALREADY_LOGGED_IN is believed only when a test signature works', async () => {
  const shim = shimToken('logged-in');
  shim.command('C_Login', 0x100);
  // The shim swallowed the login, so nobody is logged in: the private keys are not to be seen.
  const { token } = openTestToken(shim);
  await expect.poll(() => token.health().reason ?? '', settled).toContain('no test signature');
  await expect.poll(() => token.health().state, settled).toBe('ready');
});

test('a PIN file that others may read is refused, with how to mend it', async () => {
  const shim = shimToken('pin-mode');
  chmodSync(shim.pinFile, 0o644);
  const { token } = openTestToken(shim);
  await expect.poll(() => token.health().reason ?? '', settled).toContain('chmod 600');
  chmodSync(shim.pinFile, 0o600);
  await token.close();
});

test('an on-demand token whose PIN was mended opens for the next act', async () => {
  const shim = shimToken('pin-on-demand');
  writeFileSync(shim.pinFile, 'wrong-pin\n');
  const { token } = openTestToken(shim, { role: 'root', onDemand: true });
  await expect(token.identity()).rejects.toMatchObject({ code: 'tokenUnavailable' });
  await expect(token.identity()).rejects.toMatchObject({ code: 'tokenUnavailable' });
  expect(shim.calls('C_Login')).toBe(1);
  writeFileSync(shim.pinFile, `${shim.pin}\n`);
  expect((await token.identity()).label).toBe('pin-on-demand');
});
