import { z } from 'zod';
import { standby } from './standby-schema.ts';
import { duration, path, setting } from './values.ts';

/** Settings of one PKCS#11 token; `role` only shapes names and defaults. */
export function token(role: 'issuing' | 'responder') {
  return z.strictObject(members(role)).prefault({});
}

/** Those of the root's token, which may be locked away between ceremonies. */
export function rootToken() {
  return z
    .strictObject({
      presence: setting(
        z.enum(['always', 'ceremony']).default('always'),
        'CHANCERY_ROOT_TOKEN_PRESENCE',
        'With `ceremony` the token is locked away: only `chancery init` and `chancery ceremony run` open it, the CA process never does.',
      ),
      ...members('root'),
    })
    .prefault({});
}

function members(role: 'root' | 'issuing' | 'responder') {
  const variable = (name: string) => `CHANCERY_${role.toUpperCase()}_TOKEN_${name}`;
  return {
    folder: setting(
      path.optional(),
      variable('FOLDER'),
      `Folder of the ${role} token's own files: PIN file and, for SoftHSM, its configuration.`,
      `tokens/${role} in the data folder`,
    ),
    module: setting(
      path.optional(),
      variable('MODULE'),
      'Shared library of the PKCS#11 module.',
      'SoftHSM where the system keeps it',
    ),
    label: setting(
      z.string().min(1).max(32).default(`chancery-${role}`),
      variable('LABEL'),
      'Label by which the token is found; slot numbers are never used.',
    ),
    serialNumber: setting(
      z.string().min(1).max(16).optional(),
      variable('SERIAL_NUMBER'),
      'Serial number that the token must have as well, when two could share a label.',
      'any',
    ),
    pinFile: setting(
      path.optional(),
      variable('PIN_FILE'),
      'File that holds the user PIN alone, mode 0600. The PIN itself never stands here.',
      'pin in the folder of the token',
    ),
    environment: setting(
      z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string()).optional(),
      variable('ENVIRONMENT'),
      "Environment of the signer process, for the module's own configuration. As a variable: NAME=value,NAME=value.",
      'SOFTHSM2_CONF: softhsm2.conf in the folder of the token',
    ),
    libraryParameters: setting(
      z.string().min(1).max(1000).optional(),
      variable('LIBRARY_PARAMETERS'),
      "Text that the module takes when it is initialised, as NSS's does: `configdir='sql:…' …`. No secret.",
      'none',
    ),
    sessions: setting(
      z.int().min(1).max(256).default(4),
      variable('SESSIONS'),
      'Sessions kept open; a network HSM likes about 30.',
    ),
    queueLimit: setting(
      z.int().min(1).max(100_000).default(1000),
      variable('QUEUE_LIMIT'),
      'Signatures that may wait; beyond it requests are answered 503 with Retry-After.',
    ),
    deadline: setting(
      duration('1s', '5m').default('5s'),
      variable('DEADLINE'),
      'How long one signature may take before the signer process is killed and replaced.',
    ),
    keepAlive: setting(
      z.union([z.literal('off'), duration('1s', '1h')]).default('30s'),
      variable('KEEP_ALIVE'),
      'After so long without work every session asks the device for a few random octets, so that none dies of idleness; `off`: never. Not for the root token, which is closed then.',
    ),
    validation: z
      .strictObject({
        certificate: setting(
          z
            .string()
            .regex(/^[#A-Za-z0-9 .-]{1,40}$/)
            .optional(),
          variable('VALIDATION_CERTIFICATE'),
          'Number of the CMVP certificate of the module, as `key show` and reports print it.',
          'not validated',
        ),
        level: setting(
          z.int().min(1).max(4).optional(),
          variable('VALIDATION_LEVEL'),
          'Its overall FIPS 140 level.',
          'not validated',
        ),
      })
      .prefault({}),
    standby: standby(role),
  };
}
