import { z } from 'zod';
import { ceremonyKinds } from './declaration.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const hex = z.string().regex(/^([0-9a-f]{2})*$/);
const base64 = z.base64();
const time = z.iso.datetime();
const role = z.enum(['root', 'issuing']);

const identity = z.strictObject({
  label: z.string(),
  serialNumber: z.string(),
  manufacturer: z.string(),
  model: z.string(),
  firmwareVersion: z.string(),
  hardware: z.boolean(),
});

const attributes = z.record(z.string(), z.boolean());

/** In every line: its number, and the SHA-256 of the line before without its line feed ('' in the first). */
const step = {
  number: z.int().min(0),
  previous: z.union([sha256, z.literal('')]),
  at: time,
} as const;

const begin = z.strictObject({
  kind: z.literal('begin'),
  ...step,
  format: z.literal('chancery-ceremony-transcript/1'),
  ceremony: z.strictObject({
    name: z.string(),
    kind: z.enum(ceremonyKinds),
    purpose: z.string(),
    /** The octets of the ceremony's file, and their hash. */
    file: base64,
    sha256,
  }),
  planSha256: sha256,
  /** As it was shown and approved. */
  plan: z.record(z.string(), z.unknown()),
  software: z.strictObject({
    version: z.string(),
    commit: z.string().nullable(),
    sourceSha256: sha256,
  }),
  /** Where answers come from: people at a terminal, or a file (a rehearsal, a test). */
  answers: z.discriminatedUnion('from', [
    z.strictObject({ from: z.literal('terminal') }),
    z.strictObject({ from: z.literal('file'), sha256 }),
  ]),
  participants: z.array(
    z.strictObject({
      name: z.string(),
      part: z.enum(['custodian', 'witness']),
      holds: z.array(role),
    }),
  ),
});

const asked = z.strictObject({
  kind: z.literal('asked'),
  ...step,
  actor: z.string(),
  part: z.enum(['custodian', 'witness']),
  /** What it was about: `present`, `plan`, `pin`, `clock`, `made`. */
  about: z.enum(['present', 'plan', 'pin', 'clock', 'made']),
  /** Of what was made: its hash. Of a PIN: the token's role. */
  object: z.string(),
  prompt: z.string(),
  /** As it was typed. Of a PIN: where it came from, never the PIN. */
  answer: z.string(),
  accepted: z.boolean(),
});

const token = z.strictObject({
  kind: z.literal('token'),
  ...step,
  role,
  identity,
  /** CKA_IDs of the private keys that it has, and those among them that the inventory knows. */
  keys: z.array(hex),
  known: z.array(hex),
});

const clock = z.strictObject({
  kind: z.literal('clock'),
  ...step,
  system: time,
  database: time,
});

const made = z.strictObject({
  kind: z.literal('made'),
  ...step,
  what: z.enum(['keyPair', 'certificate', 'crl', 'destruction']),
  name: z.string(),
  /** What a person compares: of the DER, of a key pair its SubjectPublicKeyInfo, of a destruction its record. */
  sha256,
  tbsSha256: sha256.optional(),
  spkiSha256: sha256.optional(),
  der: base64.optional(),
  /** The issuers above, nearest first, root last; empty for what a root signs for itself. */
  chain: z.array(base64).optional(),
  key: z
    .strictObject({ keyId: hex, token: identity, attributes, algorithm: z.string() })
    .optional(),
  record: z.record(z.string(), z.unknown()).optional(),
});

const refused = z.strictObject({ kind: z.literal('refused'), ...step, reason: z.string() });

const end = z.strictObject({
  kind: z.literal('end'),
  ...step,
  outcome: z.enum(['completed', 'aborted']),
  reason: z.string().optional(),
  /** Hashes of everything that was made, in order. */
  made: z.array(sha256),
});

const transcriptKey = z.strictObject({
  kind: z.literal('transcriptKey'),
  ...step,
  keyId: hex,
  algorithm: z.string(),
  subjectPublicKeyInfo: base64,
  spkiSha256: sha256,
  token: identity,
  attributes,
  /** Made in this ceremony. */
  made: z.boolean(),
});

const signature = z.strictObject({
  kind: z.literal('signature'),
  number: step.number,
  previous: sha256,
  algorithm: z.string(),
  /** Over all octets of the lines before, line feeds included. */
  value: base64,
});

export const transcriptLine = z.discriminatedUnion('kind', [
  begin,
  asked,
  token,
  clock,
  made,
  refused,
  end,
  transcriptKey,
  signature,
]);

export type TranscriptLine = z.infer<typeof transcriptLine>;
export type BeginLine = z.infer<typeof begin>;
export type AskedLine = z.infer<typeof asked>;
export type MadeLine = z.infer<typeof made>;
export type EndLine = z.infer<typeof end>;
export type TranscriptKeyLine = z.infer<typeof transcriptKey>;
export type SignatureLine = z.infer<typeof signature>;

type Without<T> = T extends unknown ? Omit<T, 'number' | 'previous' | 'at'> : never;
/** A step before it gets its number, its time and the hash of the one before. */
export type TranscriptStep = Without<Exclude<TranscriptLine, SignatureLine>>;
