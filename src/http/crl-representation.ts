import { z } from 'zod';
import type { CrlRecord, CrlShardState } from '../authority/ports.ts';
import type { IssuerDirectory } from './issuer-directory.ts';

const timeText = z.string().meta({ format: 'date-time' });
const optionalTime = timeText.optional();
const scopes = z.enum(['all', 'separate']);

/** How an issuer tells status, as `GET /issuers/{issuer}` shows it. */
export const statusPolicyShape = z.object({
  crl: z.object({
    shards: z.number().meta({ description: 'Over how many shards new certificates are spread' }),
    scopes: scopes.meta({
      description: 'separate: CA certificates have a CRL of their own (RFC 5280 §5.2.5)',
    }),
    deltaSeconds: z
      .number()
      .optional()
      .meta({ description: 'Validity of delta CRLs; absent: none (RFC 5280 §5.2.4)' }),
    keepExpired: z
      .boolean()
      .meta({ description: 'Entries stay after expiry, expiredCertsOnCRL says since when' }),
  }),
  ocsp: z.object({
    extendedRevoke: z
      .boolean()
      .meta({ description: 'What was never issued is answered as revoked (RFC 6960 §2.2)' }),
    archiveCutoffSeconds: z
      .number()
      .optional()
      .meta({ description: 'For how long after expiry status is told (RFC 6960 §4.4.4)' }),
  }),
});

/** What `PATCH …/status-policy` takes: what is left out stays, null switches off. */
export const statusPolicyChangesShape = z.strictObject({
  crl: z
    .strictObject({
      shards: z.int().min(1).max(1024).optional(),
      scopes: scopes.optional(),
      deltaSeconds: z.int().min(1).max(31_536_000).nullable().optional(),
      keepExpired: z.boolean().optional(),
    })
    .optional(),
  ocsp: z
    .strictObject({
      extendedRevoke: z.boolean().optional(),
      archiveCutoffSeconds: z.int().min(0).max(3_153_600_000).nullable().optional(),
    })
    .optional(),
});

export const crlShape = z
  .object({
    issuerId: z.string(),
    issuer: z.string(),
    shard: z.number(),
    kind: z.enum(['complete', 'delta']),
    crlNumber: z.string().meta({ description: 'Decimal; up to 20 octets (RFC 5280 §5.2.3)' }),
    baseCrlNumber: z
      .string()
      .optional()
      .meta({ description: 'Of a delta: the complete CRL it builds upon (RFC 5280 §5.2.4)' }),
    thisUpdate: timeText,
    nextUpdate: timeText,
    publishedAt: optionalTime,
    entries: z.number().optional(),
    size: z.number().optional(),
    sha256: z.string().optional(),
    url: z.string(),
  })
  .meta({ id: 'Crl' });

export async function crlJson(
  record: CrlRecord & { readonly url: string },
  issuers: IssuerDirectory,
): Promise<z.infer<typeof crlShape>> {
  return {
    issuerId: record.issuerId,
    issuer: await nameOf(record.issuerId, issuers),
    shard: record.shard,
    kind: record.kind,
    crlNumber: record.crlNumber.toString(),
    baseCrlNumber: record.baseCrlNumber?.toString(),
    thisUpdate: record.thisUpdate.toISOString(),
    nextUpdate: record.nextUpdate.toISOString(),
    publishedAt: record.publishedAt?.toISOString(),
    entries: record.entries,
    size: record.size,
    sha256: record.sha256,
    url: record.url,
  };
}

export const crlShardShape = z
  .object({
    issuerId: z.string(),
    issuer: z.string(),
    shard: z.number(),
    scope: z.enum(['all', 'endEntity', 'ca']),
    state: z.enum(['open', 'retired', 'ended']).meta({
      description: 'retired: gets no new certificates, its CRLs go on; ended: the last CRL is out',
    }),
    openedAt: timeText,
    retiredAt: optionalTime,
    lastNotAfter: optionalTime,
    endedAt: optionalTime,
    crlNumber: z.string().optional(),
    nextUpdate: optionalTime,
    entries: z.number().optional(),
    deltaNumber: z.string().optional(),
    deltaNextUpdate: optionalTime,
    url: z.string(),
  })
  .meta({ id: 'CrlShard' });

export async function crlShardJson(
  shard: CrlShardState & { readonly url: string },
  issuers: IssuerDirectory,
): Promise<z.infer<typeof crlShardShape>> {
  const { complete, delta } = shard;
  return {
    issuerId: shard.issuerId,
    issuer: await nameOf(shard.issuerId, issuers),
    shard: shard.shard,
    scope: shard.scope,
    state: shard.endedAt ? 'ended' : shard.retiredAt ? 'retired' : 'open',
    openedAt: shard.openedAt.toISOString(),
    retiredAt: shard.retiredAt?.toISOString(),
    lastNotAfter: shard.lastNotAfter?.toISOString(),
    endedAt: shard.endedAt?.toISOString(),
    crlNumber: complete?.crlNumber.toString(),
    nextUpdate: complete?.nextUpdate.toISOString(),
    entries: complete?.entries,
    deltaNumber: delta?.crlNumber.toString(),
    deltaNextUpdate: delta?.nextUpdate.toISOString(),
    url: shard.url,
  };
}

async function nameOf(issuerId: string, issuers: IssuerDirectory): Promise<string> {
  return (await issuers.find(issuerId))?.name ?? issuerId;
}
