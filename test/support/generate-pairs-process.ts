/**
 * A process of its own that makes key pairs in a token with attributes that the product never asks
 * for. Arguments: the token and the pairs, as JSON; writes the CKA_IDs in the same order.
 */
import type { Attribute } from '../../src/hsm/cryptoki.ts';
import { cka, ckm, initialise, loadModule } from '../../src/hsm/cryptoki.ts';
import { keyIdOf, subjectPublicKeyInfoOf } from '../../src/hsm/public-keys.ts';
import { findToken, openSession } from '../../src/hsm/token-connection.ts';
import type { TestToken } from './softhsm.ts';

export interface StrangePair {
  /** Of the private half, beside or instead of what a good one has; by the names of `cka`. */
  readonly attributes?: Partial<Record<keyof typeof cka, boolean>>;
  /** Another CKA_ID than the public key's identifier. */
  readonly otherId?: boolean;
  /** A second private object by the same CKA_ID. */
  readonly twice?: boolean;
  readonly withoutPublicHalf?: boolean;
  /** Default P-256. */
  readonly curve?: 'secp256k1';
}

const [softhsm, pairs] = JSON.parse(process.argv[2] ?? '') as [TestToken, readonly StrangePair[]];
const loadedModule = loadModule(softhsm.modulePath);
const curves = { p256: '06082a8648ce3d030107', secp256k1: '06052b8104000a' };
const template = (entries: readonly (readonly [number, boolean | string | Buffer])[]) =>
  entries.map(([type, value]): Attribute => ({ type, value }));

const { lib } = loadedModule;
initialise(lib, undefined);
const session = openSession(findToken(loadedModule, softhsm.label, undefined).slot, 'readWrite');
session.login(softhsm.pin, 1);
process.stdout.write(JSON.stringify(pairs.map((pair) => make(session.handle, pair))));
session.close();
lib.C_Finalize();

function make(handle: Buffer, pair: StrangePair): string {
  const good = { sensitive: true, extractable: false, sign: true, decrypt: false, unwrap: false };
  const wanted = { ...good, derive: false, private: true, modifiable: true, ...pair.attributes };
  const { publicKey, privateKey } = lib.C_GenerateKeyPair(
    handle,
    { mechanism: ckm.ecKeyPairGen },
    template([
      [cka.token, true],
      [cka.private, false],
      [cka.verify, true],
      [cka.ecParams, Buffer.from(curves[pair.curve ?? 'p256'], 'hex')],
    ]),
    template([
      [cka.token, true],
      [cka.label, 'strange'],
      ...Object.entries(wanted).map(
        ([name, value]) => [cka[name as keyof typeof cka], value] as const,
      ),
    ]),
  );
  const spki = subjectPublicKeyInfoOf(lib, handle, publicKey);
  const named = spki === undefined ? 'cd'.repeat(20) : keyIdOf(spki);
  const id = pair.otherId === true ? 'ab'.repeat(20) : named;
  for (const half of [publicKey, privateKey]) {
    lib.C_SetAttributeValue(handle, half, [{ type: cka.id, value: Buffer.from(id, 'hex') }]);
  }
  if (pair.twice === true) lib.C_CopyObject(handle, privateKey, []);
  if (pair.withoutPublicHalf === true) lib.C_DestroyObject(handle, publicKey);
  return id;
}
