import { type Command, Option } from 'commander';
import { actOnMany, resumeJob } from './bulk.ts';
import { type BulkJobJson, findJob, summary } from './bulk-follow.ts';
import { addSelection, selectionOf } from './bulk-selection.ts';
import { Client } from './client.ts';
import { usageError } from './exit.ts';
import { print, printJson, printTable } from './output.ts';
import { cell, list, show, text } from './rows.ts';
import { parseLimit, repeated } from './values.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Options = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
type ClientOf = () => Client;

/** job, and `certificate set`. */
export function jobCommands(program: Command, environment: Environment): void {
  const client = (): Client => new Client(environment);
  describeCommand(program, client);
  const job = program.command('job').description('acts on many certificates');
  job
    .command('list')
    .description('newest first')
    .addOption(
      new Option('--state <state>', 'only these').choices([
        'planned',
        'running',
        'stopped',
        'done',
      ]),
    )
    .option('--limit <n>', 'rows a page, at most 1000', parseLimit, '100')
    .option('--cursor <c>', 'the page after; printed at the end of a page')
    .option('--json', 'print the REST representation')
    .action(async ({ json, ...query }: Options) => {
      const page = await list(client(), '/bulk-jobs', query as Record<string, string>);
      if (json === true) {
        printJson(page);
        return;
      }
      printTable(
        ['job', 'state', 'requestedAt', 'by', 'act', 'what'],
        page.items.map((item) => [
          cell(item['id']),
          cell(item['state']),
          cell(item['requestedAt']),
          cell(item['requestedBy']),
          cell(item['act']),
          summary(item as unknown as BulkJobJson),
        ]),
      );
      if (page.next !== null) print(`more: --cursor ${page.next}`);
    });
  job
    .command('show')
    .argument('<job>', 'as `job list` prints it')
    .description('one job, or what became of each certificate of it')
    .addOption(
      new Option('--items [state]', 'its certificates, all or only these')
        .choices(['all', 'pending', 'done', 'refused', 'skipped'])
        .preset('all'),
    )
    .option('--limit <n>', 'rows a page, at most 1000', parseLimit, '100')
    .option('--cursor <c>', 'the page after; printed at the end of a page')
    .option('--json', 'print the REST representation')
    .action(async (id: string, options: Options) => showJob(client(), id, options));
  job
    .command('stop')
    .argument('<job>', 'as `job list` prints it')
    .description('stop after the batch under way; what is done stays done')
    .option('--json', 'print the REST representation')
    .action(async (id: string, options: Options) => {
      const path = `/bulk-jobs/${encodeURIComponent(id)}/stop`;
      const stopped = (await client().call({ method: 'POST', path })).json() as BulkJobJson;
      if (options['json'] === true) printJson(stopped);
      else print(`job ${stopped.id} is ${stopped.state}; ${summary(stopped)}`);
    });
  job
    .command('resume')
    .argument('<job>', 'as `job list` prints it')
    .description('go on with a job that was stopped, and watch it')
    .option('--json', 'print the REST representation')
    .action(async (id: string, options: Options) =>
      resumeJob(client(), id, options['json'] === true),
    );
}

async function showJob(client: Client, id: string, options: Options): Promise<void> {
  const asked = text(options['items']);
  if (asked === undefined) {
    const job = await findJob(client, id);
    if (options['json'] === true) {
      printJson(job);
      return;
    }
    show({ ...job }, ['counts']);
    print(summary(job));
    return;
  }
  const page = await list(client, `/bulk-jobs/${encodeURIComponent(id)}/items`, {
    state: asked === 'all' ? undefined : asked,
    limit: text(options['limit']),
    cursor: text(options['cursor']),
  });
  if (options['json'] === true) {
    printJson(page);
    return;
  }
  printTable(
    ['serialNumber', 'state', 'why'],
    page.items.map((item) => [
      cell(item['serialNumber']),
      cell(item['state']),
      cell(item['reason']),
    ]),
  );
  if (page.next !== null) print(`more: --cursor ${page.next}`);
}

function describeCommand(program: Command, client: ClientOf): void {
  const certificate = program
    .command('certificate')
    .description('what is written about certificates, none of which is signed');
  addSelection(
    certificate.command('set').description('owner, tags and notes of one certificate or many'),
    'prefixed',
  )
    .option('--owner <o>', 'the new owner')
    .option('--add-tag <t...>', 'may be repeated', repeated)
    .option('--remove-tag <t...>', 'may be repeated', repeated)
    .option('--note <text>', 'replaces the notes; empty takes them away')
    .action(async (serials: readonly string[], options: Options) => {
      const parameters = {
        owner: options['owner'],
        addTags: options['addTag'],
        removeTags: options['removeTag'],
        notes: options['note'],
      };
      const selection = selectionOf(serials, options, 'prefixed');
      const given = Object.values(parameters).some((value) => value !== undefined);
      if (given === (selection.kind === 'resume')) {
        throw usageError('say what to set: --owner, --add-tag, --remove-tag or --note');
      }
      await actOnMany(
        client(),
        { act: 'describe', parameters, options },
        selection.kind === 'one'
          ? {
              kind: 'many',
              body: {
                serialNumbers: [selection.serialNumber],
                issuer: text(options['issuer']),
              },
            }
          : selection,
      );
    });
}
