import { ChanceryError, type Random, type SerialNumber } from '../domain/index.ts';

const randomOctets = 16;

/** Whether two octets can begin a serial number: first bit 0, first octet not 0 (positive, full length). */
export function isSerialPrefix(hex: string): boolean {
  return /^[0-7][0-9a-f]{3}$/.test(hex) && !hex.startsWith('00');
}

/** Draws a new node-and-epoch prefix: at init and at each accepted restore. */
export async function drawSerialPrefix(random: Random, not?: string): Promise<string> {
  for (let attempt = 0; attempt < 64; attempt += 1) {
    const hex = Buffer.from(await random.bytes(2)).toString('hex');
    if (isSerialPrefix(hex) && hex !== not) {
      return hex;
    }
  }
  throw new ChanceryError('tokenUnavailable', {
    message:
      'the random generator gave no usable serial number prefix in 64 tries; it is defective',
  });
}

/**
 * 2 octets of prefix and 16 from the token's generator: 18 octets, 128 bits of entropy in the
 * encoded number (RFC 5280 §4.1.2.2; the 63-bit serial numbers of 2019 are what this prevents).
 */
export async function drawSerialNumber(prefix: string, random: Random): Promise<SerialNumber> {
  const octets = Buffer.from(await random.bytes(randomOctets)).toString('hex');
  return `${prefix}${octets}`.replace(/^0+/, '');
}
