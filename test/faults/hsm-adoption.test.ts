/** Pairs that were in a token before: adopted when they are as strong as our own, listed, destroyed for good. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import type { StrangePair } from '../support/generate-pairs-process.ts';
import { openSignerChannel } from '../support/signer-channel.ts';
import { testToken } from '../support/softhsm.ts';
import { ownName, requestInfo, tbsCertificate, tbsSelfSigned } from '../support/to-be-signed.ts';

const softhsm = testToken('adoption');
const purposes = ['certificate', 'crl', 'certificationRequest'] as const;

const strange: readonly (readonly [string, StrangePair, RegExp, string])[] = [
  [
    'extractable',
    { attributes: { extractable: true } },
    /CKA_EXTRACTABLE is set/,
    'policyViolation',
  ],
  [
    'not sensitive',
    { attributes: { sensitive: false } },
    /CKA_SENSITIVE is not/,
    'policyViolation',
  ],
  ['able to decrypt', { attributes: { decrypt: true } }, /CKA_DECRYPT is set/, 'policyViolation'],
  ['able to unwrap', { attributes: { unwrap: true } }, /CKA_UNWRAP is set/, 'policyViolation'],
  ['able to derive', { attributes: { derive: true } }, /CKA_DERIVE is set/, 'policyViolation'],
  ['unable to sign', { attributes: { sign: false } }, /CKA_SIGN is not set/, 'policyViolation'],
  [
    'to be seen without a login',
    { attributes: { private: false } },
    /CKA_PRIVATE/,
    'policyViolation',
  ],
  ['under another CKA_ID', { otherId: true }, /set CKA_ID of both halves/, 'policyViolation'],
  ['there twice', { twice: true }, /several objects/, 'policyViolation'],
  ['without its public half', { withoutPublicHalf: true }, /public half/, 'policyViolation'],
  [
    'of a curve that we never make',
    { curve: 'secp256k1' },
    /public half|kind or size/,
    'policyViolation',
  ],
];

const made = JSON.parse(
  execFileSync(
    process.execPath,
    [
      new URL('../support/generate-pairs-process.ts', import.meta.url).pathname,
      JSON.stringify([softhsm, [{}, ...strange.map(([, pair]) => pair)]]),
    ],
    { env: { ...softhsm.environment, NODE_NO_WARNINGS: '1' }, encoding: 'utf8' },
  ),
) as readonly string[];
const [good = '', ...weak] = made;
const signer = await openSignerChannel(softhsm);

test('a pair as strong as our own is adopted, in pre-activation, and signs once it is activated', async () => {
  const key = await signer.call({
    name: 'adoptKeyPair',
    request: { keyId: good, purposes, issuerName: ownName.der },
  });
  expect(key).toMatchObject({
    keyId: good,
    keyAlgorithm: 'p256',
    algorithm: 'ecdsa-with-SHA256',
    label: 'strange',
    token: { label: 'adoption' },
    life: { state: 'pre-activation' },
  });
  const { keyId, algorithm } = key;
  const of = (bytes: Uint8Array) => ({ keyId, algorithm, purpose: 'certificate', bytes }) as const;
  // Looked at and not bound: whoever adopts it may still find something wrong with it.
  await expect(signer.sign(of(tbsSelfSigned(key)))).rejects.toThrow('it is not bound');
  await signer.call({ name: 'bind', keys: [key] });
  await signer.sign(of(tbsSelfSigned(key)));
  await signer.sign({ ...of(requestInfo(key)), purpose: 'certificationRequest' });
  await expect(signer.sign(of(tbsCertificate(key)))).rejects.toMatchObject({
    code: 'purposeRefused',
  });
  const active = await signer.live(key, { state: 'active' });
  await signer.sign(of(tbsCertificate(active)));
  // Asked again, it keeps the life that it has.
  const again = await signer.call({ name: 'adoptKeyPair', request: { keyId, purposes } });
  expect(again.life).toMatchObject({ state: 'active' });
});

test.each(
  strange.map(([name, , message, code], at) => [name, weak[at] ?? '', message, code] as const),
)('a pair that is %s is not adopted, and signs nothing', async (_, keyId, message, code) => {
  await expect(
    signer.call({ name: 'adoptKeyPair', request: { keyId, purposes } }),
  ).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
  await expect(
    signer.sign({ keyId, purpose: 'crl', algorithm: 'ecdsa-with-SHA256', bytes: Buffer.alloc(9) }),
  ).rejects.toMatchObject({ code: 'purposeRefused' });
});

test('a pair that is not there, a wrong algorithm and the self-test key are not adopted', async () => {
  const adopt = async (request: object) =>
    signer.call({ name: 'adoptKeyPair', request: { keyId: good, purposes, ...request } });
  await expect(adopt({ keyId: '00'.repeat(20) })).rejects.toMatchObject({ code: 'notFound' });
  await expect(adopt({ keyId: '' })).rejects.toMatchObject({ code: 'notFound' });
  await expect(adopt({ signatureAlgorithm: 'ed25519' })).rejects.toMatchObject({
    code: 'invalidArgument',
  });
  const selfTest = await signer.call({ name: 'createSelfTestKey' });
  await expect(adopt({ keyId: selfTest })).rejects.toMatchObject({ code: 'policyViolation' });
});

test('everything in the token is listed, with attributes and public halves', async () => {
  const objects = await signer.call({ name: 'objects' });
  const halves = objects.filter(({ keyId }) => keyId === good);
  expect(halves.map((one) => one.class).sort()).toEqual(['privateKey', 'publicKey']);
  const [privateHalf] = halves.filter((one) => one.class === 'privateKey');
  expect(privateHalf).toMatchObject({
    label: 'strange',
    attributes: { sensitive: true, extractable: false, local: true },
  });
  expect(halves.find((one) => one.class === 'publicKey')?.subjectPublicKeyInfo).toBeDefined();
  const [extractable] = weak;
  expect(
    objects.find((one) => one.keyId === extractable && one.class === 'privateKey')?.attributes,
  ).toMatchObject({ extractable: true });
});

test('destruction takes every object by that CKA_ID, and says what was seen; another process finds none', async () => {
  const twice = weak[strange.findIndex(([name]) => name === 'there twice')] ?? '';
  const destroy = async (keyId: string) => signer.call({ name: 'destroyKeyPair', keyId });
  expect(await destroy(twice)).toMatchObject({ objects: 3, absent: true });
  expect(await destroy(good)).toMatchObject({
    objects: 2,
    token: { label: 'adoption', serialNumber: expect.stringMatching(/./) as string },
    absent: true,
  });
  await expect(destroy(good)).rejects.toMatchObject({ code: 'notFound' });
  const other = await openSignerChannel(softhsm);
  const left = await other.call({ name: 'objects' });
  expect(left.filter(({ keyId }) => keyId === good || keyId === twice)).toEqual([]);
  await other.close();
});
