import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { Client } from './client.ts';
import { usageError } from './exit.ts';
import { keyKinds } from './key-kinds.ts';
import { print, printFields, printJson, printTable, writeFileWhole } from './output.ts';
import { parseCount, parseDays, repeated } from './values.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Options = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
type Row = Readonly<Record<string, unknown>>;

/** profile, issuer, crl, bundle, principal, credential. */
export function administrationCommands(program: Command, environment: Environment): void {
  const client = (): Client => new Client(environment);
  profileCommands(program, client);
  issuerCommands(program, client);
  crlCommands(program, client);
  bundleCommands(program, client);
  principalCommands(program, client);
  credentialCommands(program, client);
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
    .argument('<name>')
    .description('every field: fixed, default, taken from the request, or refused')
    .option('--json', 'print the REST representation')
    .action(async (name: string, options: Options) => {
      const answer = await client().call({
        method: 'GET',
        path: `/profiles/${encodeURIComponent(name)}`,
      });
      showAny(answer.json() as Row, options);
    });
  profile
    .command('check')
    .argument('<file>')
    .description('read a profile file as the server would')
    .option('--json', 'print the REST representation')
    .action(async (file: string, options: Options) => {
      const answer = await client().call({
        method: 'POST',
        path: '/profiles/check',
        body: { yaml: readFileSync(file, 'utf8') },
      });
      if (options['json'] === true) {
        printJson(answer.json());
      } else {
        print(`${file} is a valid profile`);
      }
    });
}

function issuerCommands(program: Command, client: ClientOf): void {
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
        ['name', 'kind', 'state', 'issuerId', 'notAfter', 'subject'],
        page.items.map((item) =>
          ['name', 'kind', 'state', 'issuerId', 'notAfter', 'subject'].map((member) =>
            cell(item[member]),
          ),
        ),
      );
    });
  issuer
    .command('show')
    .argument('<name>')
    .option('--json', 'print the REST representation')
    .description('one issuer')
    .action(async (name: string, options: Options) => {
      const answer = await client().call({
        method: 'GET',
        path: `/issuers/${encodeURIComponent(name)}`,
      });
      showAny(answer.json() as Row, options);
    });
  issuer
    .command('create')
    .argument('<name>')
    .description('make a CA: a root, a subordinate of ours, or one whose parent is elsewhere')
    .option('--root', 'a self-signed root, its key in the root token')
    .option('--parent <name>', 'signed by this issuer of ours')
    .option('--external', 'its parent is elsewhere: `issuer csr`, then `issuer install`')
    .addOption(
      new Option('--key <kind>', 'kind of its key').choices(keyKinds).makeOptionMandatory(),
    )
    .addOption(new Option('--signature <scheme>', 'of an RSA key').choices(['pkcs1', 'pss']))
    .option('--subject <dn>', 'default CN=NAME')
    .option('--days <n>', 'validity', parseDays)
    .option('--path-length <n>', 'how many CAs may stand below it', parseCount)
    .option('--permit-dns <s...>', 'names below this are allowed; may be repeated', repeated)
    .option('--exclude-dns <s...>', 'names below this are not; may be repeated', repeated)
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
          pathLength: options['pathLength'],
          permitDns: options['permitDns'],
          excludeDns: options['excludeDns'],
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
  issuer
    .command('csr')
    .argument('<name>')
    .requiredOption('--out <file>', 'PEM of the request')
    .description('the request for a parent elsewhere')
    .action(async (name: string, options: Options) => {
      const answer = await client().call({
        method: 'GET',
        path: `/issuers/${encodeURIComponent(name)}/csr`,
      });
      writeFileWhole(String(options['out']), answer.body);
      print(`written to ${String(options['out'])}`);
    });
  issuer
    .command('install')
    .argument('<name>')
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
}

function crlCommands(program: Command, client: ClientOf): void {
  const crl = program.command('crl').description('certificate revocation lists');
  const columns = ['issuerId', 'crlNumber', 'thisUpdate', 'nextUpdate', 'entries', 'url'];
  crl
    .command('show')
    .option('--issuer <name>', 'only of this issuer')
    .option('--json', 'print the REST representation')
    .description('the newest published CRLs')
    .action(async (options: Options) => {
      const page = await list(client(), '/crls', { issuer: text(options['issuer']) });
      if (options['json'] === true) {
        printJson(page);
      } else {
        printTable(
          columns,
          page.items.map((item) => columns.map((member) => cell(item[member]))),
        );
      }
    });
  crl
    .command('publish')
    .option('--issuer <name>', 'only of this issuer; otherwise of all')
    .option('--json', 'print the REST representation')
    .description('publish now; the schedule does it by itself')
    .action(async (options: Options) => {
      const named = text(options['issuer']);
      const names =
        named === undefined
          ? (await list(client(), '/issuers')).items
              .filter((item) => item['state'] === 'active')
              .map((item) => cell(item['name']))
          : [named];
      const published: Row[] = [];
      for (const name of names) {
        const answer = await client().call({
          method: 'POST',
          path: `/issuers/${encodeURIComponent(name)}/crl`,
        });
        published.push(answer.json() as Row);
      }
      if (options['json'] === true) {
        printJson({ items: published, next: null });
      } else {
        printTable(
          columns,
          published.map((item) => columns.map((member) => cell(item[member]))),
        );
      }
    });
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

function principalCommands(program: Command, client: ClientOf): void {
  program
    .command('principal')
    .description('who may do what')
    .command('create')
    .argument('<name>')
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
      const answer = await client().call({
        method: 'POST',
        path: '/principals',
        body: {
          name,
          role: options['role'],
          csr: csr === undefined ? undefined : readFileSync(csr, 'utf8'),
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
    .argument('<principal>')
    .option('--scope <permission...>', 'only these permissions; may be repeated', repeated)
    .option('--days <n>', 'how long it lasts', parseDays)
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
    .argument('[principal]')
    .option('--json', 'print the REST representation')
    .description('credentials, without their tokens')
    .action(async (name: string | undefined, options: Options) => {
      const page = await list(client(), '/credentials', { principal: name });
      const columns = ['id', 'principal', 'notAfter', 'revokedAt', 'scope'];
      if (options['json'] === true) {
        printJson(page);
      } else {
        printTable(
          columns,
          page.items.map((item) => columns.map((member) => cell(item[member]))),
        );
      }
    });
  credential
    .command('revoke')
    .argument('<id>')
    .description('end a credential now')
    .action(async (id: string) => {
      await client().call({ method: 'DELETE', path: `/credentials/${encodeURIComponent(id)}` });
      print(`credential ${id} is revoked`);
    });
}

async function list(
  client: Client,
  path: string,
  query: Readonly<Record<string, string | undefined>> = {},
): Promise<{ readonly items: readonly Row[]; readonly next: string | null }> {
  const answer = await client.call({ method: 'GET', path, query });
  return answer.json() as { readonly items: readonly Row[]; readonly next: string | null };
}

function showAny(value: Row, options: Options): void {
  if (options['json'] === true) {
    printJson(value);
    return;
  }
  printFields(Object.entries(value).map(([label, member]) => [label, cell(member)] as const));
}

function cell(value: unknown): string {
  if (value === undefined || value === null) {
    return '';
  }
  if (Array.isArray(value)) {
    return value.map(cell).join(' ');
  }
  return typeof value === 'object'
    ? JSON.stringify(value)
    : String(value as string | number | boolean);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
