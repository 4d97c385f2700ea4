import { z } from 'zod';
import { foreignSchema } from './foreign.ts';
import { duration, httpUrl, listOfText, path, setting } from './values.ts';

const most = 256;

/** A number of processes; in a variable it comes as text. */
const workers = z
  .union([
    z.literal('auto'),
    z.int(),
    z
      .string()
      .regex(/^\d{1,3}$/)
      .transform(Number),
  ])
  .refine((count) => count === 'auto' || (count >= 1 && count <= most), {
    message: `must be auto or 1 to ${most}`,
  });

/** The responder's own settings. */
export const ocspSchema = z
  .strictObject({
    lifetime: setting(
      duration('1m', '10d').default('1h'),
      'CHANCERY_OCSP_LIFETIME',
      'nextUpdate minus thisUpdate of an OCSP response.',
    ),
    workers: setting(
      workers.default(1),
      'CHANCERY_OCSP_WORKERS',
      'Processes that answer; auto is one a core. Each has its own memory and signer process.',
    ),
    cacheLimit: setting(
      z.int().min(1000).max(100_000_000).default(1_000_000),
      'CHANCERY_OCSP_CACHE_LIMIT',
      'Answers that a process keeps at most, some 450 octets of memory each.',
    ),
    signedAheadPerSecond: setting(
      z.int().min(0).max(100_000).default(300),
      'CHANCERY_OCSP_SIGNED_AHEAD_PER_SECOND',
      'Signatures a second that nobody waits for: renewals of answers that are asked for, and new ones after a change of status or a restart.',
    ),
    signedAtStart: setting(
      z.int().min(0).max(1_000_000).default(10_000),
      'CHANCERY_OCSP_SIGNED_AT_START',
      'Answers signed at start because they were asked for most before; 0 remembers none.',
    ),
    authorityUrl: setting(
      httpUrl.optional(),
      'CHANCERY_OCSP_AUTHORITY_URL',
      'Where the responder enrols its delegate certificates.',
      'the https URL above',
    ),
    folder: setting(
      path.optional(),
      'CHANCERY_OCSP_FOLDER',
      "The responder's own files: client certificate and key, delegate certificates.",
      'responder in the data folder',
    ),
    certificate: setting(
      path.optional(),
      'CHANCERY_OCSP_CERTIFICATE',
      'Client certificate with which the responder enrols.',
      "cert.pem in the responder's folder",
    ),
    key: setting(
      path.optional(),
      'CHANCERY_OCSP_KEY',
      'Its private key, mode 0600.',
      "key.pem in the responder's folder",
    ),
    trust: setting(
      path.optional(),
      'CHANCERY_OCSP_TRUST',
      'Root that the responder trusts when it talks to the CA.',
      'trust/root.pem in the data folder',
    ),
    foreign: setting(
      foreignSchema.optional(),
      'CHANCERY_OCSP_FOREIGN',
      'CAs that are not ours, by name, answered for by their CRLs: `certificate` (file), `crl` (URLs or files), `refresh` (5m), `scope` (all, endEntity or ca), `delegateCertificate` (file). See docs/foreign-ca.md. As a variable: JSON.',
      'none',
    ),
    delegateKeys: setting(
      z
        .array(z.enum(['p256', 'p384', 'p521', 'rsa2048', 'rsa3072', 'rsa4096', 'ed25519']))
        .min(1)
        .refine((keys) => new Set(keys).size === keys.length, {
          message: 'must name each kind of key once',
        })
        .default(['p256']),
      'CHANCERY_OCSP_DELEGATE_KEYS',
      'Kinds of key that sign answers, one delegate an issuer each. The first signs unless a request prefers the signature algorithm of another (RFC 6960 §4.4.7).',
    ),
    responderId: setting(
      z.enum(['key', 'name']).default('key'),
      'CHANCERY_OCSP_RESPONDER_ID',
      "How answers name their signer: by the hash of its key, or by its certificate's subject.",
    ),
    signedRequests: z
      .strictObject({
        require: setting(
          z.boolean().default(false),
          'CHANCERY_OCSP_SIGNED_REQUESTS_REQUIRE',
          'Answer signed requests of the allow list only; the unsigned are answered sigRequired, others unauthorized. Without it signatures are ignored.',
        ),
        allow: setting(
          listOfText.optional(),
          'CHANCERY_OCSP_SIGNED_REQUESTS_ALLOW',
          "PEM files: requesters' certificates, or CAs below which their certificates are.",
          'nobody',
        ),
      })
      .prefault({}),
  })
  .prefault({});
