/** Signatures are counted durably by the signer process, and a limit is never passed (SP 800-57 Part 1 §5.3). */
import { cpSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isChanceryError } from '../../src/domain/index.ts';
import type { GeneratedKey, KeyLife } from '../../src/keys/ports.ts';
import { openSignerChannel, type SignerChannel } from '../support/signer-channel.ts';
import { testToken } from '../support/softhsm.ts';

/** As docs/operations/tokens.md states it. */
const statedWindow = 1000;

const softhsm = testToken('counts');
const folder = `${softhsm.pinFile}.counts`;
const first = await openSignerChannel(softhsm);

async function keyWith(life: Partial<KeyLife>, signer = first): Promise<GeneratedKey> {
  const made = await signer.make({ purposes: ['notice'], issuerName: undefined });
  return signer.live(made, { state: 'active', ...life });
}

async function sign(signer: SignerChannel, key: GeneratedKey): Promise<Uint8Array> {
  const { keyId, algorithm } = key;
  return signer.sign({ keyId, algorithm, purpose: 'notice', bytes: Buffer.from('a notice') });
}

/** Signs until it is refused; answers how often it signed. */
async function exhaust(signer: SignerChannel, key: GeneratedKey, most = 10_000): Promise<number> {
  for (let count = 0; count < most; count++) {
    try {
      await sign(signer, key);
    } catch (error) {
      if (isChanceryError(error) && error.code === 'keyBlocked') return count;
      throw error;
    }
  }
  return most;
}

async function countOf(signer: SignerChannel, key: GeneratedKey): Promise<number | undefined> {
  const usage = await signer.call({ name: 'usage' });
  return usage.find(({ keyId }) => keyId === key.keyId)?.signatures;
}

async function damagedFiles(): Promise<readonly string[]> {
  return Promise.resolve(readdirSync(folder).filter((name) => name.startsWith('damaged-')));
}

test('a key signs as often as it is allotted, in this process and the next', async () => {
  const key = await keyWith({ allotted: 25 });
  const signer = await openSignerChannel(softhsm);
  await signer.live(key, {});
  expect(await exhaust(signer, key)).toBe(25);
  expect(await countOf(signer, key)).toBe(25);
  await signer.close();
  const next = await openSignerChannel(softhsm);
  await next.live(key, {});
  expect(await exhaust(next, key)).toBe(0);
  await next.live(key, { allotted: 30 });
  expect(await exhaust(next, key)).toBe(5);
  await next.live(key, { allotted: 20 });
  expect(await exhaust(next, key)).toBe(0);
  await next.close();
});

test('an orderly end leaves the exact count', async () => {
  const key = await keyWith({});
  const signer = await openSignerChannel(softhsm);
  await signer.live(key, {});
  for (let i = 0; i < 7; i++) await sign(signer, key);
  expect(await countOf(signer, key)).toBe(7);
  await signer.close();
  expect(await countOf(first, key)).toBe(7);
});

test('a process that is killed while it signs has counted what it signed, and at most a window more', async () => {
  const key = await keyWith({});
  const signer = await openSignerChannel(softhsm);
  await signer.live(key, {});
  let signed = 0;
  const load = Array.from({ length: 8 }, async () => {
    for (;;) {
      await sign(signer, key);
      signed += 1;
    }
  });
  await expect.poll(() => signed, { timeout: 30_000, interval: 5 }).toBeGreaterThan(300);
  await signer.kill();
  await Promise.allSettled(load);
  const counted = await countOf(first, key);
  expect(counted).toBeGreaterThanOrEqual(signed);
  expect(counted).toBeLessThanOrEqual(signed + 8 + statedWindow);
});

test('a limit holds over processes that are killed again and again', async () => {
  const allotted = 200;
  const key = await keyWith({ allotted });
  let signed = 0;
  for (let round = 0; round < 2; round++) {
    const signer = await openSignerChannel(softhsm);
    await signer.live(key, {});
    signed += await exhaust(signer, key, 20);
    void sign(signer, key).catch(() => undefined);
    await signer.kill();
  }
  const last = await openSignerChannel(softhsm);
  await last.live(key, {});
  signed += await exhaust(last, key);
  // Two windows may be lost, of which the longest is a quarter of what was left.
  expect(signed).toBeLessThanOrEqual(allotted);
  expect(signed).toBeGreaterThan(100);
  expect(await countOf(last, key)).toBe(allotted);
  await last.close();
});

test('a limit holds over processes that sign at the same time', async () => {
  const allotted = 300;
  const key = await keyWith({ allotted });
  const signers = await Promise.all([1, 2].map(async () => openSignerChannel(softhsm)));
  await Promise.all(signers.map(async (signer) => signer.live(key, {})));
  const counts = await Promise.all(signers.map(async (signer) => exhaust(signer, key)));
  const sum = counts.reduce((a, b) => a + b, 0);
  expect(sum).toBeLessThanOrEqual(allotted);
  await Promise.all(signers.map(async (signer) => signer.close()));
  // What they gave back, another may use; to the last.
  expect(sum + (await exhaust(first, await first.live(key, {})))).toBe(allotted);
});

test('a damaged count stops keys with a limit until an operator has examined it; others go on with an alarm', async () => {
  const free = await keyWith({});
  const limited = await keyWith({ allotted: 1000 });
  const before = await openSignerChannel(softhsm);
  await before.live(limited, {});
  await sign(before, limited);
  const slot = readdirSync(folder).find((name) => name.includes(`-${before.pid}-`)) ?? '';
  await before.kill();
  writeFileSync(join(folder, slot), '{"counts":{"00":5}}\n');

  const signer = await openSignerChannel(softhsm);
  await signer.live(free, {});
  await signer.live(limited, {});
  await sign(signer, free);
  await expect(sign(signer, limited)).rejects.toMatchObject({ code: 'keyBlocked' });
  expect(signer.log.filter(({ message }) => message.startsWith('ALARM'))).toHaveLength(1);
  await signer.kill();

  // Neither a restart nor time heals it.
  const next = await openSignerChannel(softhsm);
  await next.live(limited, {});
  await expect(sign(next, limited)).rejects.toMatchObject({ code: 'keyBlocked' });
  for (const name of await damagedFiles()) rmSync(join(folder, name));
  await sign(next, limited);
  await next.close();
});

test('counts that went back are noticed by what the inventory knows, and are set right', async () => {
  const key = await keyWith({ allotted: 100_000 });
  const copy = `${folder}.copy`;
  const signer = await openSignerChannel(softhsm);
  await signer.live(key, { counted: 90_000 });
  expect(await damagedFiles()).toHaveLength(1);
  await expect(sign(signer, key)).rejects.toMatchObject({ code: 'keyBlocked' });
  for (const name of await damagedFiles()) rmSync(join(folder, name));
  await sign(signer, key);
  expect(await countOf(signer, key)).toBe(90_001);
  await signer.live(key, { counted: 90_001 });
  expect(await damagedFiles()).toHaveLength(0);

  // An older copy in the place of the running process's own slot.
  cpSync(folder, copy, { recursive: true });
  await signer.live(key, { allotted: 95_000 });
  await sign(signer, key);
  rmSync(folder, { recursive: true });
  cpSync(copy, folder, { recursive: true });
  await signer.live(key, { allotted: 96_000 });
  await expect(sign(signer, key)).rejects.toMatchObject({ code: 'keyBlocked' });
  for (const name of await damagedFiles()) rmSync(join(folder, name));
  await sign(signer, key);
  expect(await countOf(signer, key)).toBeGreaterThanOrEqual(90_003);
  await signer.close();
});

test('where counts can’t be kept, keys with a limit sign nothing and others go on with an alarm', async () => {
  const free = await keyWith({});
  const limited = await keyWith({ allotted: 10 });
  const place = join(softhsm.folder, 'a-file');
  writeFileSync(place, '');
  const signer = await openSignerChannel(softhsm, { countsFolder: place });
  await signer.live(free, {});
  await signer.live(limited, {});
  for (let i = 0; i < 3; i++) await sign(signer, free);
  await expect(sign(signer, limited)).rejects.toMatchObject({ code: 'tokenUnavailable' });
  expect(signer.log.filter(({ message }) => message.startsWith('ALARM'))).toHaveLength(1);
  expect(existsSync(place)).toBe(true);
  await signer.close();
});
