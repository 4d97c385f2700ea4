/** y² = x³ − 3x + b over the prime field p; cofactor 1, so a point on the curve is in the right group. */
interface Curve {
  readonly octets: number;
  readonly p: bigint;
  readonly b: bigint;
}

/** NIST SP 800-186 §3.2.1. */
const curves: Readonly<Record<string, Curve>> = {
  'P-256': {
    octets: 32,
    p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  },
  'P-384': {
    octets: 48,
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
  },
  'P-521': {
    octets: 66,
    p: 2n ** 521n - 1n,
    b: 0x0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
  },
};

function toInteger(octets: Uint8Array): bigint {
  return octets.length === 0 ? 0n : BigInt(`0x${Buffer.from(octets).toString('hex')}`);
}

/**
 * Full public-key validation of NIST SP 800-56A §5.6.2.3.3: not the point at infinity,
 * coordinates in range, on the curve. (n·Q = O follows, for the order of these curves is prime.)
 * Only the uncompressed form is taken: RFC 5480 §2.2 allows the compressed one, relying parties
 * often don't.
 */
export function checkEllipticPoint(curveName: string, point: Uint8Array): readonly string[] {
  const curve = curves[curveName];
  if (curve === undefined) return [`curve ${curveName} is not known`];
  if (point.length !== 1 + 2 * curve.octets || point[0] !== 0x04) {
    return ['the public key is not an uncompressed point of its curve'];
  }
  const { p, b, octets } = curve;
  const x = toInteger(point.subarray(1, 1 + octets));
  const y = toInteger(point.subarray(1 + octets));
  if (x >= p || y >= p) return ['a coordinate of the public key is not below the field’s prime'];
  return (y * y - (x * x * x - 3n * x + b)) % p === 0n
    ? []
    : ['the public key is not a point of its curve'];
}

const edwardsPrime = 2n ** 255n - 19n;
const edwardsD = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let factor = base % modulus;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * factor) % modulus;
    factor = (factor * factor) % modulus;
  }
  return result;
}

/** y coordinates of the points of order 1, 2, 4 and 8: a signature by such a key proves nothing. */
const smallOrderY: readonly bigint[] = [
  0n,
  1n,
  edwardsPrime - 1n,
  2707385501144840649318225287225658788936804267575313519463743609750303021855n,
  55188659117513257062467267217118295137698188065244968500265048394206261417927n,
];

/** An Ed25519 public key decodes to a point (RFC 8032 §5.1.3) which is not of small order. */
export function checkEd25519Point(key: Uint8Array): readonly string[] {
  if (key.length !== 32) return ['an Ed25519 public key has 32 octets'];
  const littleEndian = toInteger(Uint8Array.from(key).reverse());
  const y = littleEndian & ((1n << 255n) - 1n);
  if (y >= edwardsPrime) return ['the public key is not encoded canonically'];
  if (smallOrderY.includes(y)) return ['the public key is a point of small order'];
  // x² = (y² − 1) / (d·y² + 1) must be a square: Euler's criterion on numerator · denominator.
  const numerator = (y * y - 1n) % edwardsPrime;
  const denominator = (edwardsD * y * y + 1n) % edwardsPrime;
  const square = (numerator * denominator) % edwardsPrime;
  const criterion = power(
    (square + edwardsPrime) % edwardsPrime,
    (edwardsPrime - 1n) / 2n,
    edwardsPrime,
  );
  return criterion === 1n ? [] : ['the public key is not a point of the curve'];
}
