import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createNonces } from '../../../src/acme/nonces.ts';

const now = Date.parse('2026-11-21T00:00:00Z');
const at = (seconds: number) => ({ now: () => new Date(now + seconds * 1000) });
const random = (length: number): Uint8Array => randomBytes(length);
const secret = Buffer.alloc(32, 1);
const made = createNonces([secret], at(0), random);

describe('RFC 8555 §6.5 nonces (A8)', () => {
  it('are base64url without padding, and never the same', () => {
    const many = Array.from({ length: 1000 }, () => made.make());
    expect(new Set(many).size).toBe(1000);
    for (const nonce of many) expect(nonce).toMatch(/^[A-Za-z0-9_-]{51}$/);
  });

  it('hold on every node that has the secret, and on none that has not', () => {
    const nonce = made.make();
    expect(createNonces([secret], at(5), random).check(nonce)).toBeDefined();
    expect(createNonces([Buffer.alloc(32, 2)], at(5), random).check(nonce)).toBeUndefined();
  });

  it('go on while a secret is replaced: the newest makes, all check', () => {
    const next = Buffer.alloc(32, 2);
    const both = createNonces([next, secret], at(0), random);
    expect(both.check(made.make())).toBeDefined();
    expect(createNonces([next], at(0), random).check(both.make())).toBeDefined();
    expect(made.check(both.make())).toBeUndefined();
  });

  it('end after an hour; what is spent is remembered until no node takes it any more', () => {
    const nonce = made.make();
    const remembered = made.check(nonce)?.notAfter.getTime() ?? 0;
    for (const seconds of [0, 1800, 3600]) {
      expect(createNonces([secret], at(seconds), random).check(nonce)).toBeDefined();
      expect(remembered).toBeGreaterThan(at(seconds).now().getTime());
    }
    expect(createNonces([secret], at(3601), random).check(nonce)).toBeUndefined();
  });

  it("another node's clock may be a minute behind, not more", () => {
    const nonce = made.make();
    expect(createNonces([secret], at(-59), random).check(nonce)).toBeDefined();
    expect(createNonces([secret], at(-61), random).check(nonce)).toBeUndefined();
  });

  it('no bit of one can be changed, and nothing else is one', () => {
    const nonce = made.make();
    const octets = Buffer.from(nonce, 'base64url');
    for (let index = 0; index < octets.length; index += 1) {
      const changed = Buffer.from(octets);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(made.check(changed.toString('base64url'))).toBeUndefined();
    }
    const last = `${nonce.slice(0, -1)}${nonce.endsWith('A') ? 'B' : 'A'}`;
    const others = [
      '',
      'x',
      `${nonce}=`,
      `${nonce}A`,
      nonce.slice(1),
      ` ${nonce}`,
      last,
      'A'.repeat(1e6),
    ];
    for (const other of others) expect(made.check(other)).toBeUndefined();
  });

  it('the second spelling of a nonce is not a second nonce', () => {
    // 38 octets leave 2 bits in the last character that nothing reads.
    const nonce = made.make();
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = alphabet.indexOf(nonce.slice(-1));
    for (const more of [1, 2, 3]) {
      expect(made.check(`${nonce.slice(0, -1)}${alphabet[(last & ~3) + more]}`)).toBeUndefined();
    }
  });

  it('a secret is needed', () => {
    expect(() => createNonces([], at(0), random)).toThrow(/secret/);
  });
});
