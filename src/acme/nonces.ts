import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../domain/index.ts';
import { decodeBase64url, encodeBase64url } from './base64url.ts';

const lifetimeMilliseconds = 60 * 60 * 1000;
/** How far the clocks of two nodes may be apart. */
const skewMilliseconds = 60 * 1000;
const timeOctets = 6;
const randomOctets = 16;
const macOctets = 16;

/** Nonces that every node makes and knows without asking (RFC 8555 §6.5); that each is used once is for the store. */
export interface Nonces {
  make(): string;
  /** Until when the nonce must be remembered once it is spent; undefined when it is none of ours or too old. */
  check(value: string): { readonly notAfter: Date } | undefined;
}

/**
 * A nonce is its time and 128 random bits under a MAC. The first secret makes new ones, all of
 * them know theirs, so a secret can be replaced while clients hold nonces.
 *
 * @param random Octets that nobody can foretell.
 */
export function createNonces(
  secrets: readonly Uint8Array[],
  clock: Clock,
  random: (length: number) => Uint8Array,
): Nonces {
  // As key objects: octets would be imported anew for each of the two MACs of a request.
  const keys = secrets.map((secret) =>
    createSecretKey(createHmac('sha256', secret).update('chancery nonce v1').digest()),
  );
  const [newest] = keys;
  if (newest === undefined) throw new RangeError('nonces need at least one secret');
  const macOf = (key: KeyObject, content: Uint8Array): Buffer =>
    createHmac('sha256', key).update(content).digest().subarray(0, macOctets);
  return {
    make: () => {
      const content = Buffer.alloc(timeOctets + randomOctets);
      content.writeUIntBE(clock.now().getTime(), 0, timeOctets);
      content.set(random(randomOctets), timeOctets);
      return encodeBase64url(Buffer.concat([content, macOf(newest, content)]));
    },
    check: (value) => {
      const octets = value.length > 80 ? undefined : decodeBase64url(value);
      if (octets?.length !== timeOctets + randomOctets + macOctets) return undefined;
      const content = Buffer.from(octets.subarray(0, timeOctets + randomOctets));
      const mac = octets.subarray(timeOctets + randomOctets);
      if (!keys.some((key) => timingSafeEqual(macOf(key, content), mac))) return undefined;
      const made = content.readUIntBE(0, timeOctets);
      const age = clock.now().getTime() - made;
      if (age > lifetimeMilliseconds || age < -skewMilliseconds) return undefined;
      // Another node's clock may be behind: it would still take what this one forgets.
      return { notAfter: new Date(made + lifetimeMilliseconds + skewMilliseconds) };
    },
  };
}
