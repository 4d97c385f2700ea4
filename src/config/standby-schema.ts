import { z } from 'zod';
import { duration, path, setting } from './values.ts';

/** A second token with the same keys. Its label turns it on; nothing of the first's place holds for it. */
export function standby(role: 'root' | 'issuing' | 'responder') {
  const variable = (name: string) => `CHANCERY_${role.toUpperCase()}_TOKEN_STANDBY_${name}`;
  return z
    .strictObject({
      label: setting(
        z.string().min(1).max(32).optional(),
        variable('LABEL'),
        `Label of a second token with the same keys, brought there by its maker's cloning. It signs while the ${role} token is lost.`,
        'no second token',
      ),
      module: setting(
        path.optional(),
        variable('MODULE'),
        'Shared library of its PKCS#11 module; may be of another make.',
        'SoftHSM where the system keeps it',
      ),
      serialNumber: setting(
        z.string().min(1).max(16).optional(),
        variable('SERIAL_NUMBER'),
        'Serial number that it must have as well. Needed where both tokens have one label in one module.',
        'any',
      ),
      pinFile: setting(
        path.optional(),
        variable('PIN_FILE'),
        'File that holds its user PIN alone, mode 0600.',
        'standby/pin in the folder of the token',
      ),
      environment: setting(
        z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string()).optional(),
        variable('ENVIRONMENT'),
        'Environment of its signer process. As a variable: NAME=value,NAME=value.',
        'SOFTHSM2_CONF: standby/softhsm2.conf in the folder of the token',
      ),
      libraryParameters: setting(
        z.string().min(1).max(1000).optional(),
        variable('LIBRARY_PARAMETERS'),
        'Text that its module takes when it is initialised.',
        'none',
      ),
      failBack: setting(
        duration('1s', '1d').default('60s'),
        variable('FAIL_BACK'),
        'How long the first token must have been open without a stop before it signs again; it must make a test signature then.',
      ),
      validation: z
        .strictObject({
          certificate: setting(
            z
              .string()
              .regex(/^[#A-Za-z0-9 .-]{1,40}$/)
              .optional(),
            variable('VALIDATION_CERTIFICATE'),
            'Number of the CMVP certificate of its module.',
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
    })
    .prefault({});
}
