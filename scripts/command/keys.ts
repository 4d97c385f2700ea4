import { type Command, Option } from 'commander';
import { keyTypes } from '../../src/keys/index.ts';
import { Client } from './client.ts';
import { CommandError } from './exit.ts';
import { keyCustodyCommands } from './key-custody.ts';
import { keyKinds } from './key-kinds.ts';
import { printKey, printKeyAccess, printKeys, printSteps } from './key-text.ts';
import { print, printJson, printTable } from './output.ts';
import { cell, list, type Row } from './rows.ts';
import { parseQuantity, parseTime, repeated } from './values.ts';

type Options = Readonly<Record<string, unknown>>;
type ClientOf = () => Client;

/** key: the inventory of keys and their life. */
export function keyCommands(
  program: Command,
  environment: Readonly<Record<string, string | undefined>>,
): void {
  const client: ClientOf = () => new Client(environment);
  const key = program
    .command('key')
    .description('the keys of this installation and their life (SP 800-57 Part 1)')
    .addHelpText(
      'after',
      `
KEY is an identifier, an unambiguous beginning of it, the name of its record, its label, or the
name of the issuer whose key it is. Every act takes a reason, which stays in the key's history.`,
    );
  readingCommands(key, client);
  generateCommand(key, client);
  for (const [name, path, text] of acts) actCommand(key, client, name, path, text);
  distributedCommand(key, client);
  reconcileCommand(key, client);
  keyCustodyCommands(key, client);
}

const acts = [
  ['activate', 'activation', 'it may be used from now on; its public key was distributed before'],
  [
    'suspend',
    'suspension',
    'it signs nothing, CRLs included, until it is resumed; the certificate of a CA goes on hold',
  ],
  ['resume', 'resumption', 'a suspended key is active again, and the hold is released'],
  [
    'deactivate',
    'deactivation',
    'a key that protects others applies no protection any more; signature keys are destroyed instead',
  ],
  ['compromised', 'compromise', 'nothing is signed with it any more; see `chancery compromise`'],
  ['destroy', 'destruction', 'its objects are taken out of the token for good, with evidence'],
  ['rotate', 'rotation', 'make its next version, to be distributed and activated'],
] as const;

function pathOf(key: string, more = ''): string {
  return `/keys/${encodeURIComponent(key)}${more}`;
}

function readingCommands(key: Command, client: ClientOf): void {
  key
    .command('list')
    .option('--json', 'print the REST representation')
    .description('all keys, and what someone should do about them')
    .action(async (options: Options) => {
      const page = await list(client(), '/keys');
      if (options['json'] === true) printJson(page);
      else printKeys(page.items);
    });
  key
    .command('show')
    .argument('<key>')
    .option('--json', 'print the REST representation')
    .description('all that is known of a key (SP 800-57 Part 1 §6.2.3)')
    .action(async (name: string, options: Options) => {
      const answer = await client().call({ method: 'GET', path: pathOf(name) });
      if (options['json'] === true) printJson(answer.json());
      else printKey(answer.json() as Row);
    });
  key
    .command('history')
    .argument('<key>')
    .option('--json', 'print the REST representation')
    .description('every transition of both halves')
    .action(async (name: string, options: Options) => {
      const page = await list(client(), pathOf(name, '/history'));
      if (options['json'] === true) printJson(page);
      else printSteps(page.items);
    });
  key
    .command('access')
    .argument('<key>')
    .option('--at <time>', 'then, not now', parseTime)
    .option('--json', 'print the REST representation')
    .description('who could use it, and who could have seen it in the clear')
    .action(async (name: string, options: Options) => {
      const at = options['at'] as string | undefined;
      const answer = await client().call({
        method: 'GET',
        path: pathOf(name, '/access'),
        query: { at },
      });
      if (options['json'] === true) printJson(answer.json());
      else printKeyAccess(answer.json() as Row);
    });
}

function withReason(command: Command): Command {
  return command
    .requiredOption('--reason <text>', 'why; it stays in the history')
    .option('--approval <reference...>', 'who agreed, or where that is written', repeated)
    .option('--json', 'print the REST representation');
}

function actCommand(
  key: Command,
  client: ClientOf,
  name: string,
  path: string,
  description: string,
): void {
  withReason(key.command(name).argument('<key>').description(description)).action(
    async (wanted: string, options: Options) => {
      const answer = await client().call({
        method: 'POST',
        path: pathOf(wanted, `/${path}`),
        body: { reason: options['reason'], approvals: options['approval'] },
      });
      tellAct(answer.json() as Row, options);
    },
  );
}

function generateCommand(key: Command, client: ClientOf): void {
  withReason(
    key
      .command('generate')
      .addOption(
        new Option('--type <type>', 'what it is for').choices(keyTypes).makeOptionMandatory(),
      )
      .addOption(new Option('--key <kind>', 'kind of key').choices(keyKinds).default('p256'))
      .option('--record <name>', 'name that its versions share; the type otherwise')
      .option('--signature-limit <n>', 'signatures over all nodes', parseQuantity)
      .description('make a key in the issuing token, in pre-activation'),
  ).action(async (options: Options) => {
    const { type, record, signatureLimit, reason } = options;
    const answer = await client().call({
      method: 'POST',
      path: '/keys',
      body: {
        ...{ type, key: options['key'], record, signatureLimit },
        ...{ reason, approvals: options['approval'] },
      },
    });
    tellAct(answer.json() as Row, options);
  });
}

function distributedCommand(key: Command, client: ClientOf): void {
  withReason(
    key
      .command('distributed')
      .argument('<key>')
      .requiredOption('--location <text>', 'where those who verify with it have it')
      .description('its public key was brought to those who verify with it'),
  ).action(async (wanted: string, options: Options) => {
    const { location, reason, approval: approvals } = options;
    const answer = await client().call({
      method: 'POST',
      path: pathOf(wanted, '/distributions'),
      body: { location, reason, approvals },
    });
    const record = answer.json() as Row;
    if (options['json'] === true) printJson(record);
    else print(`the distribution of ${cell(record['label'])} is on record`);
  });
}

function tellAct(result: Row, options: Options): void {
  if (options['json'] === true) {
    printJson(result);
    return;
  }
  const { key, notes } = result as { readonly key: Row; readonly notes: readonly string[] };
  print(
    `${cell(key['keyId'])} (${cell(key['label'])}): private half ${cell(key['privateState'])}, public half ${cell(key['publicState'])}`,
  );
  for (const note of notes) print(note);
}

function reconcileCommand(key: Command, client: ClientOf): void {
  key
    .command('reconcile')
    .option('--token <role...>', 'issuing, root, or both; issuing otherwise', repeated)
    .option('--json', 'print the REST representation')
    .description(
      'compare the objects in tokens with the inventory, and finish what a crash left; exit 1 when they differ',
    )
    .action(async (options: Options) => {
      const answer = await client().call({
        method: 'POST',
        path: '/key-reconciliations',
        body: { tokens: options['token'] },
      });
      const page = answer.json() as { readonly items: readonly Row[] };
      const findings = page.items.flatMap((item) =>
        (item['findings'] as readonly Row[]).map(
          (finding): Row => ({ token: item['token'], ...finding }),
        ),
      );
      if (options['json'] === true) {
        printJson(page);
      } else {
        for (const { token, objects, keys } of page.items) {
          print(`${cell(token)}: ${cell(objects)} objects, ${cell(keys)} keys on record`);
        }
        if (findings.length > 0) {
          const columns = ['token', 'kind', 'keyId', 'label', 'problem'];
          printTable(
            columns,
            findings.map((finding) => columns.map((column) => cell(finding[column]))),
          );
        }
      }
      if (findings.length > 0) {
        throw new CommandError(
          `${findings.length} findings: tokens and inventory differ; find out who acted on the token`,
        );
      }
    });
}
