import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { isChanceryError } from '../../src/domain/index.ts';
import { noticeKey, openTestToken, shimToken, signRequest, signsAgain } from '../support/hsm.ts';

const shim = shimToken('process');
const { token } = openTestToken(shim);
const key = await noticeKey(token);
await token.createSelfTestKey();

function pid(): number {
  const value = token.metrics().pid;
  if (value === undefined) throw new Error('no signer process');
  return value;
}

test('T-HSM-3 the signer process is killed under load: what waited is signed, what ran is unknown', async () => {
  const before = pid();
  const requests = Array.from({ length: 300 }, (_, i) =>
    token.sign(signRequest(key, `notice ${i}`)),
  );
  await Promise.race(requests);
  process.kill(before, 'SIGKILL');
  const outcomes = await Promise.allSettled(requests);
  const codes = outcomes.flatMap((o) =>
    o.status === 'rejected' ? [isChanceryError(o.reason) ? o.reason.code : 'other'] : [],
  );
  // At most the window of 16 was with the process; all else was signed, before or by its successor.
  expect(codes.length).toBeLessThanOrEqual(16);
  expect(codes.every((code) => code === 'outcomeUnknown')).toBe(true);
  expect(pid()).not.toBe(before);
});

test('T-HSM-4 a stopped signer process is replaced; the event loop never waits for it', async () => {
  const before = pid();
  process.kill(before, 'SIGSTOP');
  const lag = monitorEventLoopDelay({ resolution: 10 });
  lag.enable();
  const running = Array.from({ length: 16 }, () => token.sign(signRequest(key, 'stopped', 800)));
  const waiting = Array.from({ length: 20 }, () => token.sign(signRequest(key, 'waits', 5000)));
  const outcomes = await Promise.allSettled(running);
  expect(
    outcomes.map((o) => o.status === 'rejected' && (o.reason as { code: string }).code),
  ).toEqual(running.map(() => 'outcomeUnknown'));
  expect((await Promise.all(waiting)).length).toBe(20);
  lag.disable();
  expect(lag.percentile(99) / 1e6).toBeLessThan(100);
  expect(pid()).not.toBe(before);
  expect(() => process.kill(before, 0)).toThrow('ESRCH');
});

test('a call that never returns from the module is given up at its deadline', async () => {
  const before = pid();
  shim.command('C_Sign', 'hang');
  const start = performance.now();
  await expect(token.sign(signRequest(key, 'hangs', 700))).rejects.toMatchObject({
    code: 'outcomeUnknown',
  });
  expect(performance.now() - start).toBeLessThan(1500);
  await signsAgain(token, key, 5000);
  expect(pid()).not.toBe(before);
});

test('a caller in a hurry does not cost the others their signer process', async () => {
  const before = pid();
  process.kill(before, 'SIGSTOP');
  await expect(token.sign(signRequest(key, 'hurry', 20))).rejects.toMatchObject({
    code: 'outcomeUnknown',
  });
  process.kill(before, 'SIGCONT');
  await token.sign(signRequest(key));
  expect(pid()).toBe(before);
});

test('T-HSM-8 the queue is bounded: one more is refused at once, with when to try again', async () => {
  const small = openTestToken(shim, { queueLimit: 10 });
  await small.token.bind([key]);
  const requests = Array.from({ length: 30 }, () => small.token.sign(signRequest(key)));
  const outcomes = await Promise.allSettled(requests);
  const refused = outcomes.filter((o) => o.status === 'rejected');
  expect(refused).toHaveLength(20);
  for (const { reason } of refused) {
    expect(reason).toMatchObject({ code: 'overloaded', retryAfter: 1 });
  }
  await small.token.close();
});

test('the signer process sees neither our environment nor the PIN in its arguments', () => {
  const environment = readFileSync(`/proc/${pid()}/environ`, 'utf8').split('\0');
  const names = environment.map((entry) => entry.split('=')[0]).filter((name) => name !== '');
  expect(names.sort()).toEqual(
    [
      ...Object.keys(shim.environment),
      'NODE_CHANNEL_FD',
      'NODE_CHANNEL_SERIALIZATION_MODE',
      'NODE_NO_WARNINGS',
      'UV_THREADPOOL_SIZE',
    ].sort(),
  );
  expect(environment.join(' ')).not.toContain(shim.pin);
  expect(readFileSync(`/proc/${pid()}/cmdline`, 'utf8')).not.toContain(shim.pin);
});

test.each([
  ['idle', ''],
  ['hanging in the module', '1'],
])('a parent that dies takes its signer process with it (%s)', async (_, ask) => {
  if (ask !== '') shim.command('C_GenerateRandom', 'hang');
  const script = new URL('../support/hsm-parent-process.ts', import.meta.url).pathname;
  const parent = spawn(
    process.execPath,
    [script, shim.modulePath, shim.label, shim.pinFile, JSON.stringify(shim.environment)],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ASK_FOR_RANDOM: ask } },
  );
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const child = Number(line.toString());
  if (ask !== '') await expect.poll(() => shim.calm(), { timeout: 5000, interval: 10 }).toBe(true);
  expect(existsSync(`/proc/${child}`)).toBe(true);
  parent.kill('SIGKILL');
  await expect
    .poll(() => existsSync(`/proc/${child}`), { timeout: 5000, interval: 20 })
    .toBe(false);
});
