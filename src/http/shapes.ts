import { z } from 'zod';

/**
 * Text from outside: no control characters (PostgreSQL refuses NUL, logs and terminals suffer from
 * the rest) and no lone surrogates.
 */
export function text(longest: number): z.ZodString {
  return z
    .string()
    .min(1)
    .max(longest)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, { message: 'must not hold control characters' });
}

/** Text of several lines: tab and line ends are allowed. */
export function lines(longest: number): z.ZodString {
  return z
    .string()
    .max(longest)
    .regex(/^(?:[\t\r\n]|[^\p{Cc}\p{Cs}])*$/u, { message: 'must not hold control characters' });
}

/** RFC 3339 in UTC with Z; becomes a Date. */
export const time = z.iso
  .datetime({ error: 'must be RFC 3339 in UTC, for example 2030-01-31T12:00:00Z' })
  .transform((value) => new Date(value));

/** A duration such as 30d, 12h, 90m, 45s; becomes seconds. */
export const durationSeconds = z
  .string()
  .regex(/^\d{1,7}[smhd]$/, { message: 'must be a duration such as 30d, 12h, 90m or 45s' })
  .transform((value) => {
    const unit = { s: 1, m: 60, h: 3600, d: 86_400 }[value.slice(-1)] ?? 0;
    return Number(value.slice(0, -1)) * unit;
  });

/** Hex in any case; colons, blanks and leading zeros are ignored by the use case. */
export const serialNumber = z.strictObject({ serialNumber: text(80) });

/** Needed only when two issuers share the serial number. */
export const issuerQuery = z.strictObject({ issuer: text(100).optional() });

export const issuerName = z.strictObject({ issuer: text(100) });

export const named = z.strictObject({ name: text(100) });

/** PKCS#10 as PEM or base64 of its DER. */
export const csr = lines(65_536).min(1);

export const days = z.int().min(1).max(36_500);

export const paging = {
  cursor: text(500).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
};
