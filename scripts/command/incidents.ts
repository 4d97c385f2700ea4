import { type Command, Option } from 'commander';
import { Client } from './client.ts';
import { addOpening, open } from './compromise.ts';
import { usageError } from './exit.ts';
import { addFilters, filtersOf } from './filters.ts';
import {
  findIncident,
  followIncident,
  type IncidentStatusJson,
  printStatus,
} from './incident-follow.ts';
import { print, printJson, printTable, writeFileWhole } from './output.ts';
import { cell, list, type Row } from './rows.ts';
import { parseLimit, parseReason, parseTime } from './values.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Options = Readonly<Record<string, string | boolean | undefined>>;

/** incident. */
export function incidentCommands(program: Command, environment: Environment): void {
  const client = (): Client => new Client(environment);
  const incident = program
    .command('incident')
    .description('compromises, bad profiles, mis-issuances: from opening to report');
  openCommand(incident, client);

  const act = (name: 'hold' | 'revoke', description: string): Command =>
    incident
      .command(name)
      .argument('<incident>', 'as `incident list` prints it')
      .description(description)
      .option('--comment <text>', 'stands in the history of each certificate')
      .option('--json', 'print the REST representation');
  const acted = async (name: 'hold' | 'revoke', id: string, body: Row, options: Options) => {
    const path = `/incidents/${encodeURIComponent(id)}/${name}`;
    const answer = await client().call({ method: 'POST', path, body });
    const status = await followIncident(client(), answer.json() as IncidentStatusJson, 'acted');
    printStatus(status, options['json'] === true);
  };
  act('hold', 'put all of it on hold')
    .addOption(
      new Option('--cause <cause>', 'why').choices([
        'keyStatusUnknown',
        'ownerUnavailable',
        'investigation',
        'other',
      ]),
    )
    .action(async (id: string, options: Options) =>
      acted('hold', id, { cause: options['cause'], comment: options['comment'] }, options),
    );
  act('revoke', 'revoke all of it; of a compromise also the key')
    .option('--reason <code>', 'needed of an incident over a query', parseReason)
    .option('--invalidity-date <t>', 'since when (RFC 3339 with Z)', parseTime)
    .action(async (id: string, options: Options) =>
      acted(
        'revoke',
        id,
        {
          reasonCode: options['reason'],
          invalidityDate: options['invalidityDate'],
          comment: options['comment'],
        },
        options,
      ),
    );

  incident
    .command('status')
    .argument('<incident>', 'as `incident list` prints it')
    .description('how many are held, revoked, re-keyed, and who remains')
    .option('--watch', 'until everyone has replaced theirs')
    .option('--remaining', 'who has not, a page')
    .option('--events', 'what happened so far')
    .option('--limit <n>', 'rows a page, at most 1000', parseLimit, '100')
    .option('--cursor <c>', 'the page after; printed at the end of a page')
    .option('--json', 'print the REST representation')
    .action(async (id: string, options: Options) => status(client(), id, options));
  incident
    .command('list')
    .description('newest first')
    .addOption(
      new Option('--state <state>', 'only these').choices([
        'opened',
        'acting',
        'waiting',
        'closed',
      ]),
    )
    .option('--limit <n>', 'rows a page, at most 1000', parseLimit, '100')
    .option('--cursor <c>', 'the page after; printed at the end of a page')
    .option('--json', 'print the REST representation')
    .action(async ({ json, ...query }: Options) => {
      const page = await list(client(), '/incidents', query as Record<string, string>);
      if (json === true) printJson(page);
      else table(page, ['id', 'state', 'kind', 'openedAt', 'openedBy', 'affected', 'reason']);
    });
  incident
    .command('close')
    .argument('<incident>', 'as `incident list` prints it')
    .description('end it, and keep its report as evidence')
    .option('--comment <text>', 'needed while somebody has not replaced theirs')
    .addOption(reportFormat())
    .option('--out <file>', 'write the report here instead of on standard output')
    .option('--json', 'print the REST representation')
    .action(async (id: string, options: Options) => {
      const path = `/incidents/${encodeURIComponent(id)}/close`;
      await client().call({ method: 'POST', path, body: { comment: options['comment'] } });
      await report(client(), id, options);
    });
  incident
    .command('report')
    .argument('<incident>', 'a closed one')
    .description('the report as it was kept')
    .addOption(reportFormat())
    .option('--out <file>', 'write it here instead of on standard output')
    .option('--json', 'print the REST representation')
    .action(async (id: string, options: Options) => report(client(), id, options));
}

function openCommand(incident: Command, client: () => Client): void {
  const command = incident
    .command('open')
    .description('fix the list of what a query finds, and tell its clients to renew')
    .option('--where', 'those that the filters below find, which are those of list');
  addFilters(command);
  addOpening(
    command
      .option('--issuer <name>', 'a filter')
      .requiredOption('--reason <text>', 'why; stands in the record and in the report'),
  )
    .addHelpText(
      'after',
      '\nExample:\n  chancery incident open --where --profile tls-server --requested-after 2026-11-01T00:00:00Z --reason "profile without key usage" --dry-run',
    )
    .action(async (options: Options) => {
      const issuer = options['issuer'];
      const query = { ...filtersOf(options), ...(issuer === undefined ? {} : { issuer }) };
      if (options['where'] !== true || Object.keys(query).length === 0) {
        throw usageError('name the certificates by --where with at least one filter');
      }
      await open(client(), '/incidents', { query }, options, 'open the incident');
    });
}

function reportFormat(): Option {
  return new Option('--format <format>', 'of the report')
    .choices(['text', 'html', 'json'])
    .default('text');
}

async function report(client: Client, id: string, options: Options): Promise<void> {
  const format = options['json'] === true ? 'json' : String(options['format']);
  const path = `/incidents/${encodeURIComponent(id)}/report`;
  const answer = await client.call({ method: 'GET', path, query: { format } });
  const content =
    format === 'json' ? JSON.stringify(answer.json(), null, 2) : answer.body.toString('utf8');
  const out = options['out'];
  if (typeof out === 'string') writeFileWhole(out, `${content.trimEnd()}\n`);
  else print(content.trimEnd());
}

async function status(client: Client, id: string, options: Options): Promise<void> {
  const json = options['json'] === true;
  const path = `/incidents/${encodeURIComponent(id)}`;
  if (options['events'] === true) {
    const page = await list(client, `${path}/events`);
    if (json) printJson(page);
    else table(page, ['at', 'by', 'event', 'details']);
    return;
  }
  if (options['remaining'] === true) {
    const { limit, cursor } = options;
    const query = { limit: String(limit), cursor: typeof cursor === 'string' ? cursor : undefined };
    const page = await list(client, `${path}/remaining`, query);
    if (json) printJson(page);
    else table(page, ['owner', 'serialNumber', 'status', 'notAfter', 'certificates', 'names']);
    return;
  }
  const first = await findIncident(client, id);
  const now = options['watch'] === true ? await followIncident(client, first, 'replaced') : first;
  printStatus(now, json);
}

function table(
  page: { readonly items: readonly Row[]; readonly next: string | null },
  columns: readonly string[],
): void {
  printTable(
    columns,
    page.items.map((item) => columns.map((column) => cell(item[column]))),
  );
  if (page.next !== null) print(`more: --cursor ${page.next}`);
}
