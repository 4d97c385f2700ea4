import { z } from 'zod';
import type {
  AccountRecord,
  EabCredential,
  RateLimitOverride,
  RenewalIncident,
} from '../acme/ports.ts';
import { rfc3339 } from './representation.ts';

const timeText = z.string().meta({ format: 'date-time' });
const optionalTime = timeText.optional();
const optionalText = z.string().optional();

export const eabCredentialShape = z
  .object({
    kid: z.string(),
    hmacKey: optionalText.meta({ description: 'base64url; shown once, at creation' }),
    directory: z.string(),
    owner: z.string(),
    allow: z.array(z.string()),
    challengeRequired: z.boolean(),
    profiles: z.array(z.string()).nullable(),
    quota: z.number().nullable(),
    issued: z.number(),
    singleUse: z.boolean(),
    accounts: z.number(),
    tags: z.array(z.string()),
    createdAt: timeText,
    createdBy: z.string(),
    notAfter: optionalTime,
    revokedAt: optionalTime,
    revokedBy: optionalText,
  })
  .meta({ id: 'AcmeCredential' });

/** The credential without its MAC key, which no row holds. */
export function eabCredentialJson(credential: EabCredential): z.infer<typeof eabCredentialShape> {
  return {
    kid: credential.kid,
    directory: credential.directory,
    owner: credential.owner,
    allow: [...credential.allow],
    challengeRequired: credential.challengeRequired,
    profiles: credential.profiles === undefined ? null : [...credential.profiles],
    quota: credential.quota ?? null,
    issued: credential.issued,
    singleUse: credential.singleUse,
    accounts: credential.accounts,
    tags: [...credential.tags],
    createdAt: rfc3339(credential.createdAt),
    createdBy: credential.createdBy,
    notAfter: rfc3339(credential.notAfter),
    revokedAt: rfc3339(credential.revokedAt),
    revokedBy: credential.revokedBy,
  };
}

export const accountShape = z
  .object({
    accountId: z.string(),
    directory: z.string(),
    status: z.enum(['valid', 'deactivated', 'revoked']),
    thumbprint: z.string().meta({ description: 'RFC 7638' }),
    contact: z.array(z.string()),
    termsAgreedAt: optionalTime,
    kid: optionalText,
    createdAt: timeText,
    createdFrom: z.string(),
  })
  .meta({ id: 'AcmeAccount' });

export function accountJson(account: AccountRecord): z.infer<typeof accountShape> {
  return {
    accountId: account.accountId,
    directory: account.directory,
    status: account.status,
    thumbprint: account.thumbprint,
    contact: [...account.contact],
    termsAgreedAt: rfc3339(account.termsAgreedAt),
    kid: account.kid,
    createdAt: rfc3339(account.createdAt),
    createdFrom: account.createdFrom,
  };
}

export const limitOverrideShape = z
  .object({
    limit: z.string(),
    key: z.string(),
    burst: z.number(),
    seconds: z.number().meta({ description: 'Over which the burst is given back' }),
    notAfter: timeText,
    comment: optionalText,
    createdAt: timeText,
    createdBy: z.string(),
  })
  .meta({ id: 'AcmeLimitOverride' });

export function limitOverrideJson(override: RateLimitOverride): z.infer<typeof limitOverrideShape> {
  return {
    limit: override.limit,
    key: override.key,
    burst: override.burst,
    seconds: (override.intervalMilliseconds * override.burst) / 1000,
    notAfter: rfc3339(override.notAfter),
    comment: override.comment,
    createdAt: rfc3339(override.createdAt),
    createdBy: override.createdBy,
  };
}

export const incidentShape = z
  .object({
    incidentId: z.string(),
    issuerId: optionalText,
    profile: optionalText,
    issuedBefore: timeText,
    startsAt: timeText,
    endsAt: timeText,
    explanationUrl: optionalText,
    createdAt: timeText,
    createdBy: z.string(),
    closedAt: optionalTime,
  })
  .meta({ id: 'AcmeIncident' });

export function incidentJson(incident: RenewalIncident): z.infer<typeof incidentShape> {
  return {
    incidentId: incident.incidentId,
    issuerId: incident.issuerId,
    profile: incident.profile,
    issuedBefore: rfc3339(incident.issuedBefore),
    startsAt: rfc3339(incident.startsAt),
    endsAt: rfc3339(incident.endsAt),
    explanationUrl: incident.explanationUrl,
    createdAt: rfc3339(incident.createdAt),
    createdBy: incident.createdBy,
    closedAt: rfc3339(incident.closedAt),
  };
}
