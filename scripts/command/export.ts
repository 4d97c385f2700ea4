import { writeSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { Client } from './client.ts';
import { CommandError, usageError } from './exit.ts';
import { addFilters, filtersOf } from './filters.ts';
import { beginFile, requireWritableFolder } from './output.ts';
import { progressBar } from './progress-bar.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** export. */
export function exportCommand(program: Command, environment: Environment): void {
  const command = program
    .command('export')
    .description('the inventory as CSV or JSON Lines, in one snapshot')
    .addOption(
      new Option('--format <format>', 'csv for spreadsheets (RFC 4180), jsonl with every member')
        .choices(['csv', 'jsonl'])
        .default('jsonl'),
    )
    .option('--out <file>', 'written whole or not at all; standard output when left out')
    .option('--where', 'those that the filters below find, which are those of list');
  addFilters(command)
    .option('--issuer <name>', 'only of this issuer')
    .action(async (options: Readonly<Record<string, string | boolean | undefined>>) => {
      const { issuer, format, out, where } = options;
      const filters = {
        ...filtersOf(options),
        ...(typeof issuer === 'string' ? { issuer } : {}),
      };
      if (where !== true && Object.keys(filters).length > 0) {
        throw usageError('filters go with --where');
      }
      if (where === true && Object.keys(filters).length === 0) {
        throw usageError('--where without a filter; leave it out to export everything');
      }
      const call = {
        method: 'GET',
        path: '/certificates/export',
        query: { ...filters, format: String(format) },
      } as const;
      const client = new Client(environment);
      if (typeof out === 'string') {
        await exportToFile(client, call, out);
      } else {
        await client.download(call, async (piece) => {
          if (!process.stdout.write(piece)) {
            await new Promise((resolve) => process.stdout.once('drain', resolve));
          }
        });
      }
    });
}

/** Into a file beside the one wanted, which takes its place when everything is there. */
async function exportToFile(
  client: Client,
  call: Parameters<Client['download']>[0],
  file: string,
): Promise<void> {
  requireWritableFolder(file);
  const pending = beginFile(file, 0o600);
  const bar = progressBar('{value} certificates in {duration_formatted}');
  let rows = 0;
  try {
    await client.download(call, async (piece) => {
      for (let at = 0; at < piece.length; ) at += writeSync(pending.descriptor, piece, at);
      // Good enough for a bar: a field of CSV may hold a line end.
      rows += piece.filter((octet) => octet === 0x0a).length;
      bar.update(rows);
      return Promise.resolve();
    });
    pending.commit();
  } catch (error) {
    pending.discard();
    throw error instanceof CommandError
      ? error
      : new CommandError(
          `the export broke off, and ${file} was not written: ${(error as Error).message}`,
          undefined,
          error,
        );
  } finally {
    bar.stop();
  }
}
