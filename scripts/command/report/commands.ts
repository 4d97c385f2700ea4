import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { statedEvidence } from '../../../src/authority/index.ts';
import { Client } from '../client.ts';
import { CommandError, usageError } from '../exit.ts';
import { print, printJson, printTable, requireWritableFolder, writeFileWhole } from '../output.ts';
import { parseLimit, parseTime } from '../values.ts';
import {
  type PracticeStatementJson,
  practiceHtml,
  practiceMarkdown,
} from './practice-statement.ts';
import { type ReportJson, reportHtml, reportText } from './sp80057.ts';

type Environment = Readonly<Record<string, string | undefined>>;

interface EvidenceJson {
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
  readonly at: string;
  readonly by: string;
  readonly document: Readonly<Record<string, unknown>>;
}

interface OutputOptions {
  readonly format?: string;
  readonly out?: string;
  readonly json?: boolean;
}

/** report sp800-57, report practice-statement, evidence list, evidence record. */
export function reportCommands(program: Command, environment: Environment): void {
  const client = (): Client => new Client(environment);
  const report = program.command('report').description('reports for auditors');
  sp80057Command(report, client);
  practiceCommand(report, client);
  evidenceCommands(program, client);
}

function sp80057Command(report: Command, client: () => Client): void {
  const command = report
    .command('sp800-57')
    .description(
      'answer each clause of NIST SP 800-57 Part 1 from what is so now; the report is kept, with what differs from the last',
    )
    .option('--latest', 'show the newest report that was kept, and make none')
    .option('--runs', 'list the reports that were kept')
    .option('--check', 'exit 1 when a clause fails')
    .addHelpText(
      'after',
      '\nExample: chancery report sp800-57 --format html --out sp800-57.html\nThe server makes one by itself as well (setting reports.sp80057.every).',
    );
  outputOptions(command, ['text', 'json', 'html']).action(
    async (options: OutputOptions & { latest?: boolean; runs?: boolean; check?: boolean }) => {
      const format = formatOf(options);
      if (options.runs === true) {
        await listRuns(client(), format);
        return;
      }
      const answer = await client().call({
        method: options.latest === true ? 'GET' : 'POST',
        path: '/reports/sp800-57',
      });
      const value = answer.json() as ReportJson;
      const render = { text: reportText, html: reportHtml, json: jsonText }[format];
      deliver(render === undefined ? jsonText(value) : render(value), options);
      if (options.check === true && value.counts.fail > 0) {
        throw new CommandError(`${value.counts.fail} clauses of ${value.publication} fail`);
      }
    },
  );
}

async function listRuns(client: Client, format: string): Promise<void> {
  const answer = await client.call({ method: 'GET', path: '/reports/sp800-57/runs' });
  const page = answer.json() as { readonly items: readonly ReportJson[] };
  if (format === 'json') {
    printJson(page);
    return;
  }
  printTable(
    ['report', 'at', 'by', 'pass', 'fail', 'not yet', 'not applicable'],
    page.items.map(({ id, at, by, counts }) => [
      ...[id, at, by],
      ...[counts.pass, counts.fail, counts.notYet, counts.notApplicable].map(String),
    ]),
  );
}

function practiceCommand(report: Command, client: () => Client): void {
  const command = report
    .command('practice-statement')
    .description(
      'the key-management practice statement (NIST SP 800-57 Part 2), from configuration and records',
    )
    .option('--reviewed-by <name>', 'record that this person reviewed it today')
    .option('--comment <text>', 'of the review');
  outputOptions(command, ['text', 'json', 'html']).action(
    async (options: OutputOptions & { reviewedBy?: string; comment?: string }) => {
      const format = formatOf(options);
      const { reviewedBy, comment } = options;
      if (comment !== undefined && reviewedBy === undefined) {
        throw usageError('--comment belongs to a review: add --reviewed-by NAME');
      }
      const answer = await client().call(
        reviewedBy === undefined
          ? { method: 'GET', path: '/reports/practice-statement' }
          : {
              method: 'POST',
              path: '/reports/practice-statement/reviews',
              body: { reviewedBy, comment },
            },
      );
      const value = answer.json() as PracticeStatementJson;
      const render = { text: practiceMarkdown, html: practiceHtml, json: jsonText }[format];
      deliver(render === undefined ? jsonText(value) : render(value), options);
    },
  );
}

function outputOptions(command: Command, formats: readonly string[]): Command {
  return command
    .addOption(new Option('--format <format>', 'how it is written').choices([...formats]))
    .option('--out <file>', 'write it there, not to standard output')
    .option('--json', 'print the REST representation');
}

/** Said before the server is asked: whether the options agree, and whether the file can be written. */
function formatOf({ format, json, out }: OutputOptions): 'text' | 'json' | 'html' {
  if (json === true && format !== undefined && format !== 'json') {
    throw usageError('--json and --format say different things; give one of them');
  }
  if (out !== undefined) requireWritableFolder(out);
  return json === true ? 'json' : ((format ?? 'text') as 'text' | 'json' | 'html');
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function deliver(content: string, { out }: OutputOptions): void {
  if (out === undefined) {
    process.stdout.write(content);
    return;
  }
  writeFileWhole(out, content);
}

function evidenceCommands(program: Command, client: () => Client): void {
  const evidence = program
    .command('evidence')
    .description('records of what was done and seen, as reports look at them');
  evidence
    .command('list')
    .description('records, newest first')
    .option('--kind <kind>', 'only of this kind, for example key.reconciliation')
    .option('--subject <subject>', 'only of this key, token or person')
    .option('--limit <n>', 'at most so many, up to 1000', parseLimit, '100')
    .option('--json', 'print the REST representation')
    .action(async (options: Record<string, string | boolean | undefined>) => {
      const { json, ...query } = options;
      const answer = await client().call({
        method: 'GET',
        path: '/evidence',
        query: query as Record<string, string>,
      });
      const page = answer.json() as { readonly items: readonly EvidenceJson[] };
      if (json === true) {
        printJson(page);
        return;
      }
      printTable(
        ['id', 'kind', 'at', 'by', 'subject'],
        page.items.map(({ id, kind, at, by, subject }) => [id, kind, at, by, subject]),
      );
    });
  evidence
    .command('record')
    .description(
      'state that a duty was done which the system can’t see; reviews by an auditor, the rest by who manages keys',
    )
    .argument('<kind>', `one of ${Object.keys(statedEvidence).join(', ')}`)
    .requiredOption('--subject <subject>', 'what it is about: a token, a place, an installation')
    .requiredOption('--statement <text>', 'what was done and seen')
    .option('--failed', 'it did not succeed')
    .option('--at <T>', 'when, if not now', parseTime)
    .option('--document <file>', 'a protocol kept elsewhere; its SHA-256 is recorded')
    .option('--json', 'print the REST representation')
    .action(async (kind: string, options: Record<string, string | boolean | undefined>) => {
      if (!Object.keys(statedEvidence).includes(kind)) {
        throw usageError(`${kind} is not one of ${Object.keys(statedEvidence).join(', ')}`);
      }
      const { subject, statement, failed, at, document, json } = options;
      const answer = await client().call({
        method: 'POST',
        path: '/evidence',
        body: {
          kind,
          subject,
          statement,
          at,
          outcome: failed === true ? 'failed' : 'done',
          ...(typeof document === 'string'
            ? { documentSha256: createHash('sha256').update(readFileSync(document)).digest('hex') }
            : {}),
        },
      });
      const value = answer.json() as EvidenceJson;
      if (json === true) printJson(value);
      else print(`recorded as evidence ${value.id}`);
    });
}
