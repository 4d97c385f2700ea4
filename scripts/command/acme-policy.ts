import { Argument, type Command, Option } from 'commander';
import type { DirectoryLimits } from '../../src/acme/ports.ts';
import type { Client } from './client.ts';
import { usageError } from './exit.ts';
import { print, printJson, printTable } from './output.ts';
import { cell, list, type Row, text } from './rows.ts';
import { parseDays, parseDuration, parseRate, parseTime } from './values.ts';

type Options = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
type ClientOf = () => Client;

const limits: readonly (keyof DirectoryLimits)[] = [
  'newAccountPerAddress',
  'newOrderPerAccount',
  'newOrderPerCredential',
  'newOrderPerName',
  'failedValidationPerName',
];
const keyHelp =
  'whom it counts, as the refusal names it: an address or network, an account, a kid, a name';

/** acme limit, acme incident. */
export function acmePolicyCommands(acme: Command, client: ClientOf): void {
  limitCommands(acme, client);
  incidentCommands(acme, client);
}

function limitCommands(acme: Command, client: ClientOf): void {
  const limit = acme
    .command('limit')
    .description('rates that differ from those of the configuration');
  limit
    .command('list')
    .option('--json', 'print the REST representation')
    .description('overrides that have not expired')
    .action(async (options: Options) => {
      const page = await list(client(), '/acme/limits');
      if (options['json'] === true) {
        printJson(page);
        return;
      }
      printTable(
        ['limit', 'key', 'rate', 'notAfter', 'by', 'comment'],
        page.items.map((item) => [
          cell(item['limit']),
          cell(item['key']),
          `${cell(item['burst'])} in ${cell(item['seconds'])} s`,
          cell(item['notAfter']),
          cell(item['createdBy']),
          cell(item['comment']),
        ]),
      );
    });
  limit
    .command('override')
    .addArgument(new Argument('<limit>', 'which limit').choices(limits))
    .argument('<key>', keyHelp)
    .addOption(
      new Option('--rate <n/duration>', 'for example 500/1h')
        .argParser(parseRate)
        .makeOptionMandatory(),
    )
    .option('--until <t>', 'when it ends (RFC 3339, UTC)', parseTime)
    .option('--days <n>', 'how long it holds, instead of --until', parseDays)
    .option('--comment <text>', 'why')
    .option('--json', 'print the REST representation')
    .description('give one key another rate for a time')
    .action(async (name: string, key: string, options: Options) => {
      const until = text(options['until']);
      const days = options['days'];
      if ((until === undefined) === (days === undefined)) {
        throw usageError('say when it ends: --until T or --days N');
      }
      const end = Date.now() + Number(days) * 86_400_000;
      const answer = await client().call({
        method: 'POST',
        path: '/acme/limits',
        body: {
          limit: name,
          key,
          rate: options['rate'],
          notAfter: until ?? new Date(end).toISOString().replace(/\.\d+Z$/, 'Z'),
          comment: options['comment'],
        },
      });
      const made = answer.json() as Row;
      if (options['json'] === true) {
        printJson(made);
      } else {
        print(`${name} of ${key} is ${cell(options['rate'])} until ${cell(made['notAfter'])}`);
      }
    });
  limit
    .command('remove')
    .addArgument(new Argument('<limit>', 'which limit').choices(limits))
    .argument('<key>', 'as `acme limit list` prints it')
    .description('end an override now')
    .action(async (name: string, key: string) => {
      await client().call({
        method: 'DELETE',
        path: `/acme/limits/${name}/${encodeURIComponent(key)}`,
      });
      print(`${name} of ${key} is as configured again`);
    });
}

function incidentCommands(acme: Command, client: ClientOf): void {
  const incident = acme
    .command('incident')
    .description('have clients renew early, by renewal information (RFC 9773)');
  incident
    .command('open')
    .option('--issuer <name>', 'certificates of this issuer; default: of all')
    .option('--profile <p>', 'certificates of this profile; default: of all')
    .option('--spread <duration>', 'over how long renewals are spread', parseDuration, '24h')
    .option('--explanation-url <url>', 'a page that clients show')
    .option('--json', 'print the REST representation')
    .description('suggest renewal of what was issued until now')
    .action(async (options: Options) => {
      const answer = await client().call({
        method: 'POST',
        path: '/acme/incidents',
        body: {
          issuer: options['issuer'],
          profile: options['profile'],
          spread: options['spread'],
          explanationUrl: options['explanationUrl'],
        },
      });
      const opened = answer.json() as Row;
      if (options['json'] === true) {
        printJson(opened);
      } else {
        print(
          `incident ${cell(opened['incidentId'])}: certificates issued before ${cell(opened['issuedBefore'])} are to be renewed by ${cell(opened['endsAt'])}`,
        );
      }
    });
  incident
    .command('list')
    .option('--json', 'print the REST representation')
    .description('incidents that are open')
    .action(async (options: Options) => {
      const page = await list(client(), '/acme/incidents');
      if (options['json'] === true) {
        printJson(page);
        return;
      }
      const members = ['incidentId', 'startsAt', 'endsAt', 'issuerId', 'profile', 'explanationUrl'];
      printTable(
        members,
        page.items.map((item) => members.map((member) => cell(item[member]))),
      );
    });
  incident
    .command('close')
    .argument('<id>', 'as `acme incident list` prints it')
    .description('suggest renewal by certificates’ lives again')
    .action(async (id: string) => {
      await client().call({ method: 'DELETE', path: `/acme/incidents/${encodeURIComponent(id)}` });
      print(`incident ${id} is closed`);
    });
}
