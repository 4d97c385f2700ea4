import { z } from 'zod';
import { duration, setting } from './values.ts';

/** Ceremonies, and what absent tokens sign in them (docs/ceremonies.md). */
export const ceremonySchema = z
  .strictObject({
    warnAhead: setting(
      duration('1d', '366d').default('30d'),
      'CHANCERY_CEREMONIES_WARN_AHEAD',
      'How long before the end of a CRL, an OCSP delegate or the certificate of an issuer whose token is absent the alarm is raised: time to hold the ceremony.',
    ),
    crlMaximum: setting(
      duration('1d', '1827d').default('366d'),
      'CHANCERY_CEREMONIES_CRL_MAXIMUM',
      'The longest life of a CRL that a ceremony makes.',
    ),
  })
  .prefault({});
