import { createECDH, createHash, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { bitString, explicit, integer, nullValue, oid, sequence } from '../../../src/der/index.ts';
import {
  type AlgorithmIdentifier,
  defaultSignatureAlgorithm,
  ecdsaRawToDer,
  importVerificationKey,
  keyAlgorithmOf,
  keyIdentifier,
  oids,
  parseSubjectPublicKeyInfo,
  resolveSignatureAlgorithm,
  type SignatureAlgorithmName,
  SignatureVerification,
  signatureAlgorithms,
  verifySignature,
} from '../../../src/pkix/index.ts';
import { sampleCertificate, sampleKey, signWith } from '../../support/pki-samples.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const identifier = (id: string, parameters?: Uint8Array): AlgorithmIdentifier => ({
  oid: id,
  parameters,
  der: parameters === undefined ? sequence(oid(id)) : sequence(oid(id), parameters),
});

describe('X9: AlgorithmIdentifiers as we write them', () => {
  it.each([
    ['ecdsa-with-SHA256', '300a06082a8648ce3d040302'],
    ['ecdsa-with-SHA384', '300a06082a8648ce3d040303'],
    ['ecdsa-with-SHA512', '300a06082a8648ce3d040304'],
    ['sha256WithRSAEncryption', '300d06092a864886f70d01010b0500'],
    ['sha384WithRSAEncryption', '300d06092a864886f70d01010c0500'],
    ['sha512WithRSAEncryption', '300d06092a864886f70d01010d0500'],
    // As `openssl req -x509 -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32` writes it.
    [
      'rsassa-pss-sha256',
      '304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120',
    ],
    ['ed25519', '300506032b6570'],
  ] as const)('%s', (name, der) => {
    expect(hex(signatureAlgorithms[name].identifier.der)).toBe(der);
  });

  it('each row is resolved from its own identifier, and only from it', () => {
    for (const row of Object.values(signatureAlgorithms)) {
      expect(resolveSignatureAlgorithm(row.identifier)).toBe(row);
    }
    const certificate = sampleCertificate({ key: sampleKey('rsassa-pss-sha384'), subject: 'CN=a' });
    expect(resolveSignatureAlgorithm(certificate.signatureAlgorithm)?.name).toBe(
      'rsassa-pss-sha384',
    );
  });
});

describe('what the registry refuses', () => {
  const hash = (id: string): Uint8Array => sequence(oid(id), nullValue());
  const pss = (...fields: Uint8Array[]): AlgorithmIdentifier =>
    identifier(oids.rsassaPss, sequence(...fields));
  const hashField = explicit(0, hash(oids.sha256));
  const mask = (id: string): Uint8Array => explicit(1, sequence(oid(oids.mgf1), hash(id)));

  it.each<[string, AlgorithmIdentifier]>([
    ['SHA-1 with RSA', identifier(oids.sha1WithRSAEncryption, nullValue())],
    ['MD5 with RSA', identifier(oids.md5WithRSAEncryption, nullValue())],
    ['ECDSA with SHA-1', identifier(oids.ecdsaWithSHA1)],
    ['ECDSA with NULL parameters', identifier(oids.ecdsaWithSHA256, nullValue())],
    ['Ed25519 with NULL parameters', identifier(oids.ed25519, nullValue())],
    ['RSA with an INTEGER as parameters', identifier(oids.sha256WithRSAEncryption, integer(1))],
    ['PSS without parameters', identifier(oids.rsassaPss)],
    ['PSS with all defaults, which are SHA-1', pss()],
    [
      'PSS without the mask field, which means MGF1 with SHA-1',
      pss(hashField, explicit(2, integer(32))),
    ],
    ['PSS without the salt field, which means 20', pss(hashField, mask(oids.sha256))],
    [
      'PSS with another hash in the mask',
      pss(hashField, mask(oids.sha512), explicit(2, integer(32))),
    ],
    [
      'PSS with a salt of another length',
      pss(hashField, mask(oids.sha256), explicit(2, integer(20))),
    ],
    [
      'PSS with SHA-1 said aloud',
      pss(explicit(0, hash(oids.sha1)), mask(oids.sha1), explicit(2, integer(20))),
    ],
    [
      'PSS with a trailer field',
      pss(hashField, mask(oids.sha256), explicit(2, integer(32)), explicit(3, integer(1))),
    ],
    [
      'PSS with something behind',
      pss(hashField, mask(oids.sha256), explicit(2, integer(32)), nullValue()),
    ],
    ['PSS with NULL parameters', identifier(oids.rsassaPss, nullValue())],
    ['an algorithm nobody knows', identifier('1.2.3.4')],
    ['a name of Object.prototype', identifier('1.2.3', nullValue())],
  ])('%s', (_what, algorithm) => {
    expect(resolveSignatureAlgorithm(algorithm)).toBeUndefined();
  });

  it('reads RSA without parameters (RFC 4055 §5) and PSS hashes without NULL (RFC 4055 §2.1)', () => {
    expect(resolveSignatureAlgorithm(identifier(oids.sha256WithRSAEncryption))?.name).toBe(
      'sha256WithRSAEncryption',
    );
    const bare = sequence(oid(oids.sha256));
    const algorithm = pss(
      explicit(0, bare),
      explicit(1, sequence(oid(oids.mgf1), bare)),
      explicit(2, integer(32)),
    );
    expect(resolveSignatureAlgorithm(algorithm)?.name).toBe('rsassa-pss-sha256');
  });
});

describe('keys', () => {
  it('names and default algorithms', () => {
    expect(keyAlgorithmOf(sampleKey('ecdsa-with-SHA256').spki)).toBe('p256');
    expect(keyAlgorithmOf(sampleKey('ecdsa-with-SHA384').spki)).toBe('p384');
    expect(keyAlgorithmOf(sampleKey('ecdsa-with-SHA512').spki)).toBe('p521');
    expect(keyAlgorithmOf(sampleKey('sha256WithRSAEncryption').spki)).toBe('rsa2048');
    expect(keyAlgorithmOf(sampleKey('ed25519').spki)).toBe('ed25519');
    expect(defaultSignatureAlgorithm('p521', 'pkcs1').name).toBe('ecdsa-with-SHA512');
    expect(defaultSignatureAlgorithm('rsa4096', 'pss').name).toBe('rsassa-pss-sha256');
    expect(defaultSignatureAlgorithm('rsa2048', 'pkcs1').name).toBe('sha256WithRSAEncryption');
  });

  it('secp256k1 and X25519 are read, not named, and not verified with', () => {
    for (const { publicKey } of [
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
      generateKeyPairSync('x25519'),
    ]) {
      const spki = parseSubjectPublicKeyInfo(
        new Uint8Array(publicKey.export({ format: 'der', type: 'spki' })),
      );
      expect(keyAlgorithmOf(spki)).toBeUndefined();
      expect(() => importVerificationKey(spki)).toThrow(
        expect.objectContaining({ code: 'badPublicKey' }),
      );
    }
  });

  it('a point that is not on the curve is refused (SP 800-56A §5.6.2.3)', () => {
    const der = sampleKey('ecdsa-with-SHA256').spki.der.slice();
    der[der.length - 1] = (der[der.length - 1] ?? 0) ^ 1;
    expect(() => importVerificationKey(parseSubjectPublicKeyInfo(der))).toThrow(
      expect.objectContaining({ code: 'badPublicKey' }),
    );
  });

  it('I38: an RSA key above 8192 bits or with a huge exponent is refused before any arithmetic', () => {
    const rsa = (modulus: bigint, exponent: bigint): Uint8Array => {
      const key = sequence(integer(modulus), integer(exponent));
      return sequence(
        sequence(oid(oids.rsaEncryption), nullValue()),
        Uint8Array.from([3, 0x82, (key.length + 1) >> 8, (key.length + 1) & 255, 0, ...key]),
      );
    };
    for (const der of [rsa(2n ** 9000n + 1n, 65_537n), rsa(2n ** 2047n + 1n, 2n ** 64n + 1n)]) {
      expect(() => importVerificationKey(parseSubjectPublicKeyInfo(der))).toThrow(/too large/);
    }
  });

  it('the key identifier is the SHA-1 of the BIT STRING’s octets (X5)', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const spki = parseSubjectPublicKeyInfo(
      new Uint8Array(publicKey.export({ format: 'der', type: 'spki' })),
    );
    const point = Buffer.from(spki.der.subarray(spki.der.length - 65));
    expect(hex(keyIdentifier(spki))).toBe(createHash('sha1').update(point).digest('hex'));
  });
});

describe('verifying signatures', () => {
  const data = Buffer.from('to be signed');
  const all = Object.keys(signatureAlgorithms) as SignatureAlgorithmName[];

  it.each(all)('%s: right, wrong data, flipped bits, truncation, another algorithm', (name) => {
    const sample = sampleKey(name);
    const key = importVerificationKey(sample.spki);
    const signature = signWith(sample, data);
    const { algorithm } = sample;
    expect(verifySignature(algorithm, key, data, signature)).toBe(true);
    expect(verifySignature(algorithm, key, Buffer.from('to be singed'), signature)).toBe(false);
    for (const at of [0, 1, 5, signature.length - 1]) {
      const flipped = signature.slice();
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      expect(verifySignature(algorithm, key, data, flipped), `octet ${at}`).toBe(false);
    }
    expect(verifySignature(algorithm, key, data, signature.subarray(1))).toBe(false);
    expect(verifySignature(algorithm, key, data, Uint8Array.from([...signature, 0]))).toBe(false);
    expect(verifySignature(algorithm, key, data, new Uint8Array(0))).toBe(false);
    for (const other of all.filter((candidate) => candidate !== name)) {
      const outcome = verifySignature(signatureAlgorithms[other], key, data, signature);
      expect(outcome, other).toBe(false);
    }
  });

  it('PSS with a salt of another length is refused', () => {
    const sample = sampleKey('rsassa-pss-sha256');
    const signature = sign('sha256', data, { key: sample.privateKey, padding: 6, saltLength: 20 });
    expect(
      verifySignature(sample.algorithm, importVerificationKey(sample.spki), data, signature),
    ).toBe(false);
  });

  it.each(['rsassa-pss-sha256', 'sha256WithRSAEncryption'] as const)(
    '%s: a value without its leading zero octet is refused (RFC 8017 §8.1.2 step 1)',
    (name) => {
      const sample = sampleKey(name);
      const key = importVerificationKey(sample.spki);
      let text = Buffer.from('0');
      let signature = signWith(sample, text);
      // One of 256 values begins with a zero.
      for (let count = 1; signature[0] !== 0; count += 1) {
        text = Buffer.from(String(count));
        signature = signWith(sample, text);
      }
      expect(verifySignature(sample.algorithm, key, text, signature)).toBe(true);
      const shorter = signature.subarray(1);
      expect(verifySignature(sample.algorithm, key, text, shorter)).toBe(false);
      const streamed = new SignatureVerification(sample.algorithm, key);
      streamed.update(text);
      expect(streamed.verify(shorter)).toBe(false);
    },
    60_000,
  );

  it('ECDSA: r and s of 0 and n, negative, not minimal, with something behind', () => {
    const sample = sampleKey('ecdsa-with-SHA256');
    const key = importVerificationKey(sample.spki);
    const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    const good = signWith(sample, data);
    const bad = [
      sequence(integer(0), integer(0)),
      sequence(integer(1), integer(0)),
      sequence(integer(n), integer(n)),
      sequence(integer(n), integer(1)),
      sequence(integer(-1), integer(1)),
      sequence(integer(1), integer(1), integer(1)),
      Uint8Array.from([0x30, 0x81, good.length - 2, ...good.subarray(2)]),
      Uint8Array.from([0x30, (good[1] ?? 0) + 1, 2, (good[3] ?? 0) + 1, 0, ...good.subarray(4)]),
    ];
    for (const signature of bad) {
      expect(verifySignature(sample.algorithm, key, data, signature), hex(signature)).toBe(false);
    }
  });

  it('a private key never verifies', () => {
    const sample = sampleKey('ecdsa-with-SHA256');
    expect(verifySignature(sample.algorithm, sample.privateKey, data, signWith(sample, data))).toBe(
      false,
    );
  });

  it('raw r‖s of a token becomes minimal DER that verifies', () => {
    for (const name of ['ecdsa-with-SHA256', 'ecdsa-with-SHA384', 'ecdsa-with-SHA512'] as const) {
      const sample = sampleKey(name);
      const key = importVerificationKey(sample.spki);
      for (let i = 0; i < 20; i += 1) {
        const raw = sign(sample.algorithm.digest, data, {
          key: sample.privateKey,
          dsaEncoding: 'ieee-p1363',
        });
        expect(verifySignature(sample.algorithm, key, data, ecdsaRawToDer(raw))).toBe(true);
      }
    }
    expect(hex(ecdsaRawToDer(Uint8Array.of(0, 1, 0x80, 0)))).toBe('30080201010203008000');
    expect(() => ecdsaRawToDer(new Uint8Array(3))).toThrow(/halved/);
    expect(() => ecdsaRawToDer(new Uint8Array(0))).toThrow(/halved/);
  });

  it('the same key as node imports it, compressed points included', () => {
    const compressed = createECDH('prime256v1');
    compressed.generateKeys();
    const point = compressed.getPublicKey(null, 'compressed');
    const algorithm = sequence(oid(oids.ecPublicKey), oid(oids.secp256r1));
    const samples = all.map((name) => sampleKey(name).spki.der);
    for (const der of [...samples, sequence(algorithm, bitString(point))]) {
      const node = createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
      expect(importVerificationKey(parseSubjectPublicKeyInfo(der)).equals(node)).toBe(true);
    }
  });
});
