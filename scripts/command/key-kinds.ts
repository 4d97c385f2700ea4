/** Kinds of keys: what the command makes for a subscriber, and what an issuer can have. */
export const keyKinds = [
  'p256',
  'p384',
  'p521',
  'rsa2048',
  'rsa3072',
  'rsa4096',
  'ed25519',
] as const;
