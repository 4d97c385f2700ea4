/**
 * The signer process, driven directly with forged requests, refuses by itself: by the state, scope
 * and period of the key (SP 800-57 Part 1 §5.3, §7), and by what the octets say.
 */
import { createPublicKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { KeyState } from '../../src/domain/index.ts';
import type { SignItem } from '../../src/hsm/messages.ts';
import type { GeneratedKey } from '../../src/keys/ports.ts';
import {
  encodeBasicConstraints,
  encodeExtendedKeyUsage,
  oids,
  signatureAlgorithms,
  verifySignature,
} from '../../src/pkix/index.ts';
import { openSignerChannel } from '../support/signer-channel.ts';
import { testToken } from '../support/softhsm.ts';
import {
  otherName,
  requestInfo,
  responseData,
  tbsCertificate,
  tbsCertList,
  tbsDelegate,
  tbsSelfSigned,
} from '../support/to-be-signed.ts';

const signer = await openSignerChannel(testToken('forged'));
const made = await signer.make();
const other = await signer.make();
const issuer = await signer.live(made, { state: 'active' });

function item(key: GeneratedKey, purpose: SignItem['purpose'], bytes: Uint8Array) {
  return { keyId: key.keyId, purpose, algorithm: key.algorithm, bytes };
}

/** Signs, and node:crypto believes it. */
async function signs(key: GeneratedKey, purpose: SignItem['purpose'], bytes: Uint8Array) {
  const signature = await signer.sign(item(key, purpose, bytes));
  const spki = Buffer.from(key.subjectPublicKeyInfo);
  const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  expect(verifySignature(signatureAlgorithms[key.algorithm], publicKey, bytes, signature)).toBe(
    true,
  );
}

async function refuses(
  key: GeneratedKey,
  purpose: SignItem['purpose'],
  bytes: Uint8Array,
  message: RegExp = /./,
  code = 'purposeRefused',
) {
  await expect(signer.sign(item(key, purpose, bytes))).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message) as string,
  });
}

describe('an active CA key', () => {
  test('signs certificates, CRLs and requests of its own issuer', async () => {
    await signs(issuer, 'certificate', tbsCertificate(issuer));
    await signs(issuer, 'certificate', tbsDelegate(issuer, { cA: true }));
    await signs(issuer, 'crl', tbsCertList(issuer));
    await signs(issuer, 'certificationRequest', requestInfo(issuer));
  });

  const wrong = signatureAlgorithms['ecdsa-with-SHA384'];
  const twice = Buffer.concat([tbsCertificate(issuer), tbsCertificate(issuer)]);
  test.each([
    [
      "another issuer's certificate",
      'certificate',
      tbsCertificate(issuer, { issuer: otherName }),
      /another issuer/,
    ],
    [
      "another issuer's CRL",
      'crl',
      tbsCertList(issuer, 0, { issuer: otherName }),
      /another issuer/,
    ],
    [
      'a certificate that names another algorithm',
      'certificate',
      tbsCertificate(issuer, { signature: wrong }),
      /algorithm/,
    ],
    [
      'a CRL that names another algorithm',
      'crl',
      tbsCertList(issuer, 0, { signature: wrong }),
      /algorithm/,
    ],
    [
      "a request for another's key",
      'certificationRequest',
      requestInfo(issuer, other.subjectPublicKeyInfo),
      /another/,
    ],
    ['a CRL as a certificate', 'certificate', tbsCertList(issuer), /outer structure/],
    ['a certificate as a CRL', 'crl', tbsCertificate(issuer), /outer structure/],
    [
      'a certificate as a request',
      'certificationRequest',
      tbsCertificate(issuer),
      /outer structure/,
    ],
    ['what is not bound: an OCSP response', 'ocspResponse', responseData(issuer), /binds/],
    ['what is not bound: a notice', 'notice', Buffer.from('text'), /binds/],
    ['two structures at once', 'certificate', twice, /outer structure/],
    ['nothing', 'certificate', Buffer.alloc(0), /outer structure/],
    [
      'a structure without content',
      'certificate',
      Buffer.from('3005a003020102', 'hex'),
      /TBSCertificate/,
    ],
    ['a CRL without issuer and times', 'crl', Buffer.from('3003020101', 'hex'), /TBSCertList/],
  ] as const)('does not sign %s', async (_, purpose, bytes, message) => {
    await refuses(issuer, purpose, bytes, message);
  });

  test('does not sign what is cut off, or spoilt in one length or tag', async () => {
    const whole = tbsCertificate(issuer);
    for (let end = 1; end < whole.length; end += 7) {
      await refuses(issuer, 'certificate', whole.subarray(0, end));
    }
    for (const at of [0, 1, 3, 4, 8, 9]) {
      const spoilt = Uint8Array.from(whole);
      spoilt[at] = (spoilt[at] ?? 0) ^ 0x11;
      await refuses(issuer, 'certificate', spoilt);
    }
  });

  test('does not sign by another algorithm than its record binds', async () => {
    const forged = { ...issuer, algorithm: 'ecdsa-with-SHA384' } as const;
    await refuses(forged, 'certificate', tbsCertificate(forged), /binds ecdsa-with-SHA256/);
  });

  test('without an issuer bound to it signs neither certificate nor CRL', async () => {
    const nobody = await signer.make({ issuerName: undefined });
    const key = await signer.live(nobody, { state: 'active' });
    await refuses(key, 'certificate', tbsCertificate(key), /no issuer is bound/);
    await refuses(key, 'crl', tbsCertList(key), /no issuer is bound/);
  });

  test('signs nothing once its originator-usage period is over', async () => {
    const soon = await signer.live(await signer.make(), {
      state: 'active',
      originatorUsageEnd: Date.now() + 60_000,
    });
    await signs(soon, 'crl', tbsCertList(soon));
    const over = await signer.live(soon, { originatorUsageEnd: Date.now() - 1 });
    await refuses(over, 'crl', tbsCertList(over), /period ended/, 'keyBlocked');
    await refuses(over, 'certificate', tbsCertificate(over), /period ended/, 'keyBlocked');
  });
});

describe('a key that is not activated', () => {
  const key = other;

  test('signs proof of possession: a request, or the certificate by which its issuer certifies itself', async () => {
    expect(key.life).toMatchObject({ state: 'pre-activation' });
    await signs(key, 'certificationRequest', requestInfo(key));
    await signs(key, 'certificate', tbsSelfSigned(key));
  });

  test.each([
    ["a subscriber's certificate", 'certificate', tbsCertificate(key)],
    ["its own key under another's name", 'certificate', tbsSelfSigned(key, { issuer: otherName })],
    [
      "its own name with another's key",
      'certificate',
      tbsSelfSigned({ ...key, subjectPublicKeyInfo: issuer.subjectPublicKeyInfo }),
    ],
    ['an OCSP delegate', 'certificate', tbsDelegate(key)],
    ['a CRL', 'crl', tbsCertList(key)],
    [
      "a request for another's key",
      'certificationRequest',
      requestInfo(key, issuer.subjectPublicKeyInfo),
    ],
  ] as const)('does not sign %s', async (_, purpose, bytes) => {
    await refuses(key, purpose, bytes);
  });
});

describe.each<KeyState>(['suspended', 'deactivated', 'compromised', 'destroyed'])(
  'a key that is %s',
  (state) => {
    test('signs nothing, CRLs and requests included', async () => {
      const active = await signer.live(await signer.make(), { state: 'active' });
      await signs(active, 'crl', tbsCertList(active));
      const key = await signer.live(active, { state });
      const message = new RegExp(`it is ${state}`);
      await refuses(key, 'certificate', tbsCertificate(key), message, 'keyBlocked');
      await refuses(key, 'certificate', tbsSelfSigned(key), message, 'keyBlocked');
      await refuses(key, 'crl', tbsCertList(key), message, 'keyBlocked');
      await refuses(key, 'certificationRequest', requestInfo(key), message, 'keyBlocked');
      const again = signer.live(key, { state: 'active' });
      if (state === 'compromised' || state === 'destroyed') {
        await expect(again).rejects.toMatchObject({ code: 'purposeRefused' });
        await refuses(key, 'crl', tbsCertList(key), message, 'keyBlocked');
      } else {
        await signs(await again, 'crl', tbsCertList(key));
      }
    });
  },
);

describe('a key whose issuer retires (scope status)', async () => {
  const key = await signer.live(await signer.make(), { state: 'active', scope: 'status' });

  test('signs CRLs and the certificates of OCSP delegates', async () => {
    await signs(key, 'crl', tbsCertList(key));
    await signs(key, 'certificate', tbsDelegate(key));
  });

  test.each([
    ["a subscriber's certificate", 'certificate', tbsCertificate(key)],
    [
      'a certificate without extended key usage',
      'certificate',
      tbsCertificate(key, { extensions: [] }),
    ],
    [
      'a CA certificate',
      'certificate',
      tbsCertificate(key, { extensions: [encodeBasicConstraints({ cA: true })] }),
    ],
    ['a delegate that is a CA', 'certificate', tbsDelegate(key, { cA: true })],
    [
      'a delegate that is a TLS server as well',
      'certificate',
      tbsDelegate(key, { usages: [oids.ocspSigning, oids.serverAuth] }),
    ],
    ['its own self-signed certificate', 'certificate', tbsSelfSigned(key)],
    [
      'a delegate of another issuer',
      'certificate',
      tbsCertificate(key, {
        issuer: otherName,
        extensions: [encodeExtendedKeyUsage([oids.ocspSigning])],
      }),
    ],
    ['a request', 'certificationRequest', requestInfo(key)],
  ] as const)('does not sign %s', async (_, purpose, bytes) => {
    await refuses(key, purpose, bytes);
  });

  test('is never widened again', async () => {
    await expect(signer.live(key, { scope: 'full' })).rejects.toMatchObject({
      code: 'purposeRefused',
    });
    await refuses(key, 'certificate', tbsCertificate(key));
  });
});

describe("a responder's key", async () => {
  const purposes = ['ocspResponse', 'certificationRequest'] as const;
  const fresh = await signer.make({ purposes, issuerName: undefined });

  test('answers once it is certified, as itself or by a name', async () => {
    await refuses(fresh, 'ocspResponse', responseData(fresh), /not activated/);
    const key = await signer.live(fresh, { state: 'active' });
    await signs(key, 'ocspResponse', responseData(key));
    await signs(key, 'ocspResponse', responseData(key, { type: 'byName', name: otherName }));
    await refuses(key, 'ocspResponse', responseData(issuer), /another responder/);
    await refuses(key, 'ocspResponse', responseData(key).subarray(0, 40));
    await refuses(key, 'ocspResponse', Buffer.from('3002a100', 'hex'), /ResponseData/);
    await refuses(key, 'certificate', tbsCertificate(key), /binds/);
  });
});

describe('a CRL that comes in chunks', () => {
  const list = tbsCertList(issuer, 100_000);
  const stream = (bytes: Uint8Array, purpose: SignItem['purpose'] = 'crl', key = issuer) =>
    signer.stream({ keyId: key.keyId, purpose, algorithm: key.algorithm, length: bytes.length }, [
      bytes.subarray(0, 5),
      bytes.subarray(5, 20_000),
      bytes.subarray(20_000),
    ]);

  test('is signed when its head is its issuer’s', async () => {
    expect((await stream(list)).length).toBeGreaterThan(60);
  });

  test.each([
    ['another issuer’s', tbsCertList(issuer, 100_000, { issuer: otherName }), 'crl'],
    [
      'of another algorithm',
      tbsCertList(issuer, 100_000, { signature: signatureAlgorithms.ed25519 }),
      'crl',
    ],
    ['not there', Buffer.concat([list.subarray(0, 8), Buffer.alloc(list.length - 8)]), 'crl'],
    ['a certificate’s', tbsCertificate(issuer), 'certificate'],
  ] as const)('is not signed when its head is %s', async (_, bytes, purpose) => {
    await expect(stream(bytes, purpose)).rejects.toMatchObject({ code: 'purposeRefused' });
  });

  test('is not signed by a key that was suspended while it came', async () => {
    const key = await signer.live(await signer.make(), { state: 'active' });
    const bytes = tbsCertList(key, 1000);
    const { keyId, algorithm } = key;
    const number = 1_000_000;
    await signer.call({
      name: 'openStream',
      stream: number,
      keyId,
      algorithm,
      purpose: 'crl',
      length: bytes.length,
    });
    await signer.call({ name: 'writeStream', stream: number, bytes });
    await signer.live(key, { state: 'suspended' });
    await expect(signer.call({ name: 'signStream', stream: number })).rejects.toMatchObject({
      code: 'keyBlocked',
    });
  });
});
