import { z } from 'zod';
import { keyAlgorithmNames } from './words.ts';

const name = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/i, {
  message: 'must be 1 to 63 letters, digits, dots, hyphens or underscores',
});
const text = z.string().trim().min(1).max(1000);
const person = z.string().trim().min(2).max(100);
/** YAML takes hex of digits alone for a number. */
const quoted = z.string({ error: 'must be text: put it in quotes' });
const sha256 = quoted.regex(/^[0-9a-f]{64}$/, {
  message: 'must be a SHA-256 in lower-case hex (64 digits)',
});
const keyId = quoted.regex(/^([0-9a-f]{2}){4,64}$/, {
  message: 'must be a CKA_ID in lower-case hex, as `chancery token show` prints it',
});
const time = z.iso.datetime({ error: 'must be a time such as 2027-01-31T09:00:00Z' });
const role = z.enum(['root', 'issuing']);
const days = z.int().min(1).max(36_525);
const path = z.string().min(1);

/** Who brings a PIN, and for which tokens; who watches. */
const participants = z.strictObject({
  custodians: z.array(z.strictObject({ name: person, holds: z.array(role).min(1) })).min(1),
  witnesses: z.array(z.strictObject({ name: person })).min(1),
});

/** What a token must be. What is left out is not compared. */
const token = z.strictObject({
  label: quoted.min(1).max(32),
  serialNumber: quoted.min(1).max(16).optional(),
  manufacturer: quoted.min(1).max(32).optional(),
  model: quoted.min(1).max(16).optional(),
  firmwareVersion: quoted.min(1).max(16).optional(),
  /** true: a software token is refused. */
  hardware: z.boolean().optional(),
});

const common = {
  /** Names the ceremony in transcript, audit log and evidence. */
  name,
  /** Why it is held. */
  purpose: text,
  /** When it may run: a clock outside of it is refused. */
  between: z.strictObject({ from: time, until: time }).optional(),
  participants,
  tokens: z.strictObject({ root: token.optional(), issuing: token.optional() }).default({}),
  /** Which token has the key that signs the transcript. */
  transcript: z.strictObject({ token: role.default('issuing') }).prefault({}),
} as const;

/** A CA certificate that is made over a key of this installation, still to be generated. */
const newIssuer = z.strictObject({
  name,
  subject: text,
  key: z.enum(keyAlgorithmNames),
  signature: z.enum(['pkcs1', 'pss']).optional(),
  /** Of type ca; default root-ca or issuing-ca. */
  profile: name.optional(),
  days,
  pathLength: z.int().min(0).max(100).optional(),
  permitDns: z.array(text).optional(),
  excludeDns: z.array(text).optional(),
});

/** The issuer that signs; pins are compared before anything is signed. */
const signer = z.strictObject({
  issuer: name,
  /** RFC 4514; the issuer's certificate must have exactly this subject. */
  subject: text.optional(),
  certificateSha256: sha256.optional(),
});

const file = z.strictObject({ file: path, sha256 });

/** What is decided about a CA certificate over somebody else's key. */
const foreign = {
  subject: text,
  /** Of type ca; default issuing-ca, or cross-certificate. */
  profile: name.optional(),
  days,
  pathLength: z.int().min(0).max(100).optional(),
  permitDns: z.array(text).optional(),
  excludeDns: z.array(text).optional(),
} as const;

const output = z.strictObject({ certificate: path.optional(), chain: path.optional() });

const root = z.strictObject({
  ceremony: z.literal('root'),
  ...common,
  issuer: newIssuer,
  crl: z.strictObject({ days }),
  out: output.prefault({}),
});

const intermediate = z.strictObject({
  ceremony: z.literal('intermediate'),
  ...common,
  by: signer,
  /** A CA of this installation, whose key is made in the issuing token … */
  issuer: newIssuer.optional(),
  /** … or the request that another machine brought. */
  request: file.extend(foreign).optional(),
  out: output.prefault({}),
});

const crossCertificate = z.strictObject({
  ceremony: z.literal('cross-certificate'),
  ...common,
  by: signer,
  /** The self-signed certificate of the CA that is certified; `sha256` is of its DER. */
  certificate: file.extend(foreign),
  out: output.prefault({}),
});

const rootCrl = z.strictObject({
  ceremony: z.literal('root-crl'),
  ...common,
  by: signer,
  crl: z.strictObject({ days }),
  out: z.strictObject({ crl: path.optional() }).prefault({}),
});

const delegate = z.strictObject({
  ceremony: z.literal('delegate'),
  ...common,
  by: signer,
  /** The principal of the responder, which will own the certificate. */
  responder: name,
  request: file,
  days,
  out: output.prefault({}),
});

const rollover = z.strictObject({
  ceremony: z.literal('rollover'),
  ...common,
  /** The issuer that will be followed. */
  by: signer,
  /** First: the next root is made, and issues nothing yet … */
  issuer: newIssuer.optional(),
  /** … then, in another ceremony: its key becomes active, its first CRL and the link certificates are made. */
  activate: z.strictObject({ issuer: name, links: z.boolean().default(true) }).optional(),
  /** Of the activation. */
  crl: z.strictObject({ days }).optional(),
  out: output.prefault({}),
});

const destruction = z.strictObject({
  ceremony: z.literal('destruction'),
  ...common,
  keys: z
    .array(z.strictObject({ keyId, spkiSha256: sha256 }))
    .min(1)
    .max(20),
});

/** One ceremony, as its YAML file declares it. Strict at every level. */
export const declarationSchema = z.discriminatedUnion('ceremony', [
  root,
  intermediate,
  crossCertificate,
  rootCrl,
  delegate,
  rollover,
  destruction,
]);

export type CeremonyDeclaration = z.infer<typeof declarationSchema>;
export type CeremonyKind = CeremonyDeclaration['ceremony'];
export type NewIssuerDeclaration = z.infer<typeof newIssuer>;
export type TokenDeclaration = z.infer<typeof token>;
export type SignerDeclaration = z.infer<typeof signer>;

export const ceremonyKinds: readonly CeremonyKind[] = [
  'root',
  'intermediate',
  'cross-certificate',
  'root-crl',
  'delegate',
  'rollover',
  'destruction',
];
