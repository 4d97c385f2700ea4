import { expect, test } from 'vitest';
import { classifyReturnValue } from '../../../src/hsm/return-values.ts';

test.each([
  ['CKR_GENERAL_ERROR', 0x05, 'reinitialise', false],
  ['CKR_FUNCTION_FAILED', 0x06, 'sameSession', true],
  ['CKR_DEVICE_ERROR', 0x30, 'reinitialise', false],
  ['CKR_DEVICE_MEMORY', 0x31, 'newSession', true],
  ['CKR_DEVICE_REMOVED', 0x32, 'reinitialise', false],
  ['CKR_FUNCTION_CANCELED', 0x50, 'sameSession', true],
  ['CKR_FUNCTION_NOT_SUPPORTED', 0x54, 'fatal', true],
  ['CKR_KEY_HANDLE_INVALID', 0x60, 'reinitialise', true],
  ['CKR_OBJECT_HANDLE_INVALID', 0x82, 'reinitialise', true],
  ['CKR_OPERATION_ACTIVE', 0x90, 'newSession', true],
  ['CKR_PIN_INCORRECT', 0xa0, 'pinRefused', true],
  ['CKR_PIN_INVALID', 0xa1, 'pinRefused', true],
  ['CKR_PIN_LEN_RANGE', 0xa2, 'pinRefused', true],
  ['CKR_PIN_EXPIRED', 0xa3, 'pinRefused', true],
  ['CKR_PIN_LOCKED', 0xa4, 'pinRefused', true],
  ['CKR_SESSION_COUNT', 0xb1, 'newSession', true],
  ['CKR_SESSION_HANDLE_INVALID', 0xb3, 'newSession', true],
  ['CKR_SESSION_PARALLEL_NOT_SUPPORTED', 0xb4, 'fatal', true],
  ['CKR_TOKEN_NOT_PRESENT', 0xe0, 'reinitialise', false],
  ['CKR_TOKEN_NOT_RECOGNIZED', 0xe1, 'reinitialise', false],
  ['CKR_USER_ALREADY_LOGGED_IN', 0x100, 'reinitialise', true],
  ['CKR_USER_NOT_LOGGED_IN', 0x101, 'reinitialise', true],
  ['CKR_CRYPTOKI_NOT_INITIALIZED', 0x190, 'reinitialise', true],
])('%s (%i) means %s', (name, code, faultClass, nothingSigned) => {
  expect(classifyReturnValue(code)).toEqual({ name, faultClass, nothingSigned });
});

test('a vendor-defined value is taken for a lost device, and its signature for possibly made', () => {
  expect(classifyReturnValue(0x8000_0123)).toEqual({
    name: 'CKR 0x80000123',
    faultClass: 'reinitialise',
    nothingSigned: false,
  });
});
