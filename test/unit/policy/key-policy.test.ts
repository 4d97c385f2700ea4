import { createHash, createPublicKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { parseSubjectPublicKeyInfo, type SubjectPublicKeyInfo } from '../../../src/pkix/index.ts';
import { checkKey, defaultKeyPolicy, parseKeyBlocklist } from '../../../src/policy/index.ts';
import { isProbablePrime, nextPrime, randomBits } from '../../support/prime.ts';
import { softwareKey } from '../../support/software-issuer.ts';

function rsaKey(modulus: bigint, exponent = 65537n): SubjectPublicKeyInfo {
  const base64url = (value: bigint): string => {
    const hex = value.toString(16);
    return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url');
  };
  const key = createPublicKey({
    key: { kty: 'RSA', n: base64url(modulus), e: base64url(exponent) },
    format: 'jwk',
  });
  return parseSubjectPublicKeyInfo(key.export({ format: 'der', type: 'spki' }));
}

const rules = (spki: SubjectPublicKeyInfo, policy = defaultKeyPolicy): readonly string[] =>
  checkKey(spki, policy).map((violation) => violation.rule);

/** A modulus of exactly `bits` bits from two primes. */
function modulusOf(bits: number, p: bigint, q: bigint): bigint {
  expect((p * q).toString(2)).toHaveLength(bits);
  return p * q;
}

describe('good keys pass', () => {
  test.each(['p256', 'p384', 'p521', 'rsa2048', 'rsa3072', 'ed25519'] as const)(
    '%s',
    (algorithm) => {
      expect(rules(softwareKey(algorithm).subjectPublicKeyInfo)).toEqual([]);
    },
  );
});

describe('RSA keys that others can break', () => {
  const p = nextPrime(randomBits(1024, 1));
  const q = nextPrime(randomBits(1024, 2));

  test('a modulus of two random primes is none of them', () => {
    expect(rules(rsaKey(modulusOf(2048, p, q)))).toEqual([]);
  });

  test('close primes fall to Fermat (CVE-2022-26320)', () => {
    expect(rules(rsaKey(modulusOf(2048, p, nextPrime(p + 2n))))).toEqual(['key.rsa.closePrimes']);
    // Primes that agree in their upper half: the distance of vulnerable printers' keys.
    expect(rules(rsaKey(modulusOf(2048, p, nextPrime(p + (1n << 512n)))))).toEqual([
      'key.rsa.closePrimes',
    ]);
    expect(rules(rsaKey(modulusOf(2048, p, p)))).toEqual(['key.rsa.closePrimes']);
  });

  test('all of a hundred rounds are made: a factor found by round 100 is refused', () => {
    // a − √n = (p − q)² / (8·√n) for a = (p + q) / 2: this distance needs about 95 rounds.
    const near = nextPrime(p + squareRoot(8n * 95n * p));
    const modulus = p * near;
    expect(rules(rsaKey(modulus))).toContain('key.rsa.closePrimes');
    expect(rules(rsaKey(modulus), { ...defaultKeyPolicy, fermatRounds: 10 })).toEqual([]);
  });

  test('ROCA: primes of the form k·M + (65537^a mod M) (CVE-2017-15361)', () => {
    const rocaPrime = (seed: number): bigint => {
      let primorial = 1n;
      for (let prime = 2n, count = 0; count < 126; prime += 1n) {
        if (!isProbablePrime(prime)) continue;
        primorial *= prime;
        count += 1;
      }
      const residue = modularPower(65537n, randomBits(128, seed), primorial);
      for (let k = ((3n << 1022n) + randomBits(1020, seed + 1)) / primorial; ; k += 1n) {
        const candidate = k * primorial + residue;
        if (isProbablePrime(candidate)) return candidate;
      }
    };
    expect(rules(rsaKey(modulusOf(2048, rocaPrime(10), rocaPrime(20))))).toEqual(['key.rsa.roca']);
  });

  test.each([3n, 5n, 7n, 101n, 751n])('a modulus divisible by %d', (factor) => {
    const cofactor = ((1n << 2047n) / factor + randomBits(1000, Number(factor))) | 1n;
    expect(rules(rsaKey(modulusOf(2048, factor, cofactor)))).toEqual(['key.rsa.smallFactor']);
  });

  test('an even modulus', () => {
    expect(rules(rsaKey((p * q) & ~1n))).toEqual(['key.rsa.smallFactor']);
  });

  test.each([1n, 3n, 17n, 65536n, 65539n, (1n << 2040n) + 1n])('the exponent %d', (exponent) => {
    expect(rules(rsaKey(p * q, exponent))).toContain('key.rsa.exponent');
  });

  test('a small private exponent shows as a large public one', () => {
    const phi = (p - 1n) * (q - 1n);
    let d = 65539n;
    while (phi % d === 0n) d += 2n;
    expect(rules(rsaKey(p * q, inverse(d, phi)))).toContain('key.rsa.exponent');
  });

  test('moduli with a pattern: repeated octets, sparse polynomials', () => {
    const repeated = ((p * q) & ~((1n << 400n) - 1n)) | BigInt(`0x${'ab'.repeat(50)}`);
    expect(withoutSmallFactors(repeated, 256n).rules).toContain('key.rsa.pattern');
    let sparse = 0n;
    for (let word = 0; word < 16; word++)
      sparse |= BigInt(0x8000 + word * 77) << BigInt(word * 128);
    sparse |= 1n << 2047n;
    expect(withoutSmallFactors(sparse, 1n << 64n).rules).toContain('key.rsa.pattern');
  });

  test.each([512, 1024, 1536, 2047, 2049, 8192, 16384])('a modulus of %d bits', (bits) => {
    const modulus = randomBits(bits, bits) | 1n;
    const started = performance.now();
    expect(rules(rsaKey(modulus))).toEqual(['key.rsa.size']);
    expect(performance.now() - started).toBeLessThan(50);
  });

  /** The first value at or above `modulus`, in steps, that has no small factor. */
  function withoutSmallFactors(modulus: bigint, step: bigint): { rules: readonly string[] } {
    for (let candidate = modulus | 1n; ; candidate += step) {
      const found = rules(rsaKey(candidate));
      if (!found.includes('key.rsa.smallFactor')) return { rules: found };
    }
  }
});

describe('points that are none (SP 800-56A §5.6.2.3)', () => {
  test.each(['p256', 'p384', 'p521'] as const)('%s', (algorithm) => {
    const { subjectPublicKeyInfo: spki } = softwareKey(algorithm);
    const withPoint = (subjectPublicKey: Uint8Array): readonly string[] =>
      rules({ ...spki, subjectPublicKey });
    const point = spki.subjectPublicKey;
    const octets = (point.length - 1) / 2;
    const offCurve = Uint8Array.from(point);
    offCurve[point.length - 1] = (point[point.length - 1] ?? 0) ^ 1;
    const outOfRange = Uint8Array.from(point).fill(0xff, 1, 1 + octets);
    const compressed = Uint8Array.from([2, ...point.subarray(1, 1 + octets)]);
    for (const bad of [
      offCurve,
      outOfRange,
      compressed,
      Uint8Array.of(0),
      new Uint8Array(0),
      new Uint8Array(point.length),
      Uint8Array.from([4, ...new Uint8Array(2 * octets)]),
    ]) {
      expect(withPoint(bad)).toEqual(['key.ec.point']);
    }
  });

  test('Ed25519: not canonical, of small order, off the curve', () => {
    const { subjectPublicKeyInfo: spki } = softwareKey('ed25519');
    const encoded = (y: bigint): Uint8Array =>
      Uint8Array.from(Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse());
    const prime = 2n ** 255n - 19n;
    for (const y of [0n, 1n, prime - 1n, prime, prime + 1n, 2n]) {
      expect(rules({ ...spki, subjectPublicKey: encoded(y) })).toEqual(['key.ed25519.point']);
    }
    const order8 = 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a';
    expect(rules({ ...spki, subjectPublicKey: Buffer.from(order8, 'hex') })).toEqual([
      'key.ed25519.point',
    ]);
  });

  test('curves outside the list and unknown algorithms', () => {
    const { subjectPublicKeyInfo: spki } = softwareKey('p256');
    const other = { type: 'ec', curve: 'other', curveOid: '1.3.132.0.10' } as const;
    expect(rules({ ...spki, key: other })).toEqual(['key.ec.curve']);
    expect(rules({ ...spki, key: { type: 'unknown' } })).toEqual(['key.algorithm']);
  });
});

describe('blocklists', () => {
  const spki = softwareKey('rsa2048').subjectPublicKeyInfo;
  const sha256 = createHash('sha256').update(spki.der).digest('hex');

  test('a key by the hash of its SubjectPublicKeyInfo', () => {
    const blocklist = parseKeyBlocklist([
      { sourceName: 'a', text: `# leaked\n${sha256.toUpperCase()}\n` },
    ]);
    expect(rules(spki, { ...defaultKeyPolicy, blocklist })).toEqual(['key.blocklist']);
    expect(
      rules(softwareKey('p256').subjectPublicKeyInfo, { ...defaultKeyPolicy, blocklist }),
    ).toEqual([]);
  });

  test("the files of Debian's openssl-blacklist are read as they are (CVE-2008-0166)", () => {
    if (spki.key.type !== 'rsa') throw new Error('no RSA key');
    // What `openssl rsa -noout -modulus | sha1sum` gives, without its first half.
    const line = `Modulus=${spki.key.modulus.toString(16).toUpperCase()}\n`;
    const tail = createHash('sha1').update(line).digest('hex').slice(20);
    const blocklist = parseKeyBlocklist([
      { sourceName: 'blacklist.RSA-2048', text: `# comment\n${tail}\n` },
    ]);
    expect(rules(spki, { ...defaultKeyPolicy, blocklist })).toEqual(['key.blocklist']);
  });

  test('a line that is neither is an error: skipped, it would let a key pass', () => {
    expect(() => parseKeyBlocklist([{ sourceName: 'list.txt', text: `${sha256}\nabc\n` }])).toThrow(
      /list\.txt:2/,
    );
  });
});

function modularPower(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let factor = base % modulus;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * factor) % modulus;
    factor = (factor * factor) % modulus;
  }
  return result;
}

function squareRoot(value: bigint): bigint {
  let root = 1n << BigInt((value.toString(2).length >> 1) + 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [value, modulus, 1n, 0n];
  while (b > 0n) [a, b, x, y] = [b, a % b, y, x - (a / b) * y];
  return ((x % modulus) + modulus) % modulus;
}
