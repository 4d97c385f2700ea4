import { checkPrimeSync, createHash } from 'node:crypto';

/** A number of exactly `bits` bits with its upper two bits set, the same for the same seed. */
export function randomBits(bits: number, seed: number): bigint {
  let hex = '';
  for (let block = 0; hex.length * 4 < bits; block++) {
    hex += createHash('sha256').update(`${seed} ${block}`).digest('hex');
  }
  const value = BigInt(`0x${hex}`) & ((1n << BigInt(bits)) - 1n);
  return value | (3n << BigInt(bits - 2));
}

export function isProbablePrime(value: bigint): boolean {
  return checkPrimeSync(value, { checks: 10 });
}

/** The first probable prime above `value`. */
export function nextPrime(value: bigint): bigint {
  let candidate = (value | 1n) + 2n;
  while (!isProbablePrime(candidate)) candidate += 2n;
  return candidate;
}
