import { Module } from 'graphene-pk11';

/**
 * The raw PKCS#11 calls of a loaded module. graphene's own classes are used to load it and to list
 * slots and tokens; what graphene lacks (Ed25519, an output buffer that outlives the call, several
 * operations in flight) goes through these.
 */
export type Cryptoki = Module['lib'];

/** An object, session or slot handle. */
export type Handle = Buffer;

export type Attribute = Parameters<Cryptoki['C_CreateObject']>[1][number];
export type Mechanism = Parameters<Cryptoki['C_SignInit']>[1];

/** CK_ATTRIBUTE_TYPE (PKCS#11 v3.0 §A). */
export const cka = {
  class: 0x00,
  token: 0x01,
  private: 0x02,
  label: 0x03,
  keyType: 0x100,
  id: 0x102,
  sensitive: 0x103,
  decrypt: 0x105,
  unwrap: 0x107,
  sign: 0x108,
  signRecover: 0x109,
  encrypt: 0x104,
  wrap: 0x106,
  verify: 0x10a,
  verifyRecover: 0x10b,
  derive: 0x10c,
  modulus: 0x120,
  modulusBits: 0x121,
  publicExponent: 0x122,
  extractable: 0x162,
  local: 0x163,
  neverExtractable: 0x164,
  alwaysSensitive: 0x165,
  modifiable: 0x170,
  copyable: 0x171,
  ecParams: 0x180,
  ecPoint: 0x181,
} as const;

/** CK_OBJECT_CLASS. */
export const cko = { certificate: 1, publicKey: 2, privateKey: 3, secretKey: 4 } as const;

/** CK_KEY_TYPE. */
export const ckk = { rsa: 0x00, ec: 0x03, ecEdwards: 0x40 } as const;

/** CK_MECHANISM_TYPE and the parameters' constants. */
export const ckm = {
  rsaPkcsKeyPairGen: 0x00,
  rsaPkcs: 0x01,
  rsaPkcsPss: 0x0d,
  ecKeyPairGen: 0x1040,
  ecdsa: 0x1041,
  ecEdwardsKeyPairGen: 0x1055,
  eddsa: 0x1057,
  sha256: 0x250,
  sha384: 0x260,
  sha512: 0x270,
} as const;
export const mgf1 = { sha256: 0x02, sha384: 0x03, sha512: 0x04 } as const;

const CKF_OS_LOCKING_OK = 0x02;
const CKR_CRYPTOKI_ALREADY_INITIALIZED = 0x191;

/** Loads the PKCS#11 module into this process. Only the signer process may call this: a native module never shares ours. */
export function loadModule(path: string): Module {
  return Module.load(path);
}

/**
 * C_Initialize with CKF_OS_LOCKING_OK: without it the module may leave out its locks, and signing
 * on several threads ends in a segmentation fault (seen with SoftHSM).
 *
 * @param libraryParameters text for the module itself, in NSS's form of CK_C_INITIALIZE_ARGS
 */
export function initialise(lib: Cryptoki, libraryParameters: string | undefined): void {
  const settings = {
    flags: CKF_OS_LOCKING_OK,
    // The binding leaves out the last octet of the text (pkcs11js 2.1.7): a space is lost for it.
    ...(libraryParameters === undefined ? {} : { libraryParameters: `${libraryParameters} ` }),
  };
  try {
    lib.C_Initialize(settings);
  } catch (error) {
    if (returnValueOf(error) !== CKR_CRYPTOKI_ALREADY_INITIALIZED) throw error;
  }
}

/**
 * The CK_RV of an error thrown by a PKCS#11 call; undefined when it is something else. The binding
 * gives most of them a `code`, and leaves some (C_CopyObject, C_FindObjects) as bare text.
 */
export function returnValueOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'Pkcs11Error') {
    const code: unknown = Reflect.get(error, 'code');
    if (typeof code === 'number') return code;
  }
  const bare = /^CKR_\w+:(\d+)$/.exec(error.message.split('\n')[0] ?? '');
  return bare === null ? undefined : Number(bare[1]);
}

/** Handles of all objects that match; the search is always ended. */
export function findObjects(
  lib: Cryptoki,
  session: Handle,
  template: readonly Attribute[],
): Handle[] {
  lib.C_FindObjectsInit(session, [...template]);
  try {
    const found: Handle[] = [];
    for (;;) {
      const batch = lib.C_FindObjects(session, 64);
      found.push(...batch);
      if (batch.length < 64) return found;
    }
  } finally {
    lib.C_FindObjectsFinal(session);
  }
}

/** One attribute's value; undefined where the object has none or the module won't tell. */
export function attributeOf(
  lib: Cryptoki,
  session: Handle,
  object: Handle,
  type: number,
): Buffer | undefined {
  try {
    const value = lib.C_GetAttributeValue(session, object, [{ type }])[0]?.value;
    return Buffer.isBuffer(value) ? value : undefined;
  } catch (error) {
    const code = returnValueOf(error);
    // CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID
    if (code === 0x11 || code === 0x12 || code === 0x13) return undefined;
    throw error;
  }
}
