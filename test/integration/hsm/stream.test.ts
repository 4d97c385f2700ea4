/** A CRL is signed as it comes, chunk by chunk, by the signer process of a real SoftHSM token. */
import { createPublicKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isChanceryError } from '../../../src/domain/index.ts';
import { routeSigner } from '../../../src/hsm/index.ts';
import type { SignStreamRequest } from '../../../src/issuance/ports.ts';
import type { GeneratedKey } from '../../../src/keys/ports.ts';
import {
  type KeyAlgorithmName,
  type SignatureAlgorithmName,
  signatureAlgorithms,
  verifySignature,
} from '../../../src/pkix/index.ts';
import { activeKey, noticeKey, openTestToken, signRequest, signsAgain } from '../../support/hsm.ts';
import { testToken } from '../../support/softhsm.ts';
import { ownName, tbsCertList, tbsCertListFrame } from '../../support/to-be-signed.ts';

const { token } = openTestToken(testToken('stream'));
const notices = await noticeKey(token);

async function crlKey(
  keyAlgorithm: KeyAlgorithmName,
  signatureAlgorithm: SignatureAlgorithmName,
): Promise<GeneratedKey> {
  return activeKey(token, {
    keyAlgorithm,
    signatureAlgorithm,
    purposes: ['crl', 'certificate'],
    label: `crl ${signatureAlgorithm}`,
    issuerName: ownName.der,
  });
}
const key = await crlKey('p256', 'ecdsa-with-SHA256');

const tbs = tbsCertList(key, 1_500_000);

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    yield await Promise.resolve(bytes.subarray(at, at + size));
  }
}

function request(change: Partial<SignStreamRequest> = {}): SignStreamRequest {
  return {
    keyId: key.keyId,
    purpose: 'crl',
    algorithm: key.algorithm,
    length: tbs.length,
    chunks: () => cut(tbs, 100_000),
    deadline: 5000,
    ...change,
  };
}

function isRight(signed: GeneratedKey, signature: Uint8Array, message: Uint8Array): boolean {
  const spki = Buffer.from(signed.subjectPublicKeyInfo);
  const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  return verifySignature(signatureAlgorithms[signed.algorithm], publicKey, message, signature);
}

test.each([
  ['p256', 'ecdsa-with-SHA256', 1],
  ['p384', 'ecdsa-with-SHA384', 65_537],
  ['p521', 'ecdsa-with-SHA512', 100_000],
  ['rsa2048', 'sha256WithRSAEncryption', 131_072],
  ['rsa2048', 'sha512WithRSAEncryption', 131_073],
  ['rsa2048', 'rsassa-pss-sha256', 300_000],
  ['rsa2048', 'rsassa-pss-sha384', 1_500_000],
  ['ed25519', 'ed25519', 77_777],
] as const)(
  'a key %s signs by %s in chunks of %i octets',
  async (keyAlgorithm, algorithm, size) => {
    const { keyId, ...made } = await crlKey(keyAlgorithm, algorithm);
    const bytes = tbsCertList({ keyId, ...made }, size === 1 ? 2000 : 1_500_000);
    const signature = await token.signStream(
      request({ keyId, algorithm, length: bytes.length, chunks: () => cut(bytes, size) }),
    );
    expect(isRight({ keyId, ...made }, signature, bytes)).toBe(true);
  },
);

describe('the signer process refuses, and signs nothing', () => {
  const inner = Buffer.from(tbs);
  inner.writeUIntBE(tbs.length - 6, 2, 3);
  const certificate = Buffer.from(tbs);
  certificate.set([0xa0, 3, 2, 1, 2], 5);
  const unbound = 'ab'.repeat(20);

  test.each([
    ['an unbound key', { keyId: unbound }, 'purposeRefused'],
    ['a key bound to something else', { keyId: notices.keyId }, 'purposeRefused'],
    ['another algorithm', { algorithm: 'ecdsa-with-SHA384' }, 'purposeRefused'],
    ['a certificate', { chunks: () => cut(certificate, 9) }, 'purposeRefused'],
    ['a structure that ends before the stream', { chunks: () => cut(inner, 7) }, 'purposeRefused'],
    ['a length that is not the stream’s', { length: tbs.length - 1 }, 'purposeRefused'],
    [
      'a stream that ends too early',
      { chunks: () => cut(tbs.subarray(1), 9999) },
      'purposeRefused',
    ],
    ['no octets at all', { chunks: () => cut(tbs.subarray(0, 0), 1) }, 'internal'],
  ] as const)('%s', async (_, change, code) => {
    const before = token.metrics().signatures;
    await expect(token.signStream(request(change))).rejects.toMatchObject({ code });
    expect(token.metrics().signatures).toBe(before);
  });

  test('what Ed25519 can’t take whole, before it is read', async () => {
    const made = await crlKey('ed25519', 'ed25519');
    const length = 64 * 1024 * 1024 + 1;
    const { keyId, algorithm } = made;
    await expect(token.signStream(request({ keyId, algorithm, length }))).rejects.toMatchObject({
      code: 'invalidArgument',
    });
  });
});

test('what the source throws is thrown, and the next list is signed', async () => {
  const chunks = async function* () {
    yield* cut(tbs.subarray(0, 700_000), 100_000);
    throw new Error('the disk is gone');
  };
  await expect(token.signStream(request({ chunks }))).rejects.toThrow('the disk is gone');
  expect(isRight(key, await token.signStream(request()), tbs)).toBe(true);
});

test('many lists and other signatures go on while one waits for its source', async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const chunks = async function* () {
    yield tbs.subarray(0, 100_000);
    await gate;
    yield tbs.subarray(100_000);
  };
  const slow = token.signStream(request({ chunks }));
  const notes = Array.from({ length: 100 }, (_, i) => token.sign(signRequest(notices, `n${i}`)));
  const lists = Array.from({ length: 20 }, async () => token.signStream(request()));
  expect(await Promise.all(notes)).toHaveLength(100);
  expect(await Promise.all(lists)).toHaveLength(20);
  open();
  expect(isRight(key, await slow, tbs)).toBe(true);
});

/** A list without an end, as far as its reader goes. */
function endless(): SignStreamRequest & { readonly read: () => number } {
  let read = 0;
  const { head, octets } = tbsCertListFrame(key, 500_000_000);
  const piece = Buffer.alloc(131_072);
  return {
    ...request({ length: octets, deadline: 700 }),
    async *chunks() {
      yield head;
      for (;;) {
        read += 1;
        yield await Promise.resolve(piece);
      }
    },
    read: () => read,
  };
}

test('a signer process that stops is not sent more than it may hold, and is replaced', async () => {
  const before = token.metrics().pid ?? 0;
  const list = endless();
  process.kill(before, 'SIGSTOP');
  await expect(token.signStream(list)).rejects.toMatchObject({ code: 'tokenUnavailable' });
  expect(list.read()).toBeLessThan(10);
  await signsAgain(token, notices);
  expect(token.metrics().pid).not.toBe(before);
});

test('a signer process that dies while it reads has signed nothing; the next one signs', async () => {
  const list = endless();
  const outcome = token.signStream(list).then(
    () => 'signed',
    (error: unknown) => (isChanceryError(error) ? error.code : String(error)),
  );
  await expect.poll(list.read, { timeout: 10_000 }).toBeGreaterThan(100);
  process.kill(token.metrics().pid ?? 0, 'SIGKILL');
  expect(await outcome).toBe('tokenUnavailable');
  await signsAgain(token, notices);
  expect(isRight(key, await token.signStream(request()), tbs)).toBe(true);
});

test('a stream goes to the token that has the key', async () => {
  const signer = routeSigner([token], (keyId) => (keyId === key.keyId ? 'issuing' : undefined));
  expect(isRight(key, await signer.signStream(request()), tbs)).toBe(true);
  await expect(signer.signStream(request({ keyId: notices.keyId }))).rejects.toMatchObject({
    code: 'purposeRefused',
  });
});
