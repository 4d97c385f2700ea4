import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration, parseTime } from './values.ts';

/** Filters as the query of REST takes them. */
export type Filters = Readonly<Record<string, string>>;

const names = [
  'status',
  'subject',
  'name',
  'profile',
  'owner',
  'tag',
  'notes',
  'key',
  'requestedBy',
  'requestedAfter',
  'requestedBefore',
  'expiringWithin',
] as const;

/**
 * The filters of `list`, of exports and of acts on many; all that are given must hold. Where the names
 * `--owner` and `--notes` say what to write, the filters are `--where-owner` and `--where-notes`.
 */
export function addFilters(command: Command, writing: 'plain' | 'prefixed' = 'plain'): Command {
  const prefix = writing === 'plain' ? '' : 'where-';
  return command
    .addOption(
      new Option('--status <status>', 'only these').choices([
        'good',
        'onHold',
        'revoked',
        'expired',
      ]),
    )
    .option('--subject <text>', 'part of the subject or of any name')
    .option('--name <name>', 'exactly this name')
    .option('--profile <p>', 'only this profile')
    .option(`--${prefix}owner <o>`, 'only this owner')
    .option('--tag <t>', 'only with this tag')
    .option(`--${prefix}notes <text>`, 'part of the notes')
    .option('--key <sha256>', 'only of this key: SHA-256 of its SubjectPublicKeyInfo', parseKeyHash)
    .option('--requested-by <name>', 'only those that this principal asked for')
    .option('--requested-after <t>', 'requested at or after (RFC 3339 with Z)', parseTime)
    .option('--requested-before <t>', 'requested before (RFC 3339 with Z)', parseTime)
    .option('--expiring-within <duration>', 'for example 30d or 12h', parseDuration);
}

/** The filters that were given, without `--issuer`, which names an issuer elsewhere, too. */
export function filtersOf(
  options: Readonly<Record<string, unknown>>,
  writing: 'plain' | 'prefixed' = 'plain',
): Filters {
  return Object.fromEntries(
    names.flatMap((name) => {
      const prefixed = writing === 'prefixed' && (name === 'owner' || name === 'notes');
      const value =
        options[prefixed ? `where${name.charAt(0).toUpperCase()}${name.slice(1)}` : name];
      return typeof value === 'string' ? [[name, value] as const] : [];
    }),
  );
}

function parseKeyHash(value: string): string {
  if (!/^[0-9a-fA-F]{64}$/.test(value)) {
    throw new InvalidArgumentError('write the SHA-256 of the SubjectPublicKeyInfo in hex');
  }
  return value;
}
