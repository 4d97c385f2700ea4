import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import type { BoundKey } from '../../../src/hsm/key-bindings.ts';
import { signingMechanisms } from '../../../src/hsm/mechanisms.ts';
import { WholeMessage } from '../../../src/hsm/message.ts';
import { verifiedSignature } from '../../../src/hsm/signature-value.ts';
import { signatureAlgorithms } from '../../../src/pkix/index.ts';

const bytes = Buffer.from('the bytes that were linted');
const message = new WholeMessage(bytes);
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key: BoundKey = {
  binding: {
    keyId: 'aa',
    purposes: ['notice'],
    algorithm: 'ecdsa-with-SHA256',
    subjectPublicKeyInfo: pair.publicKey.export({ type: 'spki', format: 'der' }),
    life: { state: 'active', scope: 'full' },
  },
  algorithm: signatureAlgorithms['ecdsa-with-SHA256'],
  mechanism: signingMechanisms['ecdsa-with-SHA256'],
  verificationKey: pair.publicKey,
  handle: undefined,
  problem: undefined,
};
const raw = sign('sha256', bytes, {
  key: createPrivateKey(pair.privateKey.export({ type: 'pkcs8', format: 'pem' })),
  dsaEncoding: 'ieee-p1363',
});

test('r and s become the DER of Ecdsa-Sig-Value', () => {
  const value = verifiedSignature(key, message, raw);
  expect(value[0]).toBe(0x30);
});

test.each<[string, (signature: Buffer) => Buffer]>([
  ['one octet short', (s) => s.subarray(1)],
  ['one octet long', (s) => Buffer.concat([s, Buffer.of(0)])],
  ['empty', () => Buffer.alloc(0)],
  ['r = 0', (s) => Buffer.concat([Buffer.alloc(32), s.subarray(32)])],
  ['s = 0', (s) => Buffer.concat([s.subarray(0, 32), Buffer.alloc(32)])],
  ['r out of range', (s) => Buffer.concat([Buffer.alloc(32, 0xff), s.subarray(32)])],
  ['r and s exchanged', (s) => Buffer.concat([s.subarray(32), s.subarray(0, 32)])],
  [
    'a signature of other bytes',
    () => sign('sha256', Buffer.from('other'), { key: pair.privateKey, dsaEncoding: 'ieee-p1363' }),
  ],
])('%s is a wrong signature', (_, spoil) => {
  expect(() => verifiedSignature(key, message, spoil(Buffer.from(raw)))).toThrow(
    expect.objectContaining({ name: 'WrongSignature' }),
  );
});
