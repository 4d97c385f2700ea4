import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { adoptionCommand } from './adoption.ts';
import { caParameterOptions, caParametersOf } from './ca-parameters.ts';
import { Client } from './client.ts';
import { crlCommands } from './crls.ts';
import { CommandError, usageError } from './exit.ts';
import { keyKinds } from './key-kinds.ts';
import { print, printJson, printTable, requireWritableFolder, writeFileWhole } from './output.ts';
import { rolloverCommands } from './rollover.ts';
import { cell, list, type Row, show } from './rows.ts';
import { parseDays } from './values.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Options = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** profile, issuer, crl, bundle. */
export function administrationCommands(program: Command, environment: Environment): void {
  const client = (): Client => new Client(environment);
  profileCommands(program, client);
  const issuer = issuerCommands(program, client);
  rolloverCommands(issuer, client);
  crlCommands(program, client, issuer);
  bundleCommands(program, client);
}

type ClientOf = () => Client;

function profileCommands(program: Command, client: ClientOf): void {
  const profile = program.command('profile').description('which kinds of certificates there are');
  profile
    .command('list')
    .description('which profile to choose')
    .option('--json', 'print the REST representation')
    .action(async (options: Options) => {
      const page = await list(client(), '/profiles');
      if (options['json'] === true) {
        printJson(page);
        return;
      }
      printTable(
        ['name', 'asked for by', 'choose it for'],
        page.items.map((item) => [
          cell(item['name']),
          item['requestable'] === true ? 'chancery issue' : 'its own act',
          cell(item['description'] ?? item['title']).replace(/\s+/g, ' '),
        ]),
      );
    });
  profile
    .command('show')
    .argument('<name>', 'as `profile list` prints it')
    .description('every field: fixed, default, taken from the request, or refused')
    .option('--json', 'print the REST representation')
    .action(async (name: string, options: Options) => {
      const answer = await client().call({
        method: 'GET',
        path: `/profiles/${encodeURIComponent(name)}`,
      });
      const record = answer.json() as Row & { readonly fields?: readonly Row[] };
      if (options['json'] === true) {
        printJson(record);
        return;
      }
      show(record, ['fields']);
      print('');
      printTable(
        ['field', 'rule', 'value'],
        (record.fields ?? []).map((field) =>
          ['field', 'rule', 'value'].map((member) => cell(field[member])),
        ),
      );
    });
  profile
    .command('check')
    .argument('<file>', 'YAML')
    .description('read a profile file as the server would')
    .option('--json', 'print the REST representation')
    .action(async (file: string, options: Options) => {
      const body = { yaml: readFileSync(file, 'utf8') };
      const answer = await client()
        .call({ method: 'POST', path: '/profiles/check', body })
        .catch((error: unknown) => {
          // The server never learns the file's name.
          throw error instanceof CommandError
            ? new CommandError(
                error.message.replaceAll('the profile given', file),
                error.exitCode,
                error,
              )
            : error;
        });
      if (options['json'] === true) {
        printJson(answer.json());
      } else {
        print(`${file} is a valid profile`);
      }
    });
}

function issuerCommands(program: Command, client: ClientOf): Command {
  const issuer = program.command('issuer').description('CAs: certificates and keys that sign');
  issuer
    .command('list')
    .option('--json', 'print the REST representation')
    .description('all issuers')
    .action(async (options: Options) => {
      const page = await list(client(), '/issuers');
      if (options['json'] === true) {
        printJson(page);
        return;
      }
      printTable(
        ['name', 'kind', 'state', 'standing', 'issuerId', 'notAfter', 'subject'],
        page.items.map((item) =>
          ['name', 'kind', 'state', 'standing', 'issuerId', 'notAfter', 'subject'].map((member) =>
            cell(item[member]),
          ),
        ),
      );
    });
  issuer
    .command('show')
    .argument('<name>', 'as `issuer list` prints it')
    .option('--json', 'print the REST representation')
    .description('one issuer: state, validity, addresses in its certificates')
    .action(async (name: string, options: Options) => {
      const answer = await client().call({
        method: 'GET',
        path: `/issuers/${encodeURIComponent(name)}`,
      });
      const record = answer.json() as Row;
      if (options['json'] === true) {
        printJson(record);
        return;
      }
      const urls = record['urls'] as Readonly<Record<string, string>>;
      const addresses = Object.entries(urls).map(([kind, url]) => [`${kind} URL`, url] as const);
      show({ ...record, ...Object.fromEntries(addresses) }, ['urls', 'pem', 'chain']);
      print('(--json prints its certificate as well)');
    });
  caParameterOptions(issuer.command('create'))
    .argument('<name>', 'how commands call it; letters, digits and hyphens')
    .description('make a CA: a root, a subordinate of ours, or one whose parent is elsewhere')
    .option('--root', 'a self-signed root, its key in the root token')
    .option('--parent <name>', 'signed by this issuer of ours')
    .option('--external', 'its parent is elsewhere: `issuer csr`, then `issuer install`')
    .addOption(
      new Option('--key <kind>', 'kind of its key').choices(keyKinds).makeOptionMandatory(),
    )
    .addOption(new Option('--signature <scheme>', 'of an RSA key').choices(['pkcs1', 'pss']))
    .option('--subject <dn>', 'default CN=NAME')
    .option('--days <n>', 'validity in days; otherwise as its profile says', parseDays)
    .option('--profile <name>', 'of its certificate; default root-ca or issuing-ca')
    .option('--json', 'print the REST representation')
    .action(async (name: string, options: Options) => {
      const kinds = [
        ...(options['root'] === true ? ['root'] : []),
        ...(options['parent'] === undefined ? [] : ['subordinate']),
        ...(options['external'] === true ? ['external'] : []),
      ];
      if (kinds.length !== 1) {
        throw usageError('say exactly one of --root, --parent NAME, --external');
      }
      const answer = await client().call({
        method: 'POST',
        path: '/issuers',
        body: {
          name,
          kind: kinds[0],
          parent: options['parent'],
          key: options['key'],
          signature: options['signature'],
          subject: options['subject'],
          days: options['days'],
          profile: options['profile'],
          ...caParametersOf(options),
        },
      });
      const record = answer.json() as Row;
      if (options['json'] === true) {
        printJson(record);
        return;
      }
      print(`issuer ${name} (${cell(record['issuerId'])}) is ${cell(record['state'])}`);
      if (record['state'] === 'pending') {
        print(`next: chancery issuer csr ${name} --out ${name}.csr`);
      }
    });
  adoptionCommand(issuer, client);
  issuer
    .command('csr')
    .argument('<name>', 'as `issuer list` prints it')
    .requiredOption('--out <file>', 'PEM of the request')
    .description('the request for a parent elsewhere')
    .action(async (name: string, options: Options) => {
      requireWritableFolder(String(options['out']));
      const answer = await client().call({
        method: 'GET',
        path: `/issuers/${encodeURIComponent(name)}/csr`,
      });
      writeFileWhole(String(options['out']), answer.body);
      print(`written to ${String(options['out'])}`);
    });
  issuer
    .command('install')
    .argument('<name>', 'as `issuer list` prints it')
    .requiredOption('--chain <file>', 'PEM: its certificate first, then those above it')
    .option('--json', 'print the REST representation')
    .description('install the chain that a parent elsewhere made')
    .action(async (name: string, options: Options) => {
      const answer = await client().call({
        method: 'POST',
        path: `/issuers/${encodeURIComponent(name)}/chain`,
        body: { pem: readFileSync(String(options['chain']), 'utf8') },
      });
      const record = answer.json() as Row;
      if (options['json'] === true) {
        printJson(record);
      } else {
        print(`issuer ${name} (${cell(record['issuerId'])}) is ${cell(record['state'])}`);
      }
    });
  return issuer;
}

function bundleCommands(program: Command, client: ClientOf): void {
  program
    .command('bundle')
    .description('trust anchors for clients')
    .command('get')
    .argument('[name]', 'which bundle', 'default')
    .addOption(
      new Option('--format <format>', 'PEM or PKCS#7').choices(['pem', 'p7b']).default('pem'),
    )
    .requiredOption('--out <file>', 'where it goes')
    .description('fetch a bundle')
    .action(async (name: string, options: Options) => {
      const answer = await client().call({
        method: 'GET',
        path: `/bundles/${encodeURIComponent(name)}.${String(options['format'])}`,
      });
      writeFileWhole(String(options['out']), answer.body);
      print(`written to ${String(options['out'])}`);
    });
}
