/**
 * What to do about a CK_RV (PKCS#11 v2.40 §5.1).
 *
 * - `sameSession`: the call could not be performed now; the session is whole.
 * - `newSession`: the session is spent; the token is whole.
 * - `reinitialise`: the device, login or handles are lost. Measured: only C_Finalize, C_Initialize,
 *   login and a new search for the keys works then.
 * - `pinRefused`: never tried again by itself, tokens lock after a few.
 * - `fatal`: trying again can't help; the request or the module is wrong.
 */
export type FaultClass = 'sameSession' | 'newSession' | 'reinitialise' | 'pinRefused' | 'fatal';

export interface ReturnValue {
  readonly name: string;
  readonly faultClass: FaultClass;
  /**
   * Whether this answer of C_Sign proves that the token made no signature. Where it does not, the
   * outcome is unknown and the bytes are never signed a second time (ECDSA would make another
   * signature over the same TBS). An answer of C_SignInit always proves it.
   */
  readonly nothingSigned: boolean;
}

const table: Readonly<Record<number, readonly [string, FaultClass, ('unknown' | undefined)?]>> = {
  0x02: ['CKR_HOST_MEMORY', 'sameSession'],
  0x03: ['CKR_SLOT_ID_INVALID', 'reinitialise'],
  0x05: ['CKR_GENERAL_ERROR', 'reinitialise', 'unknown'],
  0x06: ['CKR_FUNCTION_FAILED', 'sameSession'],
  0x07: ['CKR_ARGUMENTS_BAD', 'fatal'],
  0x0a: ['CKR_CANT_LOCK', 'fatal'],
  0x10: ['CKR_ATTRIBUTE_READ_ONLY', 'fatal'],
  0x11: ['CKR_ATTRIBUTE_SENSITIVE', 'fatal'],
  0x12: ['CKR_ATTRIBUTE_TYPE_INVALID', 'fatal'],
  0x13: ['CKR_ATTRIBUTE_VALUE_INVALID', 'fatal'],
  0x1b: ['CKR_ACTION_PROHIBITED', 'fatal'],
  0x20: ['CKR_DATA_INVALID', 'fatal'],
  0x21: ['CKR_DATA_LEN_RANGE', 'fatal'],
  0x30: ['CKR_DEVICE_ERROR', 'reinitialise', 'unknown'],
  0x31: ['CKR_DEVICE_MEMORY', 'newSession'],
  0x32: ['CKR_DEVICE_REMOVED', 'reinitialise', 'unknown'],
  0x50: ['CKR_FUNCTION_CANCELED', 'sameSession'],
  0x54: ['CKR_FUNCTION_NOT_SUPPORTED', 'fatal'],
  0x60: ['CKR_KEY_HANDLE_INVALID', 'reinitialise'],
  0x62: ['CKR_KEY_SIZE_RANGE', 'fatal'],
  0x63: ['CKR_KEY_TYPE_INCONSISTENT', 'fatal'],
  0x68: ['CKR_KEY_FUNCTION_NOT_PERMITTED', 'fatal'],
  0x70: ['CKR_MECHANISM_INVALID', 'fatal'],
  0x71: ['CKR_MECHANISM_PARAM_INVALID', 'fatal'],
  0x82: ['CKR_OBJECT_HANDLE_INVALID', 'reinitialise'],
  0x90: ['CKR_OPERATION_ACTIVE', 'newSession'],
  0x91: ['CKR_OPERATION_NOT_INITIALIZED', 'newSession'],
  0xa0: ['CKR_PIN_INCORRECT', 'pinRefused'],
  0xa1: ['CKR_PIN_INVALID', 'pinRefused'],
  0xa2: ['CKR_PIN_LEN_RANGE', 'pinRefused'],
  0xa3: ['CKR_PIN_EXPIRED', 'pinRefused'],
  0xa4: ['CKR_PIN_LOCKED', 'pinRefused'],
  0xb0: ['CKR_SESSION_CLOSED', 'newSession'],
  0xb1: ['CKR_SESSION_COUNT', 'newSession'],
  0xb3: ['CKR_SESSION_HANDLE_INVALID', 'newSession'],
  0xb4: ['CKR_SESSION_PARALLEL_NOT_SUPPORTED', 'fatal'],
  0xb5: ['CKR_SESSION_READ_ONLY', 'fatal'],
  0xb8: ['CKR_SESSION_READ_WRITE_SO_EXISTS', 'reinitialise'],
  0xd0: ['CKR_TEMPLATE_INCOMPLETE', 'fatal'],
  0xd1: ['CKR_TEMPLATE_INCONSISTENT', 'fatal'],
  0xe0: ['CKR_TOKEN_NOT_PRESENT', 'reinitialise', 'unknown'],
  0xe1: ['CKR_TOKEN_NOT_RECOGNIZED', 'reinitialise', 'unknown'],
  0xe2: ['CKR_TOKEN_WRITE_PROTECTED', 'fatal'],
  // At C_Login both of these are a login that already stands; it counts once a test signature works.
  0x100: ['CKR_USER_ALREADY_LOGGED_IN', 'reinitialise'],
  0x101: ['CKR_USER_NOT_LOGGED_IN', 'reinitialise'],
  0x102: ['CKR_USER_PIN_NOT_INITIALIZED', 'fatal'],
  0x103: ['CKR_USER_TYPE_INVALID', 'fatal'],
  0x104: ['CKR_USER_ANOTHER_ALREADY_LOGGED_IN', 'reinitialise'],
  0x130: ['CKR_DOMAIN_PARAMS_INVALID', 'fatal'],
  0x140: ['CKR_CURVE_NOT_SUPPORTED', 'fatal'],
  0x150: ['CKR_BUFFER_TOO_SMALL', 'fatal'],
  0x190: ['CKR_CRYPTOKI_NOT_INITIALIZED', 'reinitialise'],
  0x191: ['CKR_CRYPTOKI_ALREADY_INITIALIZED', 'reinitialise'],
};

/**
 * Classifies a CK_RV. An unknown or vendor-defined value is taken for a lost device: the circuit
 * breaker bounds how often that is tried, while taking it for harmless could use a bad handle for good.
 */
export function classifyReturnValue(code: number): ReturnValue {
  const row = table[code];
  if (row === undefined) {
    return {
      name: `CKR 0x${code.toString(16)}`,
      faultClass: 'reinitialise',
      nothingSigned: false,
    };
  }
  return { name: row[0], faultClass: row[1], nothingSigned: row[2] !== 'unknown' };
}
