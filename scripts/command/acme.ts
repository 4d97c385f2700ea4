import { type Command, Option } from 'commander';
import { acmePolicyCommands } from './acme-policy.ts';
import { Client } from './client.ts';
import { usageError } from './exit.ts';
import { print, printFields, printJson, printTable } from './output.ts';
import { cell, list, type Row, show, text } from './rows.ts';
import { parseDays, parseLimit, parseQuantity, repeated } from './values.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Options = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
type ClientOf = () => Client;

/** acme eab, acme account, acme limit, acme incident. */
export function acmeCommands(program: Command, environment: Environment): void {
  const client = (): Client => new Client(environment);
  const acme = program.command('acme').description('who gets certificates by ACME, and how fast');
  bindingCommands(acme, client);
  accountCommands(acme, client);
  acmePolicyCommands(acme, client);
}

function bindingCommands(acme: Command, client: ClientOf): void {
  const eab = acme
    .command('eab')
    .description('external account binding: credentials that say what an ACME account may have');
  eab
    .command('create')
    .addOption(
      new Option(
        '--directory <name>',
        'the directory that it is for, as its URL has it: /acme/NAME/directory',
      ).makeOptionMandatory(),
    )
    .addOption(
      new Option(
        '--principal <owner>',
        'who owns the certificates; disabling this principal stops its accounts',
      ).makeOptionMandatory(),
    )
    .option(
      '--allow <name...>',
      'names that may be had: example.org (and below), .example.org (below only), *.example.org (below, wildcards too), an address or a block in CIDR notation; may be repeated; default: what the directory allows',
      repeated,
    )
    .option('--no-challenge', 'the names of --allow need no challenge')
    .option(
      '--profile <p...>',
      'only these of the profiles of the directory; may be repeated',
      repeated,
    )
    .option('--quota <n>', 'certificates in all; default: no limit', parseQuantity)
    .option(
      '--days <n>',
      'new accounts are bound for so long; those bound before go on; default: no end',
      parseDays,
    )
    .option('--single-use', 'for one account only')
    .option('--tag <t...>', 'tags of the certificates; may be repeated', repeated)
    .option('--json', 'print the REST representation')
    .description('make a credential: its kid and hmacKey (base64url) are printed, once')
    .action(async (options: Options) => {
      if (options['challenge'] === false && options['allow'] === undefined) {
        throw usageError('--no-challenge needs --allow: the names that need no challenge');
      }
      const answer = await client().call({
        method: 'POST',
        path: '/acme/credentials',
        body: {
          directory: options['directory'],
          owner: options['principal'],
          allow: options['allow'],
          challengeRequired: options['challenge'],
          profiles: options['profile'],
          quota: options['quota'],
          days: options['days'],
          singleUse: options['singleUse'],
          tags: options['tag'],
        },
      });
      const created = answer.json() as Row;
      if (options['json'] === true) {
        printJson(created);
      } else {
        printFields(['kid', 'hmacKey'].map((member) => [member, cell(created[member])] as const));
      }
    });
  eab
    .command('list')
    .option('--directory <name>', 'only of this directory')
    .option('--limit <n>', 'rows a page, at most 1000', parseLimit, '100')
    .option('--cursor <c>', 'the page after; printed at the end of a page')
    .option('--json', 'print the REST representation')
    .description('credentials, never their keys')
    .action(async (options: Options) => {
      await printPage(client(), '/acme/credentials', options, ['directory', 'limit', 'cursor'], {
        kid: (item) => item['kid'],
        directory: (item) => item['directory'],
        owner: (item) => item['owner'],
        accounts: (item) => item['accounts'],
        issued: ({ issued, quota }) =>
          quota === null ? issued : `${cell(issued)} of ${cell(quota)}`,
        state: stateOf,
        allow: (item) => item['allow'],
      });
    });
  eab
    .command('show')
    .argument('<kid>', 'as `acme eab list` prints it')
    .option('--json', 'print the REST representation')
    .description('one credential in full, never its key')
    .action(async (kid: string, options: Options) => {
      const answer = await client().call({ method: 'GET', path: credentialPath(kid) });
      const credential = answer.json() as Row;
      if (options['json'] === true) {
        printJson(credential);
      } else {
        show(credential);
      }
    });
  eab
    .command('revoke')
    .argument('<kid>', 'as `acme eab list` prints it')
    .description('end a credential now: no account is bound any more, and those bound are stopped')
    .action(async (kid: string) => {
      await client().call({ method: 'DELETE', path: credentialPath(kid) });
      print(`credential ${kid} is revoked, its accounts are stopped`);
    });
}

function accountCommands(acme: Command, client: ClientOf): void {
  const account = acme.command('account').description('accounts that ACME clients registered');
  account
    .command('revoke')
    .argument('<accountId>', 'as `acme account list` prints it')
    .description('stop an account for good; its certificates stay as they are')
    .action(async (accountId: string) => {
      await client().call({
        method: 'DELETE',
        path: `/acme/accounts/${encodeURIComponent(accountId)}`,
      });
      print(`account ${accountId} is revoked`);
    });
  account
    .command('list')
    .option('--directory <name>', 'only of this directory')
    .option('--kid <kid>', 'only those bound to this credential')
    .option('--limit <n>', 'rows a page, at most 1000', parseLimit, '100')
    .option('--cursor <c>', 'the page after; printed at the end of a page')
    .option('--json', 'print the REST representation')
    .description('accounts with the credentials that they are bound to')
    .action(async (options: Options) => {
      const filters = ['directory', 'kid', 'limit', 'cursor'];
      await printPage(client(), '/acme/accounts', options, filters, {
        accountId: (item) => item['accountId'],
        directory: (item) => item['directory'],
        status: (item) => item['status'],
        kid: (item) => item['kid'],
        createdAt: (item) => item['createdAt'],
        createdFrom: (item) => item['createdFrom'],
        contact: (item) => item['contact'],
      });
    });
}

/** A page of a list, with how to ask for the next one. */
async function printPage(
  client: Client,
  path: string,
  options: Options,
  filters: readonly string[],
  columns: Readonly<Record<string, (item: Row) => unknown>>,
): Promise<void> {
  const query = Object.fromEntries(filters.map((name) => [name, text(options[name])]));
  const page = await list(client, path, query);
  if (options['json'] === true) {
    printJson(page);
    return;
  }
  printTable(
    Object.keys(columns),
    page.items.map((item) => Object.values(columns).map((value) => cell(value(item)))),
  );
  if (page.next !== null) {
    print(`more: --cursor ${page.next}`);
  }
}

function stateOf(item: Row): string {
  if (item['revokedAt'] !== undefined) return 'revoked';
  const notAfter = text(item['notAfter']);
  if (notAfter === undefined) return 'good';
  return Date.parse(notAfter) <= Date.now() ? 'expired' : `until ${notAfter}`;
}

function credentialPath(kid: string): string {
  return `/acme/credentials/${encodeURIComponent(kid)}`;
}
