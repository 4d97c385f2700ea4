import { type Command, Option } from 'commander';
import type { Client } from './client.ts';
import { usageError } from './exit.ts';
import { print, printJson, printTable } from './output.ts';
import { cell, list, type Row } from './rows.ts';
import { parseTime } from './values.ts';

type Options = Readonly<Record<string, unknown>>;
type ClientOf = () => Client;

const columns = ['id', 'token', 'keyId', 'person', 'duty', 'since', 'until', 'comment'];

/** key custodian, key backup: who holds what, and where copies are. */
export function keyCustodyCommands(key: Command, client: ClientOf): void {
  const custodian = key
    .command('custodian')
    .description('who holds what of which token or key, from when to when');
  listCommand(custodian, client);
  appointCommand(custodian, client);
  endCommand(custodian, client);
  backupCommand(key, client);
}

function listCommand(custodian: Command, client: ClientOf): void {
  custodian
    .command('list')
    .option('--json', 'print the REST representation')
    .description('all, those who ended among them')
    .action(async (options: Options) => {
      const page = await list(client(), '/key-custodians');
      if (options['json'] === true) {
        printJson(page);
      } else {
        printTable(
          columns,
          page.items.map((item) => columns.map((member) => cell(item[member]))),
        );
      }
    });
}

function appointCommand(custodian: Command, client: ClientOf): void {
  custodian
    .command('appoint')
    .argument('<person>')
    .requiredOption(
      '--duty <duty>',
      'holdsPin, holdsSecurityOfficerPin, holdsBackup, operatesModule, or another word',
    )
    .addOption(
      new Option('--token <role>', 'of every key in it').choices([
        ...['root', 'issuing', 'responder', 'software'],
      ]),
    )
    .option('--key <key>', 'of one key')
    .option('--since <time>', 'when it began; now otherwise', parseTime)
    .option('--comment <text>')
    .option('--json', 'print the REST representation')
    .description('record that a person holds something')
    .action(async (person: string, options: Options) => {
      const { token, key, duty, since, comment } = options;
      if ((token === undefined) === (key === undefined)) {
        throw usageError('say one of --token ROLE and --key KEY');
      }
      const answer = await client().call({
        method: 'POST',
        path: '/key-custodians',
        body: { person, token, key, duty, since, comment },
      });
      tell(answer.json() as Row, options);
    });
}

function endCommand(custodian: Command, client: ClientOf): void {
  custodian
    .command('end')
    .argument('<id>', 'as `key custodian list` prints it')
    .requiredOption('--reason <text>', 'why')
    .option('--json', 'print the REST representation')
    .description('the person holds it no more; until when is kept')
    .action(async (id: string, options: Options) => {
      const answer = await client().call({
        method: 'POST',
        path: `/key-custodians/${encodeURIComponent(id)}/end`,
        body: { reason: options['reason'] },
      });
      tell(answer.json() as Row, options);
    });
}

function tell(record: Row, options: Options): void {
  if (options['json'] === true) {
    printJson(record);
    return;
  }
  const of = record['keyId'] ?? `the ${cell(record['token'])} token`;
  const until = record['until'] === undefined ? '' : ` until ${cell(record['until'])}`;
  print(
    `${cell(record['id'])}: ${cell(record['person'])}, ${cell(record['duty'])} of ${cell(of)}, since ${cell(record['since'])}${until}`,
  );
}

function backupCommand(key: Command, client: ClientOf): void {
  key
    .command('backup')
    .argument('<key>')
    .option('--location <text>', 'where a backup from token to token, or of the token, is kept')
    .option('--none', 'there is none, for the reason given')
    .option('--at <time>', 'when it was made', parseTime)
    .requiredOption('--reason <text>', 'why')
    .option('--json', 'print the REST representation')
    .description('record where copies of the private half are')
    .action(async (wanted: string, options: Options) => {
      const { location, none, at, reason } = options;
      if ((location === undefined) === (none === undefined)) {
        throw usageError('say one of --location TEXT --at T, and --none');
      }
      if (location !== undefined && at === undefined) {
        throw usageError('say when the backup was made: --at T');
      }
      const answer = await client().call({
        method: 'POST',
        path: `/keys/${encodeURIComponent(wanted)}/backup`,
        body: {
          backup: none === true ? { kind: 'none' } : { kind: 'tokenBackup', location, at },
          reason,
        },
      });
      const record = answer.json() as Row;
      if (options['json'] === true) printJson(record);
      else print(`the backup of ${cell(record['label'])} is on record`);
    });
}
