/** T-HSM-10: a second token, of another make, with the same keys. */
import { verify } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { isChanceryError } from '../../src/domain/index.ts';
import type { SigningToken } from '../../src/issuance/ports.ts';
import { openTestToken, remoteToken, shimOver, signRequest } from '../support/hsm.ts';
import { nssToken } from '../support/nss-token.ts';
import { softHsmModule } from '../support/softhsm.ts';
import { importPair, softwarePair } from '../support/twin-tokens.ts';

const settled = { timeout: 20_000, interval: 20 } as const;
const device = remoteToken('first');
const nss = nssToken('second');
/** Counts what the standby is asked to sign. */
const counted = shimOver(nss.module, nss.folder);
const key = softwarePair();
const selfTest = softwarePair();
const limited = softwarePair();
const onlyFirst = softwarePair();
const direct = { ...device, module: softHsmModule() };
for (const [pair, label] of [
  [key, 'issuer'],
  [selfTest, 'self-test'],
  [limited, 'limited'],
] as const) {
  importPair(direct, device.pin, label, pair);
  importPair(nss, nss.pin, label, pair);
}
importPair(direct, device.pin, 'not cloned', onlyFirst);

const first = { label: 'first', serialNumber: expect.stringMatching(/./) as string };
const second = { label: 'second', serialNumber: '0000000000000000' };

beforeAll(() => device.start());
const { token, log } = openTestToken(device, {
  keepAlive: 200,
  defaultDeadline: 2000,
  standby: {
    ...nss,
    module: counted.modulePath,
    environment: counted.environment,
    failBackAfter: 1000,
  },
});

interface Signed {
  readonly code: string;
  readonly by?: SigningToken | undefined;
}

async function sign(text: string, pair = key, deadline = 5000): Promise<Signed> {
  let by: SigningToken | undefined;
  try {
    const signature = await token.sign(signRequest(pair.binding, text, deadline), (it) => {
      by = it;
    });
    expect(verify('sha256', Buffer.from(text), pair.publicKey, signature)).toBe(true);
    return { code: 'signed', by };
  } catch (error) {
    return { code: isChanceryError(error) ? error.code : String(error) };
  }
}

test('T-HSM-10 the first token signs while it is well, and the signature names it', async () => {
  await expect
    .poll(() => token.health(), settled)
    .toMatchObject({ state: 'ready', standby: { state: 'ready', serving: false } });
  await token.bind([key.binding, onlyFirst.binding]);
  expect(await sign('first')).toMatchObject({ code: 'signed', by: first });
  expect(token.standby?.serving).toBe(false);
  // What the standby lacks is told before it is needed.
  expect(
    log.filter(({ message }) => message.includes('does not have every key')).map((l) => l.fields),
  ).toEqual([
    expect.objectContaining({ reason: expect.stringContaining(onlyFirst.binding.keyId) }),
  ]);
});

test('T-HSM-10 the first is killed among 300 signatures: the standby of another make goes on, nothing is signed twice', async () => {
  const before = counted.calls('C_Sign');
  const requests = Array.from({ length: 300 }, async (_, i) => sign(`notice ${i}`));
  await Promise.race(requests);
  device.signal('SIGKILL');
  const outcomes = await Promise.all(requests);
  const unknown = outcomes.filter(({ code }) => code === 'outcomeUnknown');
  const bySecond = outcomes.filter(({ by }) => by?.label === second.label);
  expect(new Set(outcomes.map(({ code }) => code))).toEqual(
    new Set(unknown.length === 0 ? ['signed'] : ['signed', 'outcomeUnknown']),
  );
  // Only what was with the lost process: four sessions, four in each one's window.
  expect(unknown.length).toBeLessThanOrEqual(16);
  expect(bySecond.length).toBeGreaterThan(0);
  expect(bySecond[0]?.by).toMatchObject(second);
  expect(counted.calls('C_Sign') - before).toBe(bySecond.length);
  expect(token.health()).toMatchObject({ state: 'ready', standby: { serving: true } });
  expect(log.some(({ message }) => message.includes('ALARM: the standby token signs now'))).toBe(
    true,
  );
});

test('T-HSM-10 a key that the standby does not have is not signed with, and the first failure says why', async () => {
  await token.bind([key.binding]);
  expect(await sign('not cloned', onlyFirst)).toMatchObject({ code: 'keyBlocked' });
  expect(await sign('cloned')).toMatchObject({ code: 'signed', by: second });
  expect((await token.random(32)).length).toBe(32);
  await token.selfTest();
});

test('T-HSM-10 the first comes back: it signs again only after it was well for a while', async () => {
  await device.start();
  await expect.poll(() => token.health().standby?.serving, settled).toBe(false);
  const switched = log.findLast(({ message }) => message.includes('the first token signs now'));
  expect(switched?.fields).toMatchObject({ why: 'it is well again' });
  expect(await sign('back')).toMatchObject({ code: 'signed', by: first });
  expect(await sign('back, not cloned', onlyFirst)).toMatchObject({ code: 'signed', by: first });
});

test('T-HSM-10 the first hangs: what it was given stays unknown, all else is signed within its deadline', async () => {
  device.signal('SIGSTOP');
  const before = counted.calls('C_Sign');
  const outcomes = await Promise.all(
    Array.from({ length: 40 }, async (_, i) => sign(`hung ${i}`, key, 2000)),
  );
  const unknown = outcomes.filter(({ code }) => code === 'outcomeUnknown');
  const bySecond = outcomes.filter(({ by }) => by?.label === second.label);
  expect(unknown.length).toBeLessThanOrEqual(16);
  expect(unknown.length + bySecond.length).toBe(40);
  expect(counted.calls('C_Sign') - before).toBe(bySecond.length);
  device.signal('SIGCONT');
  await expect.poll(() => token.health().standby?.serving, settled).toBe(false);
});

test('T-HSM-10 an idle first token that is lost is noticed by keep-alive before anything is to be signed', async () => {
  const lost = token.metrics().pid;
  device.signal('SIGSTOP');
  await expect.poll(() => token.health().standby?.serving, settled).toBe(true);
  expect(await sign('noticed')).toMatchObject({ code: 'signed', by: second });
  device.signal('SIGCONT');
  expect(token.metrics().pid).not.toBe(lost);
  await expect.poll(() => token.health().standby?.serving, settled).toBe(false);
});

test('T-HSM-10 a lost standby is replaced, and the first goes on', async () => {
  const starts = token.metrics().standby?.starts ?? 0;
  process.kill(token.metrics().standby?.pid ?? 0, 'SIGKILL');
  await expect.poll(() => token.metrics().standby?.starts, settled).toBe(starts + 1);
  expect(await sign('without standby')).toMatchObject({ code: 'signed', by: first });
  await expect.poll(() => token.health().standby?.state, settled).toBe('ready');
});

test('T-HSM-10 a wrong signature of the standby blocks the key in both', async () => {
  token.standby?.holdFirst();
  counted.command('C_Sign', 'flip');
  expect(await sign('spoilt')).toMatchObject({ code: 'keyBlocked' });
  token.standby?.releaseFirst();
  await expect.poll(() => token.health().standby?.serving, settled).toBe(false);
  expect(await sign('spoilt elsewhere')).toMatchObject({ code: 'keyBlocked' });
  await token.clearBlockedKey(key.binding.keyId);
  expect(await sign('cleared')).toMatchObject({ code: 'signed', by: first });
});

test('T-HSM-10 both count together: a limit is not passed by signing with the other token', async () => {
  const limit = 30;
  const life = { ...limited.binding.life, allotted: limit };
  await token.bind([{ ...limited.binding, life }]);
  const outcomes: Signed[] = [];
  for (let i = 0; i < 12; i++) outcomes.push(await sign(`first ${i}`, limited));
  token.standby?.holdFirst();
  for (let i = 0; i < 2 * limit; i++) outcomes.push(await sign(`standby ${i}`, limited));
  const signed = outcomes.filter(({ code }) => code === 'signed');
  expect(signed.length).toBeLessThanOrEqual(limit);
  expect(new Set(signed.map(({ by }) => by?.label))).toEqual(new Set(['first', 'second']));
  expect(outcomes.at(-1)?.code).toBe('keyBlocked');
  token.standby?.releaseFirst();
  await expect.poll(() => token.health().standby?.serving, settled).toBe(false);
  expect(await sign('first again', limited)).toMatchObject({ code: 'keyBlocked' });
});
