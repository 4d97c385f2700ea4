import { type Command, Option } from 'commander';
import { requestText } from './certificates.ts';
import { Client } from './client.ts';
import { usageError } from './exit.ts';
import { print, printJson, printTable, requireWritableFolder, writeFileWhole } from './output.ts';
import { cell, list, type Row, text } from './rows.ts';
import { parseDays, parsePermission } from './values.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Options = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
type ClientOf = () => Client;

/** principal, credential. */
export function accessCommands(program: Command, environment: Environment): void {
  const client = (): Client => new Client(environment);
  principalCommands(program, client);
  credentialCommands(program, client);
}

function principalCommands(program: Command, client: ClientOf): void {
  program
    .command('principal')
    .description('who may do what')
    .command('create')
    .argument('<name>', 'letters, digits, dots and hyphens')
    .addOption(
      new Option('--role <role>', 'what it may do')
        .choices(['administrator', 'operator', 'auditor', 'subscriber', 'responder'])
        .makeOptionMandatory(),
    )
    .option('--csr <file>', 'also issue a client certificate from this request and bind it')
    .option('--out <file>', 'PEM of that certificate and its issuers')
    .option('--json', 'print the REST representation')
    .description('make a principal')
    .action(async (name: string, options: Options) => {
      const csr = text(options['csr']);
      const out = text(options['out']);
      if ((csr === undefined) !== (out === undefined)) {
        throw usageError('--csr FILE and --out FILE belong together');
      }
      if (out !== undefined) {
        requireWritableFolder(out);
      }
      const answer = await client().call({
        method: 'POST',
        path: '/principals',
        body: {
          name,
          role: options['role'],
          csr: csr === undefined ? undefined : requestText(csr),
        },
      });
      const created = answer.json() as {
        readonly principal?: Row;
        readonly certificate?: { readonly chain?: string };
        readonly chain?: string;
      };
      const chain = created.certificate?.chain ?? created.chain;
      if (out !== undefined && chain !== undefined) {
        writeFileWhole(out, chain);
      }
      if (options['json'] === true) {
        printJson(created);
      } else {
        print(
          `principal ${name} has the role ${String(options['role'])}${out === undefined ? '' : `, certificate in ${out}`}`,
        );
      }
    });
}

function credentialCommands(program: Command, client: ClientOf): void {
  const credential = program.command('credential').description('bearer tokens of principals');
  credential
    .command('create')
    .argument('<principal>', 'whose it is')
    .option(
      '--scope <permission...>',
      'only these of the permissions of its role, for example certificates:issue; may be repeated',
      parsePermission,
    )
    .option('--days <n>', 'how long it lasts; default 90', parseDays)
    .option('--json', 'print the REST representation')
    .description('make a bearer token: printed alone, once')
    .action(async (name: string, options: Options) => {
      const answer = await client().call({
        method: 'POST',
        path: `/principals/${encodeURIComponent(name)}/credentials`,
        body: { scope: options['scope'], days: options['days'] },
      });
      const created = answer.json() as Row;
      if (options['json'] === true) {
        printJson(created);
      } else {
        print(cell(created['token']));
      }
    });
  credential
    .command('list')
    .argument('[principal]', 'only of this one')
    .option('--json', 'print the REST representation')
    .description('credentials, without their tokens')
    .action(async (name: string | undefined, options: Options) => {
      const server = client();
      const page = await list(server, '/credentials', { principal: name });
      if (options['json'] === true) {
        printJson(page);
        return;
      }
      const principals = (await list(server, '/principals')).items;
      const nameOf = (id: unknown): string =>
        cell(principals.find((principal) => principal['id'] === id)?.['name'] ?? id);
      printTable(
        ['id', 'principal', 'notAfter', 'revokedAt', 'scope'],
        page.items.map((item) => [
          cell(item['id']),
          nameOf(item['principalId']),
          cell(item['notAfter']),
          cell(item['revokedAt']),
          cell(item['scope'] ?? 'its whole role'),
        ]),
      );
    });
  credential
    .command('revoke')
    .argument('<id>', 'as `credential list` prints it')
    .description('end a credential now')
    .action(async (id: string) => {
      await client().call({ method: 'DELETE', path: `/credentials/${encodeURIComponent(id)}` });
      print(`credential ${id} is revoked`);
    });
}
