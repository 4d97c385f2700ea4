import { z } from 'zod';
import type { BulkSearch } from '../authority/index.ts';
import { durationSeconds, text, time } from './shapes.ts';

/** Filters of the inventory; all given ones must hold. The same for lists, exports and acts on many. */
export const searchFilters = {
  status: z.enum(['good', 'onHold', 'revoked', 'expired']).optional(),
  subject: text(1000).optional(),
  name: text(2048).optional(),
  profile: text(100).optional(),
  owner: text(200).optional(),
  tag: text(100).optional(),
  notes: text(1000).optional(),
  key: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, { message: 'must be the SHA-256 of a SubjectPublicKeyInfo in hex' })
    .optional(),
  requestedBy: text(200).optional(),
  issuer: text(100).optional(),
  expiringWithin: durationSeconds.optional(),
  requestedAfter: time.optional(),
  requestedBefore: time.optional(),
} as const;

type SearchFilters = z.output<z.ZodObject<typeof searchFilters>>;

/** The search as the use cases take it. */
export function searchOf(
  { profile, key, expiringWithin, ...filters }: SearchFilters,
  now: Date,
): BulkSearch {
  return {
    ...filters,
    profileName: profile,
    spkiHash: key?.toLowerCase(),
    notAfterBefore:
      expiringWithin === undefined ? undefined : new Date(now.getTime() + expiringWithin * 1000),
  };
}
