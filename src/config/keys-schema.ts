import { z } from 'zod';
import { duration, path, setting } from './values.ts';

/** The types of keys in the inventory (`src/keys/ports.ts`); this folder may not import them. */
const keyTypes = [
  ...['ca', 'ocspResponder', 'httpsServer', 'selfTest', 'transcript'],
  ...['audit', 'trustBundle', 'notice', 'wrapping'],
] as const;

const cryptoperiod = z.strictObject({
  originatorUsage: duration('1h', '36525d').optional(),
  recipientUsage: duration('1h', '36525d').optional(),
  signatureLimit: z.int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
  warnAhead: duration('0s', '3653d').optional(),
  reason: z.string().min(10).optional(),
});

/** The life of keys (docs/keys.md). */
export const keysSchema = z
  .strictObject({
    blocklistFolder: setting(
      path.optional(),
      'CHANCERY_KEY_BLOCKLIST_FOLDER',
      'Folder of lists of known-compromised keys that are never certified: SHA-256 of SubjectPublicKeyInfo in hex, or the files of openssl-blacklist.',
      'no lists',
    ),
    cryptoperiods: setting(
      z
        .record(
          z.string().refine((type) => keyTypes.some((known) => known === type), {
            message: `must be one of ${keyTypes.join(', ')}`,
          }),
          cryptoperiod,
        )
        .default({}),
      'CHANCERY_KEYS_CRYPTOPERIODS',
      'By type of key, from its activation: originatorUsage (how long it signs), recipientUsage (how long what it signed is verified), signatureLimit (over all nodes), warnAhead, and the written reason that OCSP and TLS keys need beyond a year. As a variable: JSON.',
      'a year for OCSP and TLS keys, to the end of their certificate for CAs, as long as the token for self-test keys, three years for others',
    ),
    minimumStrength: setting(
      z.int().min(112).max(256).default(112),
      'CHANCERY_KEYS_MINIMUM_STRENGTH',
      'Bits of security (SP 800-57 Part 1 §5.6) that a key must have to be made or adopted.',
    ),
    requireValidatedModule: setting(
      z.boolean().default(false),
      'CHANCERY_KEYS_REQUIRE_VALIDATED_MODULE',
      'Refuses tokens without a CMVP certificate in their configuration, and SoftHSM always: at start-up, when keys are made and when they are activated.',
    ),
    distributeBeforeActivation: setting(
      duration('0s', '366d').default('24h'),
      'CHANCERY_KEYS_DISTRIBUTE_BEFORE_ACTIVATION',
      "How long a successor's certificate, and a root's place in the trust bundle, is to be had before its key may be activated.",
    ),
    reconcileEvery: setting(
      duration('1m', '31d').default('1h'),
      'CHANCERY_KEYS_RECONCILE_EVERY',
      'How often the objects in the tokens are compared with the inventory.',
    ),
    reconcileRoot: setting(
      z.boolean().default(false),
      'CHANCERY_KEYS_RECONCILE_ROOT',
      'Whether that opens the root token as well; otherwise `chancery key reconcile --token root` does.',
    ),
  })
  .prefault({});
