import { X509Certificate } from 'node:crypto';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { Command } from 'commander';
import { Client } from './client.ts';
import { CommandError, usageError } from './exit.ts';
import { type ImportEntry, importEntries } from './import-sources.ts';
import { print, printJson } from './output.ts';
import { progressBar } from './progress-bar.ts';
import { repeated } from './values.ts';

interface Options {
  readonly issuer?: string;
  readonly issuerCertificate?: string;
  readonly index?: string;
  readonly owner?: string;
  readonly tag?: readonly string[];
  readonly dryRun?: boolean;
  readonly report?: string;
  readonly json?: boolean;
}

interface Result {
  readonly reference: string;
  readonly outcome: 'imported' | 'updated' | 'known' | 'refused';
  readonly serialNumber?: string;
  readonly issuerId?: string;
  readonly reason?: string;
  readonly lenient?: string;
}

/** So many in a request: one transaction, well below a second. */
const batchSize = 100;

export function importCommand(
  program: Command,
  environment: Readonly<Record<string, string | undefined>>,
): void {
  program
    .command('import')
    .description(
      'take over certificates that another CA made: PEM or DER files, folders, an index of openssl ca; safe to run again',
    )
    .argument('[path...]', 'files and folders; none: newcerts beside the index')
    .option('--issuer <name>', 'of an issuer that the inventory knows; default: whichever signed')
    .option('--issuer-certificate <file>', 'certificate of a CA elsewhere (PEM or DER)')
    .option(
      '--index <file>',
      'index.txt of openssl ca: status, dates, reasons; serial numbers without a file as such',
    )
    .option('--owner <name>', 'who looks after them; default: you')
    .option('--tag <tag>', 'a tag of what is imported; may be repeated', repeated)
    .option('--dry-run', 'say what would be done; changes nothing')
    .option('--report <file>', 'one JSON object a certificate, a line each')
    .option('--json', 'print the counts as JSON')
    .addHelpText(
      'after',
      `
Each certificate goes to the issuer whose key signed it: ours, one known from before, or the one of
--issuer-certificate. Exit status 1 when any was refused. Example, with the folder of openssl ca:
  chancery import --index demoCA/index.txt --issuer-certificate demoCA/cacert.pem --dry-run`,
    )
    .action(async (paths: readonly string[], options: Options) => {
      if (paths.length === 0 && options.index === undefined) {
        throw usageError('name files or folders, or an index with --index FILE');
      }
      if (options.issuer !== undefined && options.issuerCertificate !== undefined) {
        throw usageError('--issuer and --issuer-certificate exclude each other');
      }
      await importAll(new Client(environment), paths, options);
    });
}

async function importAll(
  client: Client,
  paths: readonly string[],
  options: Options,
): Promise<void> {
  const entries = [...importEntries(paths, options.index)];
  const counts = { imported: 0, updated: 0, known: 0, refused: 0, lenient: 0 };
  const refused: Result[] = [];
  const report = options.report === undefined ? undefined : openSync(options.report, 'w', 0o644);
  const bar = progressBar(
    '{bar} {value}/{total} certificates, {eta_formatted} left',
    entries.length,
  );
  try {
    const issuerCertificate = options.issuerCertificate && base64Of(options.issuerCertificate);
    for (let start = 0; start < entries.length; start += batchSize) {
      const batch = entries.slice(start, start + batchSize);
      for (const result of await send(client, batch, issuerCertificate, options)) {
        counts[result.outcome] += 1;
        if (result.lenient !== undefined) counts.lenient += 1;
        if (result.outcome === 'refused') refused.push(result);
        if (report !== undefined) writeSync(report, `${JSON.stringify(result)}\n`);
      }
      bar.update(start + batch.length);
    }
  } finally {
    bar.stop();
    if (report !== undefined) closeSync(report);
  }
  if (options.json === true) printJson(counts);
  else {
    for (const { reference, reason } of refused.slice(0, 20))
      print(`${reference}: ${reason ?? ''}`);
    if (refused.length > 20) print(`… and ${refused.length - 20} more; --report FILE names all`);
    print(
      `${options.dryRun === true ? 'would be ' : ''}imported ${counts.imported}, updated ${counts.updated}, there already ${counts.known}, refused ${counts.refused}`,
    );
    if (counts.lenient > 0) {
      print(`${counts.lenient} break RFC 5280 and could be read all the same; the report says why`);
    }
  }
  if (refused.length > 0) {
    throw new CommandError(`${refused.length} of ${entries.length} were refused`);
  }
}

async function send(
  client: Client,
  batch: readonly ImportEntry[],
  issuerCertificate: string | undefined,
  { issuer, owner, tag, dryRun }: Options,
): Promise<readonly Result[]> {
  // Nothing to send of a file in which no certificate was found.
  const empty = batch.filter(({ certificate, known }) => (certificate ?? known) === undefined);
  const entries = batch.filter((entry) => !empty.includes(entry));
  const none = empty.map(
    ({ reference }): Result => ({
      reference,
      outcome: 'refused',
      reason: 'no certificate is in it, neither PEM nor DER',
    }),
  );
  if (entries.length === 0) return none;
  const answer = await client.call({
    method: 'POST',
    path: '/imports',
    body: { issuer, issuerCertificate, owner, tags: tag ?? [], dryRun: dryRun === true, entries },
  });
  return [...none, ...(answer.json() as { readonly items: readonly Result[] }).items];
}

function base64Of(file: string): string {
  try {
    return new X509Certificate(readFileSync(file)).raw.toString('base64');
  } catch (error) {
    throw new CommandError(
      `${file} holds no certificate of a CA: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
