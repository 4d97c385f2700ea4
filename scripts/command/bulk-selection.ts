import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { isChanceryError, parseSerialNumber } from '../../src/domain/index.ts';
import { usageError } from './exit.ts';
import { addFilters, type Filters, filtersOf } from './filters.ts';

/** What the REST interface takes in one request. */
const mostSerialNumbers = 100_000;

/** Which certificates a command meets. */
export type Selection =
  | { readonly kind: 'one'; readonly serialNumber: string }
  | {
      readonly kind: 'many';
      readonly body: {
        readonly serialNumbers?: readonly string[];
        readonly issuer?: string | undefined;
        readonly query?: Filters;
      };
    }
  | { readonly kind: 'resume'; readonly job: string };

/** Options of a command that acts on one certificate or many. */
export function addSelection(command: Command, writing: 'plain' | 'prefixed' = 'plain'): Command {
  command
    .argument('[serial...]', 'serial numbers in hex; case, colons and leading zeros don’t matter')
    .option(
      '--from <file>',
      'serial numbers from a file, one a line, # for comments; - for standard input',
    )
    .option('--where', 'those that the filters below find, which are those of list');
  addFilters(command, writing);
  return command
    .option('--issuer <name>', 'a filter; also needed when two issuers share a serial number')
    .option('--dry-run', 'print which certificates would be met, and change nothing')
    .option('--resume <job>', 'go on with a job, or watch one that runs')
    .option('--yes', 'don’t ask before many are changed')
    .option('--json', 'print the REST representation');
}

/** @throws CommandError usage when none or more than one way of naming certificates is given */
export function selectionOf(
  serials: readonly string[],
  options: Readonly<Record<string, unknown>>,
  writing: 'plain' | 'prefixed' = 'plain',
): Selection {
  const from = options['from'] as string | undefined;
  const where = options['where'] === true;
  const job = options['resume'] as string | undefined;
  const issuer = options['issuer'] as string | undefined;
  const filters = filtersOf(options, writing);
  const ways = [serials.length > 0, from !== undefined, where, job !== undefined];
  if (ways.filter(Boolean).length !== 1) {
    throw usageError(
      'name the certificates in one way: serial numbers, --from FILE, --where with filters, or --resume JOB',
    );
  }
  if (!where && Object.keys(filters).length > 0) {
    throw usageError('filters go with --where');
  }
  if (job !== undefined) {
    if (!/^[0-9a-f]{16}$/.test(job)) {
      throw usageError('--resume takes the id of a job; `chancery job list` prints them');
    }
    return { kind: 'resume', job };
  }
  if (where) {
    const query = { ...filters, ...(issuer === undefined ? {} : { issuer }) };
    if (Object.keys(query).length === 0) {
      throw usageError(
        '--where without a filter would meet every certificate; give at least one, for example --owner',
      );
    }
    return { kind: 'many', body: { query } };
  }
  if (from !== undefined) {
    return { kind: 'many', body: { serialNumbers: serialNumbersFrom(from), issuer } };
  }
  const [only] = serials;
  if (only !== undefined && serials.length === 1 && options['dryRun'] !== true) {
    return { kind: 'one', serialNumber: only };
  }
  return { kind: 'many', body: { serialNumbers: serials, issuer } };
}

/** One serial number a line; `serial=` as openssl prints it is taken, too. */
function serialNumbersFrom(file: string): readonly string[] {
  const name = file === '-' ? 'standard input' : file;
  const found = new Set<string>();
  for (const [index, line] of readFileSync(file === '-' ? 0 : file, 'utf8')
    .split(/\r?\n/)
    .entries()) {
    const serial = line
      .replace(/#.*$/, '')
      .trim()
      .replace(/^serial=/i, '');
    if (serial === '') continue;
    try {
      found.add(parseSerialNumber(serial));
    } catch (error) {
      if (!isChanceryError(error)) throw error;
      throw usageError(`${name}:${index + 1}: ${error.message}`);
    }
  }
  if (found.size === 0) {
    throw usageError(`${name} holds no serial number; write one a line`);
  }
  if (found.size > mostSerialNumbers) {
    throw usageError(
      `${name} holds ${found.size} serial numbers; at most ${mostSerialNumbers} go into one job: split it, or use --where`,
    );
  }
  return [...found];
}
