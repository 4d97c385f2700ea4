import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { macKey, newBinding } from '../../../src/acme/external-account.ts';

const secret = Buffer.alloc(32, 7);

test('a kid and its key never begin with a hyphen, which command lines take for an option', () => {
  const drawn = [Buffer.alloc(16, 0xfb), Buffer.alloc(16, 0x01)];
  const { kid } = newBinding(secret, () => drawn.shift() ?? randomBytes(16));
  expect(Buffer.alloc(16, 0xfb).toString('base64url')).toMatch(/^-/);
  expect(kid).not.toMatch(/^-/);
  for (let made = 0; made < 500; made += 1) {
    const binding = newBinding(secret, randomBytes);
    expect(`${binding.kid} ${binding.hmacKey}`).not.toMatch(/(^| )-/);
    expect(binding.hmacKey).toBe(Buffer.from(macKey(secret, binding.kid)).toString('base64url'));
    expect(Buffer.from(binding.kid, 'base64url')).toHaveLength(16);
  }
});
