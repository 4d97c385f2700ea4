import type { KeyAlgorithmName } from '../../pkix/index.ts';

/** Kinds of key that a ceremony makes. */
export const keyAlgorithmNames = [
  'p256',
  'p384',
  'p521',
  'rsa2048',
  'rsa3072',
  'rsa4096',
  'ed25519',
] as const satisfies readonly KeyAlgorithmName[];
