/** What is wrong with an RSA public key. */
export interface RsaFault {
  readonly rule: string;
  readonly message: string;
  readonly clause: string;
}

const smallPrimes = primesBelow(752);
const smallPrimeProduct = smallPrimes.reduce((product, prime) => product * BigInt(prime), 1n);

/**
 * Known weaknesses of an RSA modulus and exponent. The modulus's size must have been checked
 * before: the work grows with it (about 0.3 ms for 2048 bits).
 *
 * @param fermatRounds rounds of Fermat's factorisation.
 */
export function rsaFaults(
  modulus: bigint,
  exponent: bigint,
  fermatRounds: number,
): readonly RsaFault[] {
  const faults: RsaFault[] = [];
  const fault = (rule: string, message: string, clause: string): void => {
    faults.push({ rule, message, clause });
  };
  if (exponent !== 65537n) {
    fault('exponent', 'the public exponent is not 65537', 'NIST FIPS 186-5 §5.4');
  }
  // One division by the product of all small primes, then 64-bit arithmetic only.
  const residue = modulus % smallPrimeProduct;
  const divisor = smallPrimes.find((prime) => residue % BigInt(prime) === 0n);
  if (divisor !== undefined) {
    fault('smallFactor', `the modulus is divisible by ${divisor}`, 'NIST SP 800-89 §5.3.3');
    return faults;
  }
  if (hasRocaFingerprint(residue)) {
    fault('roca', 'the modulus has the fingerprint of ROCA (Infineon RSALib)', 'CVE-2017-15361');
  }
  if (isFermatFactorable(modulus, fermatRounds)) {
    fault(
      'closePrimes',
      'the two primes are so close that Fermat’s method factors the modulus',
      'CVE-2022-26320',
    );
  }
  const shape = shapeFault(modulus);
  if (shape !== undefined) fault('pattern', shape, 'NIST SP 800-89 §5.3.3');
  return faults;
}

function primesBelow(limit: number): readonly number[] {
  const primes: number[] = [];
  for (let candidate = 2; candidate < limit; candidate++) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  }
  return primes;
}

/** Primes of the published ROCA test, with the subgroup that 65537 generates modulo each. */
const rocaSubgroups = smallPrimes
  .filter((prime) => prime > 2 && prime <= 167)
  .map((prime) => {
    const members = new Set<number>();
    for (let power = 1; !members.has(power); power = (power * 65537) % prime) members.add(power);
    return { prime: BigInt(prime), members };
  })
  // Where 65537 generates everything the test says nothing.
  .filter(({ prime, members }) => members.size < Number(prime) - 1);

/**
 * RSALib makes primes k·M + (65537^a mod M), M a product of small primes: then the modulus is a
 * power of 65537 modulo each of them. A random modulus passes all by a chance below 2^-27.
 */
function hasRocaFingerprint(residue: bigint): boolean {
  return rocaSubgroups.every(({ prime, members }) => members.has(Number(residue % prime)));
}

/** Fermat: with a = ⌈√n⌉, ⌈√n⌉+1 … one of the first a² − n is a square when the primes are close. */
function isFermatFactorable(modulus: bigint, rounds: number): boolean {
  let a = squareRoot(modulus);
  if (a * a < modulus) a += 1n;
  let remainder = a * a - modulus;
  for (let round = 0; round < rounds; round++) {
    if (isSquare(remainder)) return true;
    remainder += 2n * a + 1n;
    a += 1n;
  }
  return false;
}

/** Squares modulo 64, 63, 65 and 11: together they let under 1 in 100 others through to the exact test. */
const squareResidues = [64, 63, 65, 11].map((modulus) => ({
  modulus,
  residues: new Set(Array.from({ length: modulus }, (_, index) => (index * index) % modulus)),
}));
const squareFilter = 64n * 63n * 65n * 11n;

function isSquare(value: bigint): boolean {
  const residue = Number(value % squareFilter);
  if (!squareResidues.every(({ modulus, residues }) => residues.has(residue % modulus)))
    return false;
  const root = squareRoot(value);
  return root * root === value;
}

/** ⌊√value⌋ by Newton's method, from a start above the root. */
function squareRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let root = 1n << BigInt((value.toString(16).length * 4) / 2 + 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** Moduli that no generator of random primes makes: a repeating octet, or far too many or few one bits. */
function shapeFault(modulus: bigint): string | undefined {
  const hex = modulus.toString(16);
  const even = hex.length % 2 === 0 ? hex : `0${hex}`;
  const octets = Buffer.from(even, 'hex');
  let run = 1;
  let ones = 0;
  octets.forEach((octet, index) => {
    ones += octet.toString(2).replaceAll('0', '').length;
    if (run < 16) run = index > 0 && octet === octets[index - 1] ? run + 1 : 1;
  });
  if (run >= 16) return 'the modulus repeats one octet 16 times';
  // Ten per cent of 2048 bits are nine standard deviations.
  const share = ones / (octets.length * 8);
  return share < 0.4 || share > 0.6
    ? 'the modulus has far too few or too many one bits'
    : undefined;
}
