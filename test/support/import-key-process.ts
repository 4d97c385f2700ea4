/**
 * A process of its own that puts a software key pair into a token, as a maker's cloning would: the
 * module stays out of the test's process. Arguments: the token's place and the key, as JSON.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { Attribute } from '../../src/hsm/cryptoki.ts';
import { cka, ckk, cko, initialise, loadModule } from '../../src/hsm/cryptoki.ts';
import { keyIdOf } from '../../src/hsm/public-keys.ts';
import { findToken, openSession } from '../../src/hsm/token-connection.ts';
import type { TokenPlace } from '../../src/hsm/token-options.ts';

const [place, pin, label, pem] = JSON.parse(process.argv[2] ?? '') as [
  TokenPlace,
  string,
  string,
  string,
];
const jwk = createPrivateKey(pem).export({ format: 'jwk' });
const octets = (name: string): Buffer => Buffer.from(String(jwk[name]), 'base64url');
const template = (entries: readonly (readonly [number, boolean | string | Buffer | number])[]) =>
  entries.map(([type, value]): Attribute => ({ type, value }));

const { kty } = jwk;
const p256 = Buffer.from('06082a8648ce3d030107', 'hex');
const uncompressed = (): Buffer => Buffer.concat([Buffer.from([4]), octets('x'), octets('y')]);
/** Attributes of the private half's numbers: CKA_VALUE, or CKA_PRIVATE_EXPONENT to CKA_COEFFICIENT. */
const secret =
  kty === 'EC'
    ? ([[0x11, octets('d')]] as const)
    : (['d', 'p', 'q', 'dp', 'dq', 'qi'].map((name, at) => [0x123 + at, octets(name)]) as [
        number,
        Buffer,
      ][]);
const open =
  kty === 'EC'
    ? ([
        [cka.keyType, ckk.ec],
        [cka.ecParams, p256],
      ] as const)
    : ([
        [cka.keyType, ckk.rsa],
        [cka.modulus, octets('n')],
        [cka.publicExponent, octets('e')],
      ] as const);
const id = Buffer.from(
  keyIdOf(createPublicKey(pem).export({ type: 'spki', format: 'der' })),
  'hex',
);

const module = loadModule(place.module);
initialise(module.lib, place.libraryParameters);
const { slot } = findToken(module, place.label, place.serialNumber);
const session = openSession(slot, 'readWrite');
session.login(pin, 1);
const common = [[cka.token, true], [cka.label, label], [cka.id, id], ...open] as const;
module.lib.C_CreateObject(
  session.handle,
  template([
    ...common,
    [cka.class, cko.privateKey],
    [cka.private, true],
    [cka.sensitive, true],
    [cka.extractable, false],
    [cka.sign, true],
    [cka.decrypt, false],
    [cka.unwrap, false],
    [cka.derive, false],
    ...secret,
  ]),
);
module.lib.C_CreateObject(
  session.handle,
  template([
    ...common,
    [cka.class, cko.publicKey],
    [cka.private, false],
    [cka.verify, true],
    ...(kty === 'EC'
      ? ([[cka.ecPoint, Buffer.concat([Buffer.from([4, 65]), uncompressed()])]] as const)
      : []),
  ]),
);
session.close();
module.lib.C_Finalize();
