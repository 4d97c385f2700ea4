import { z } from 'zod';

/** What the documentation and the environment need to know of a setting, beside its type. */
export interface SettingNotes {
  /** The variable that overrides it. */
  readonly variable: string;
  /** Plain words, one or two sentences. */
  readonly text: string;
  /** Shown as the default where the real one is worked out at start-up. */
  readonly defaultText?: string | undefined;
}

/** Every setting of the schema with its notes; a setting that is not in here fails a test. */
export const settingNotes = z.registry<SettingNotes>();

/** A setting with its variable and description. */
export function setting<T extends z.ZodType>(
  schema: T,
  variable: string,
  text: string,
  defaultText?: string,
): T {
  settingNotes.add(schema, { variable, text, defaultText });
  return schema;
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds of a duration as people write it: `30s`, `15m`, `24h`, `7d`; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9})(s|m|h|d)$/.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * (unitSeconds[match[2] ?? ''] ?? 0);
}

/** A duration setting; the loaded configuration holds seconds. */
export function duration(least: string, most: string): z.ZodType<string, string> {
  const range = [parseDuration(least) ?? 0, parseDuration(most) ?? 0] as const;
  return z.string().refine(
    (text) => {
      const seconds = parseDuration(text);
      return seconds !== undefined && seconds >= range[0] && seconds <= range[1];
    },
    { message: `must be a duration from ${least} to ${most}, such as 30s, 15m, 24h or 7d` },
  );
}

export const port = z.int().min(1).max(65_535);

/** A path; relative ones count from the folder of the file that names them. */
export const path = z.string().min(1);

export const listOfText = z.array(z.string().min(1));

/** `host:port`, with brackets around an IPv6 address. */
export const hostAndPort = z.string().regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:[\]/]+):\d{1,5}$/, {
  message: 'must be host:port, for example 127.0.0.1:9464 or [::1]:9464',
});

export const httpUrl = z.string().regex(/^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/, {
  message: 'must be an http or https URL without query, fragment or password',
});

/**
 * Where status and issuers are fetched from: over TLS a fetch would need a certificate whose status
 * needs the same fetch (RFC 5280 §8).
 */
export const plainHttpUrl = z.string().regex(/^http:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/, {
  message:
    'must be a plain http URL without query, fragment or password: status fetched over TLS would need itself (RFC 5280 §8)',
});

/** A host name or address as it goes into URLs and certificates. */
export const hostName = z
  .string()
  .regex(/^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/, {
    message: 'must be a lower-case DNS name or an IPv4 address, without port or scheme',
  });

export const databaseUrl = z.string().regex(/^postgres(ql)?:\/\/\S+$/, {
  message: 'must be a postgresql:// URL, for example postgresql://user@host:5432/chancery',
});

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** The parts of a `hostAndPort`, an IPv6 address without its brackets. */
export function hostAndPortOf(text: string): HostAndPort;
export function hostAndPortOf(text: string | undefined): HostAndPort | undefined;
export function hostAndPortOf(text: string | undefined): HostAndPort | undefined {
  if (text === undefined) return undefined;
  const colon = text.lastIndexOf(':');
  return {
    host: text.slice(0, colon).replace(/^\[|\]$/g, ''),
    port: Number(text.slice(colon + 1)),
  };
}
