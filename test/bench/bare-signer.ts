/** The limit of signing each answer: a loop that signs in the token and verifies, nothing else. */
import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Module, ObjectClass, type PrivateKey, SessionFlag } from 'graphene-pk11';

interface Order {
  readonly module: string;
  readonly pinFile: string;
  /** Hex CKA_ID of a P-256 key in the token. */
  readonly keyId: string;
  /** Base64 SubjectPublicKeyInfo. */
  readonly publicKey: string;
  readonly seconds: number;
}

process.once('message', ({ module: library, pinFile, keyId, publicKey, seconds }: Order) => {
  const module = Module.load(library);
  module.initialize();
  const session = module.getSlots(0).open(SessionFlag.SERIAL_SESSION);
  session.login(readFileSync(pinFile, 'utf8').trim());
  const handle = session
    .find({ class: ObjectClass.PRIVATE_KEY, id: Buffer.from(keyId, 'hex') })
    .items(0)
    .toType<PrivateKey>();
  const verificationKey = {
    key: createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' }),
    dsaEncoding: 'ieee-p1363' as const,
  };
  const message = Buffer.alloc(200, 1);
  const end = performance.now() + seconds * 1000;
  let count = 0;
  while (performance.now() < end) {
    message.writeUInt32BE(count);
    const signature = session
      .createSign('ECDSA', handle)
      .once(createHash('sha256').update(message).digest());
    if (!verify('sha256', message, verificationKey, signature))
      throw new Error('a wrong signature');
    count += 1;
  }
  process.send?.(count / seconds, () => process.exit(0));
});
