import { z } from 'zod';
import { duration, path } from './values.ts';

/** Section `ocsp.foreign`: the name is a folder's name too. */
export const foreignSchema = z.record(
  z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, {
    message: 'must be lower-case letters, digits and hyphens',
  }),
  z.strictObject({
    certificate: path,
    crl: z.array(path).min(1).max(4096),
    refresh: duration('10s', '7d').default('5m'),
    scope: z.enum(['all', 'endEntity', 'ca']).default('all'),
    delegateCertificate: path.optional(),
  }),
);

/** A CA that is not ours; paths are absolute. */
export interface ForeignConfiguration {
  readonly name: string;
  readonly certificateFile: string;
  /** http and https URLs as they are, files as absolute paths. */
  readonly locations: readonly string[];
  readonly refreshMilliseconds: number;
  readonly scope: 'all' | 'endEntity' | 'ca';
  /** Undefined: `delegate.pem` in the CA's folder below the responder's. */
  readonly delegateCertificateFile: string | undefined;
}

/**
 * @param fileOf the absolute path of a file that is named there
 * @param seconds a duration's
 */
export function foreignOf(
  settings: z.infer<typeof foreignSchema> | undefined,
  fileOf: (value: string) => string,
  seconds: (text: string) => number,
): readonly ForeignConfiguration[] {
  return Object.entries(settings ?? {}).map(([name, one]) => ({
    name,
    certificateFile: fileOf(one.certificate),
    locations: one.crl.map((location) =>
      /^https?:\/\//.test(location) ? location : fileOf(location),
    ),
    refreshMilliseconds: seconds(one.refresh) * 1000,
    scope: one.scope,
    delegateCertificateFile: one.delegateCertificate && fileOf(one.delegateCertificate),
  }));
}
