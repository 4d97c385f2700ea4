import { z } from 'zod';
import { duration, httpUrl, path, setting } from './values.ts';

/** Where CRLs and CA certificates are published. */
export const storeSchema = z
  .strictObject({
    kind: setting(
      z.enum(['file', 's3']).default('file'),
      'CHANCERY_STORE',
      'With file they go to the folder folders.published, with s3 to a bucket of an S3-compatible store that honours conditional writes.',
    ),
    endpoint: setting(
      httpUrl.optional(),
      'CHANCERY_STORE_ENDPOINT',
      'URL of the S3-compatible store, without the bucket.',
      'none',
    ),
    bucket: setting(
      z
        .string()
        .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/)
        .optional(),
      'CHANCERY_STORE_BUCKET',
      'Its bucket; it must exist.',
      'none',
    ),
    prefix: setting(
      z
        .string()
        .regex(/^([A-Za-z0-9_-][A-Za-z0-9._-]*\/)*$/, {
          message: 'must be empty or end in /, for example pki/',
        })
        .optional(),
      'CHANCERY_STORE_PREFIX',
      'What every key begins with.',
      'nothing',
    ),
    region: setting(
      z
        .string()
        .regex(/^[a-z0-9-]{1,63}$/)
        .default('us-east-1'),
      'CHANCERY_STORE_REGION',
      'Region that requests are signed for.',
    ),
    pathStyle: setting(
      z.boolean().default(true),
      'CHANCERY_STORE_PATH_STYLE',
      'Whether the bucket is in the path of the URL or, with false, in its host name.',
    ),
    accessKeyId: setting(
      z
        .string()
        .regex(/^[\x21-\x7e]{1,200}$/)
        .optional(),
      'CHANCERY_STORE_ACCESS_KEY_ID',
      'Id of the access key.',
      'none',
    ),
    secretAccessKey: setting(
      z.string().min(1).optional(),
      'CHANCERY_STORE_SECRET_ACCESS_KEY',
      'Its secret, from the environment only; better in a file of its own.',
      'the content of secretAccessKeyFile',
    ),
    secretAccessKeyFile: setting(
      path.optional(),
      'CHANCERY_STORE_SECRET_ACCESS_KEY_FILE',
      'File that holds the secret alone, mode 0600.',
      'none',
    ),
    trustFile: setting(
      path.optional(),
      'CHANCERY_STORE_TRUST_FILE',
      'PEM of the roots to trust for an https endpoint.',
      "the system's",
    ),
    timeout: setting(
      duration('1s', '5m').default('10s'),
      'CHANCERY_STORE_TIMEOUT',
      'How long a connection may show no sign of life before it counts as lost.',
    ),
  })
  .prefault({});
