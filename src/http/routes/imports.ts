import { z } from 'zod';
import { type ReasonCode, reasonCodes } from '../../domain/index.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { text, time } from '../shapes.ts';

const reasons = Object.keys(reasonCodes).filter((name) => name !== 'removeFromCRL');
const base64 = z
  .string()
  .max(90_000)
  .regex(/^[A-Za-z0-9+/]+={0,2}$/, { message: 'must be base64 of DER' })
  .transform((value) => new Uint8Array(Buffer.from(value, 'base64')));

const entry = z.strictObject({
  reference: text(500),
  certificate: base64.optional(),
  known: z
    .strictObject({ serialNumber: text(80), subject: z.string().max(2000), notAfter: time })
    .optional(),
  revocation: z
    .strictObject({
      at: time,
      reasonCode: z.enum(reasons as [ReasonCode, ...ReasonCode[]]),
      invalidityDate: time.optional(),
    })
    .optional(),
});

const result = z.object({
  reference: z.string(),
  outcome: z.enum(['imported', 'updated', 'known', 'refused']),
  issuerId: z.string().optional(),
  serialNumber: z.string().optional(),
  reason: z.string().optional(),
  lenient: z.string().optional(),
});

/** Certificates that another CA made. */
export const importRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/imports',
    access: 'certificates:import',
    summary:
      'Take over certificates that another CA made, with their status; what is there already stays. With dryRun it changes nothing',
    body: z.strictObject({
      issuer: text(200).optional(),
      issuerCertificate: base64.optional(),
      owner: text(200).optional(),
      tags: z.array(text(100)).max(50).default([]),
      dryRun: z.boolean().default(false),
      entries: z.array(entry).min(1).max(200),
    }),
    maximumBodyBytes: 8 * 1024 * 1024,
    answer: { status: 200, schema: z.object({ items: z.array(result) }) },
    handle: async ({ authority, principal, body }) => ({
      json: { items: await authority.importCertificates(principal, body) },
    }),
  }),
];
