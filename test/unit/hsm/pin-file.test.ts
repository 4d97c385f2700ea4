import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import {
  createPinFile,
  forgetRefusedPin,
  readPinFile,
  refusedBefore,
  refusedPinPath,
  rememberRefusedPin,
} from '../../../src/hsm/pin-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'chancery-pin-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a created PIN file is private, random, and never overwritten', () => {
  const [one, other] = [join(folder, 'one'), join(folder, 'other')];
  createPinFile(one);
  createPinFile(other);
  const pin = readPinFile(one);
  expect(pin).toMatch(/^\d{24}$/);
  expect(readPinFile(other)).not.toBe(pin);
  expect(statSync(one).mode & 0o777).toBe(0o600);
  createPinFile(one);
  expect(readPinFile(one)).toBe(pin);
});

test.each([
  ['readable by the group', 0o640, '1234\n', 'chmod 600'],
  ['readable by all', 0o604, '1234\n', 'chmod 600'],
  ['empty', 0o600, '\n', 'empty'],
])('a PIN file that is %s is refused with how to mend it', (_, mode, text, mend) => {
  const path = join(folder, `mode-${mode}`);
  writeFileSync(path, text);
  chmodSync(path, mode);
  expect(() => readPinFile(path)).toThrow(mend);
});

test('blanks belong to the PIN, the line end does not', () => {
  const path = join(folder, 'blanks');
  writeFileSync(path, ' 12 34 \r\n', { mode: 0o600 });
  expect(readPinFile(path)).toBe(' 12 34 ');
});

test('a refusal is remembered for this PIN on this token only', () => {
  const path = join(folder, 'refused');
  rememberRefusedPin(path, '1111', 'serial', 'CKR_PIN_INCORRECT');
  expect(refusedBefore(path, '1111', 'serial')).toBe('CKR_PIN_INCORRECT');
  expect(refusedBefore(path, '2222', 'serial')).toBeUndefined();
  expect(refusedBefore(path, '1111', 'another')).toBeUndefined();
  expect(statSync(refusedPinPath(path)).mode & 0o777).toBe(0o600);
  forgetRefusedPin(path);
  expect(refusedBefore(path, '1111', 'serial')).toBeUndefined();
});
