/** The basic suite on NSS's softokn: a second make of PKCS#11 module, opened by its library parameters. */
import { execFileSync } from 'node:child_process';
import { verify } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openToken } from '../../../src/hsm/index.ts';
import type { TokenOptions } from '../../../src/hsm/token-options.ts';
import { shimOver, signRequest, signsAgain } from '../../support/hsm.ts';
import { nssToken } from '../../support/nss-token.ts';
import { importPair, softwarePair } from '../../support/twin-tokens.ts';

const settled = { timeout: 10_000, interval: 20 } as const;
const nss = nssToken('nss');
const selfTest = softwarePair(['selfTest']);
const p256 = softwarePair();
const rsa = softwarePair(['notice'], 'sha256WithRSAEncryption');
for (const [pair, label] of [
  [selfTest, 'self-test'],
  [p256, 'p256'],
  [rsa, 'rsa'],
] as const) {
  importPair(nss, nss.pin, label, pair);
}

function open(more: Partial<TokenOptions> = {}) {
  const token = openToken({
    role: 'issuing',
    ...nss,
    clock: { now: () => new Date() },
    ...more,
  });
  afterAll(() => token.close());
  return token;
}

const token = open();
await token.bind([p256.binding, rsa.binding]);

test('is found by label, and says what it is', async () => {
  expect(await token.identity()).toMatchObject({
    label: 'nss',
    manufacturer: 'Mozilla Foundation',
    serialNumber: '0000000000000000',
    hardware: false,
  });
});

test.each([
  ['P-256', p256],
  ['RSA 2048', rsa],
] as const)('openssl and node:crypto believe its %s signatures', async (name, pair) => {
  // On all sessions at once. Few: NSS decrypts the key from its database for each signature.
  const texts = Array.from({ length: 8 }, (_, i) => `${name} ${i}`);
  const signatures = await Promise.all(
    texts.map(async (text) => token.sign(signRequest(pair.binding, text))),
  );
  texts.forEach((text, i) => {
    expect(verify('sha256', Buffer.from(text), pair.publicKey, signatures[i] ?? Buffer.of())).toBe(
      true,
    );
  });
  const path = (end: string): string => join(nss.folder, `${name}.${end}`);
  writeFileSync(path('pub'), pair.publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(path('txt'), texts[0] ?? '');
  writeFileSync(path('sig'), signatures[0] ?? '');
  const said = execFileSync(
    'openssl',
    ['dgst', '-sha256', '-verify', path('pub'), '-signature', path('sig'), path('txt')],
    { encoding: 'utf8' },
  );
  expect(said).toContain('Verified OK');
});

test('tests itself, gives random octets, and refuses what a key is not for', async () => {
  await token.selfTest();
  expect((await token.random(64)).length).toBe(64);
  await expect(token.sign({ ...signRequest(p256.binding), purpose: 'crl' })).rejects.toMatchObject({
    code: 'purposeRefused',
  });
});

test('tells the attributes of an imported key: sensitive, not extractable, made elsewhere', async () => {
  const objects = await token.objects();
  const found = objects.find(
    (object) => object.class === 'privateKey' && object.keyId === p256.binding.keyId,
  );
  expect(found?.attributes).toMatchObject({
    token: true,
    private: true,
    sensitive: true,
    extractable: false,
    local: false,
    sign: true,
    derive: false,
  });
  expect(await token.keyIds()).toContain(rsa.binding.keyId);
});

describe('what it can\u2019t do', () => {
  test('a key made in it has no CKA_LOCAL: refused, and nothing is left of it', async () => {
    const before = await token.objects();
    await expect(
      token.generateKeyPair({
        keyAlgorithm: 'p256',
        signatureAlgorithm: 'ecdsa-with-SHA256',
        purposes: ['notice'],
        label: 'made here',
      }),
    ).rejects.toMatchObject({
      code: 'policyViolation',
      message: expect.stringContaining('CKA_LOCAL is not set') as string,
    });
    expect(await token.objects()).toHaveLength(before.length);
  });

  test('an imported pair is not adopted: its attributes say that it was outside', async () => {
    await expect(
      token.adoptKeyPair({ keyId: p256.binding.keyId, purposes: ['notice'] }),
    ).rejects.toMatchObject({ code: 'policyViolation' });
  });
});

test('destroyed is gone', async () => {
  const pair = softwarePair();
  importPair(nss, nss.pin, 'to be destroyed', pair);
  const again = open();
  await again.bind([pair.binding]);
  expect(await again.destroyKeyPair(pair.binding.keyId)).toMatchObject({
    objects: 2,
    absent: true,
  });
  expect(await again.keyIds()).not.toContain(pair.binding.keyId);
  await again.close();
});

test('its signer process is killed and replaced: it signs again', async () => {
  process.kill(token.metrics().pid ?? 0, 'SIGKILL');
  await signsAgain(token, p256.binding, 10_000);
  await token.selfTest();
});

test('a lost device is initialised anew with the same library parameters', async () => {
  const shim = shimOver(nss.module, nss.folder);
  const shimmed = open({ module: shim.modulePath, environment: shim.environment });
  await shimmed.bind([p256.binding]);
  shim.command('C_SignInit', 0x30);
  expect((await shimmed.sign(signRequest(p256.binding))).length).toBeGreaterThan(60);
  expect(shim.calls('C_Initialize')).toBe(2);
  expect(shimmed.metrics().starts).toBe(1);
  await shimmed.close();
});

test('a wrong PIN is sent once', async () => {
  const pinFile = join(nss.folder, 'wrong-pin');
  writeFileSync(pinFile, 'a wrong pin\n', { mode: 0o600 });
  const wrong = open({ pinFile });
  await expect
    .poll(() => wrong.health().reason ?? '', settled)
    .toMatch(/CKR_PIN_INCORRECT|refused this PIN/);
  expect(wrong.health().needsOperator).toBe(true);
  await wrong.close();
  const again = open({ pinFile });
  await expect.poll(() => again.health().reason ?? '', settled).toContain('refused this PIN');
  await again.close();
});
