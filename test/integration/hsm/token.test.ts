import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  createPinFile,
  findSofthsmModule,
  initialiseToken,
  routeSigner,
  softhsmConfiguration,
} from '../../../src/hsm/index.ts';
import type { KeyLife } from '../../../src/keys/ports.ts';
import { keyIdentifier, parseSubjectPublicKeyInfo } from '../../../src/pkix/index.ts';
import { activeKey, noticeKey, openTestToken, signRequest } from '../../support/hsm.ts';
import { testToken } from '../../support/softhsm.ts';
import { ownName, tbsCertificate } from '../../support/to-be-signed.ts';

const softhsm = testToken('token');
const { token } = openTestToken(softhsm);
const issuer = await activeKey(token, {
  keyAlgorithm: 'p384',
  signatureAlgorithm: 'ecdsa-with-SHA384',
  purposes: ['certificate', 'crl'],
  label: 'issuer',
  issuerName: ownName.der,
});

test('a generated key is sensitive, never extractable, made in the token, and only signs', async () => {
  expect(issuer.attributes).toEqual({
    token: true,
    private: true,
    sensitive: true,
    alwaysSensitive: true,
    extractable: false,
    neverExtractable: true,
    local: true,
    sign: true,
    decrypt: false,
    unwrap: false,
    derive: false,
    modifiable: false,
    // SoftHSM does not clear CKA_COPYABLE in a copy; a copy stays as protected as its original.
    copyable: true,
  });
  const spki = parseSubjectPublicKeyInfo(issuer.subjectPublicKeyInfo);
  expect(issuer.keyId).toBe(Buffer.from(keyIdentifier(spki)).toString('hex'));
  expect(await token.keyIds()).toContain(issuer.keyId);
  expect(issuer.token).toMatchObject({ label: 'token', hardware: false });
});

describe('the signer process refuses by itself', () => {
  const request = {
    ...signRequest(issuer),
    purpose: 'certificate',
    bytes: tbsCertificate(issuer),
  } as const;

  test('what is bound is signed', async () => {
    expect((await token.sign(request))[0]).toBe(0x30);
  });

  test.each([
    ['a purpose that is not bound', { purpose: 'ocspResponse' }],
    ['a probe with an issuer key', { purpose: 'selfTest', bytes: Buffer.from('probe') }],
    ['another algorithm', { algorithm: 'ecdsa-with-SHA256' }],
    ['a CRL as a certificate', { bytes: Buffer.from('3003020101', 'hex') }],
    ['text as a certificate', { bytes: Buffer.from('text') }],
    ['an unbound key', { keyId: '00'.repeat(20) }],
  ] as const)('%s', async (_, change) => {
    await expect(token.sign({ ...request, ...change })).rejects.toMatchObject({
      code: 'purposeRefused',
    });
  });

  test('the self-test key for anything else', async () => {
    const keyId = await token.createSelfTestKey();
    expect(await token.createSelfTestKey()).toBe(keyId);
    await token.selfTest();
    await expect(
      token.sign({ ...request, keyId, algorithm: 'ecdsa-with-SHA256' }),
    ).rejects.toMatchObject({ code: 'purposeRefused' });
  });

  test('to bind the self-test key to anything else, or another key to self-tests', async () => {
    const keyId = await token.createSelfTestKey();
    await expect(token.bind([{ ...issuer, keyId, purposes: ['crl'] }])).rejects.toMatchObject({
      code: 'purposeRefused',
    });
    await expect(token.bind([{ ...issuer, purposes: ['selfTest'] }])).rejects.toMatchObject({
      code: 'purposeRefused',
    });
    await token.selfTest();
  });

  test.each([
    ['selfTest beside another purpose', { purposes: ['selfTest', 'crl'], label: 'self-test' }],
    ['selfTest under another label', { purposes: ['selfTest'], label: 'issuer' }],
    ['an issuer under the label of the self-test key', { purposes: ['crl'], label: 'self-test' }],
  ] as const)('to make a key for %s', async (_, change) => {
    await expect(
      token.generateKeyPair({
        keyAlgorithm: 'p256',
        signatureAlgorithm: 'ecdsa-with-SHA256',
        ...change,
      }),
    ).rejects.toMatchObject({ code: 'purposeRefused' });
  });

  test('to make a key whose algorithm it could not sign with', async () => {
    await expect(
      token.generateKeyPair({
        keyAlgorithm: 'p256',
        signatureAlgorithm: 'ed25519',
        purposes: ['notice'],
        label: 'x',
      }),
    ).rejects.toMatchObject({ code: 'invalidArgument' });
  });
});

test('after a restart a key signs once its record is bound again, and only if its public half is the same', async () => {
  const [one, other] = await Promise.all([noticeKey(token), noticeKey(token)]);
  const { token: restarted } = openTestToken(softhsm);
  await restarted.identity();
  await expect(restarted.sign(signRequest(one))).rejects.toMatchObject({ code: 'purposeRefused' });
  await restarted.bind([one]);
  expect((await restarted.sign(signRequest(one))).length).toBeGreaterThan(60);

  const confused = { ...one, subjectPublicKeyInfo: other.subjectPublicKeyInfo };
  await expect(restarted.bind([confused])).rejects.toMatchObject({ code: 'keyBlocked' });
  await expect(restarted.sign(signRequest(one))).rejects.toMatchObject({ code: 'keyBlocked' });
  await restarted.close();
});

test('a destroyed pair is gone from the token and signs no more', async () => {
  const key = await noticeKey(token);
  expect(await token.destroyKeyPair(key.keyId)).toMatchObject({
    objects: 2,
    token: { label: 'token' },
    absent: true,
  });
  expect(await token.keyIds()).not.toContain(key.keyId);
  await expect(token.sign(signRequest(key))).rejects.toMatchObject({ code: 'purposeRefused' });
  await expect(token.destroyKeyPair(key.keyId)).rejects.toMatchObject({ code: 'notFound' });
});

test('random octets come from the token, none twice', async () => {
  const parts = await Promise.all(Array.from({ length: 300 }, () => token.random(16)));
  expect(parts.every((part) => part.length === 16)).toBe(true);
  expect(new Set(parts.map((part) => Buffer.from(part).toString('hex'))).size).toBe(300);
  expect((await token.random(5000)).length).toBe(5000);
  await expect(token.random(0)).rejects.toMatchObject({ code: 'invalidArgument' });
});

test('an on-demand token is opened for the act and closed when idle', async () => {
  const { token: root } = openTestToken(softhsm, { role: 'root', onDemand: true, idleClose: 200 });
  expect(root.health().state).toBe('idle');
  const key = await noticeKey(token);
  await root.bind([key]);
  expect(root.metrics()).toMatchObject({ state: 'idle', starts: 0 });
  await root.sign(signRequest(key));
  const pid = root.metrics().pid ?? 0;
  await expect.poll(() => root.health().state, { timeout: 5000, interval: 20 }).toBe('idle');
  await expect
    .poll(
      () => {
        try {
          return process.kill(pid, 0);
        } catch {
          return false;
        }
      },
      { timeout: 5000, interval: 20 },
    )
    .toBe(false);
  // Its counts are read without opening it.
  const used = (await root.usage()).find(({ keyId }) => keyId === key.keyId);
  expect(used).toEqual({ keyId: key.keyId, signatures: 1 });
  expect(root.metrics()).toMatchObject({ state: 'idle', starts: 1 });
  await root.sign(signRequest(key));
  expect(root.metrics().starts).toBe(2);
});

test('what is final stays so in the next signer process, whatever was asked meanwhile', async () => {
  const { token: own } = openTestToken(softhsm);
  const key = await noticeKey(own);
  const live = async (life: Partial<KeyLife>) =>
    own.bind([{ ...key, life: { ...key.life, ...life } }]);
  await live({ state: 'compromised' });
  await expect(live({ state: 'active' })).rejects.toMatchObject({ code: 'purposeRefused' });
  process.kill(own.metrics().pid ?? 0, 'SIGKILL');
  const state = () => `${own.metrics().starts} ${own.health().state}`;
  await expect.poll(state, { timeout: 30_000, interval: 20 }).toBe('2 ready');
  await expect(own.sign(signRequest(key))).rejects.toMatchObject({
    code: 'keyBlocked',
    message: expect.stringContaining('it is compromised') as string,
  });
  await own.close();
});

test('a key is signed with in the token that has it', async () => {
  const key = await noticeKey(token);
  const signer = routeSigner([token], (keyId) => (keyId === key.keyId ? 'issuing' : undefined));
  expect((await signer.sign(signRequest(key))).length).toBeGreaterThan(60);
  await expect(signer.sign(signRequest(issuer))).rejects.toMatchObject({ code: 'purposeRefused' });
  const elsewhere = routeSigner([token], () => 'root');
  await expect(elsewhere.sign(signRequest(key))).rejects.toMatchObject({ code: 'purposeRefused' });
});

test('after close nothing is signed, and the process ends', async () => {
  const { token: closed } = openTestToken(softhsm);
  await closed.identity();
  const pid = closed.metrics().pid ?? 0;
  await closed.close();
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  await expect(closed.identity()).rejects.toMatchObject({ code: 'tokenUnavailable' });
});

describe('a new token', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-new-token-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const softhsmFolder = softhsmConfiguration(folder);
  softhsmFolder.write();
  const options = {
    module: findSofthsmModule(),
    label: 'responder',
    pinFile: join(folder, 'pin'),
    soPinFile: join(folder, 'so-pin'),
    environment: softhsmFolder.environment,
  };

  test('says which PIN file is missing', async () => {
    await expect(initialiseToken(options)).rejects.toMatchObject({
      code: 'tokenUnavailable',
      message: expect.stringContaining(options.pinFile) as string,
    });
  });

  test('is made once, and a second run finds it with its keys', async () => {
    createPinFile(options.pinFile);
    createPinFile(options.soPinFile);
    const identity = await initialiseToken(options);
    expect(identity).toMatchObject({ label: 'responder', hardware: false });
    const { token: fresh } = openTestToken({
      ...softhsm,
      ...options,
      environment: { SOFTHSM2_CONF: softhsmFolder.confPath },
    });
    const keyId = await fresh.createSelfTestKey();
    await fresh.selfTest();
    expect(await initialiseToken(options)).toEqual(identity);
    expect(await fresh.keyIds()).toEqual([keyId]);
    await fresh.close();
  });

  test('its answer counts although the process has ended before the answer is read', async () => {
    for (let attempt = 0; attempt < 3; attempt++) {
      const answer = initialiseToken(options);
      // Blocks our event loop, as a busy machine does, until answer and end have both happened.
      const until = performance.now() + 1500;
      await new Promise((resolve) => setImmediate(resolve));
      while (performance.now() < until);
      expect(await answer).toMatchObject({ label: 'responder' });
    }
  });

  test('needs a free slot by a label that fits', async () => {
    await expect(initialiseToken({ ...options, label: 'x'.repeat(33) })).rejects.toMatchObject({
      code: 'tokenUnavailable',
    });
  });
});
