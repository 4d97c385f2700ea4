import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Client } from './client.ts';
import { usageError } from './exit.ts';
import { print, printJson, printTable } from './output.ts';
import { cell, list, type Row, text } from './rows.ts';
import { parseCount, parseQuantity } from './values.ts';

type Options = Readonly<Record<string, string | number | boolean | undefined>>;
type ClientOf = () => Client;

/** crl, and how an issuer tells status. */
export function crlCommands(program: Command, client: ClientOf, issuer: Command): void {
  const crl = program.command('crl').description('certificate revocation lists');
  showCommand(crl, client);
  publishCommand(crl, client);
  shardCommands(crl, client);
  policyCommand(issuer, client);
}

const columns = [
  ...['issuer', 'shard', 'kind', 'crlNumber', 'baseCrlNumber', 'thisUpdate', 'nextUpdate'],
  ...['entries', 'url'],
];

function printCrls(items: readonly Row[]): void {
  printTable(
    columns,
    items.map((item) => columns.map((member) => cell(item[member]))),
  );
}

function showCommand(crl: Command, client: ClientOf): void {
  crl
    .command('show')
    .option('--issuer <name>', 'only of this issuer')
    .option('--json', 'print the REST representation')
    .description('the newest published CRLs of each shard, complete and delta')
    .action(async (options: Options) => {
      const page = await list(client(), '/crls', { issuer: text(options['issuer']) });
      if (options['json'] === true) {
        printJson(page);
      } else {
        printCrls(page.items);
      }
    });
}

function publishCommand(crl: Command, client: ClientOf): void {
  crl
    .command('publish')
    .option('--issuer <name>', 'only of this issuer; otherwise of all')
    .option('--json', 'print the REST representation')
    .description('publish all shards now; the schedule does it by itself')
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
          path: `/issuers/${encodeURIComponent(name)}/crls`,
        });
        published.push(...(answer.json() as { readonly items: readonly Row[] }).items);
      }
      if (options['json'] === true) {
        printJson({ items: published, next: null });
      } else {
        printCrls(published);
      }
    });
}

function shardCommands(crl: Command, client: ClientOf): void {
  const shardColumns = ['issuer', 'shard', 'scope', 'state', 'entries', 'nextUpdate', 'url'];
  crl
    .command('shards')
    .option('--issuer <name>', 'only of this issuer')
    .option('--json', 'print the REST representation')
    .description('into which parts CRLs are cut: open, retired, ended')
    .action(async (options: Options) => {
      const page = await list(client(), '/crl-shards', { issuer: text(options['issuer']) });
      if (options['json'] === true) {
        printJson(page);
      } else {
        printTable(
          shardColumns,
          page.items.map((item) => shardColumns.map((member) => cell(item[member]))),
        );
      }
    });
  crl
    .command('retire')
    .argument('<shard>', 'its number, as `crl shards` prints it', parseCount)
    .requiredOption('--issuer <name>', 'whose shard')
    .option('--json', 'print the REST representation')
    .description(
      'no new certificate gets the shard; its CRLs go on until the last of its certificates has expired',
    )
    .action(async (shard: number, options: Options) => {
      const name = encodeURIComponent(String(options['issuer']));
      const answer = await client().call({
        method: 'POST',
        path: `/issuers/${name}/crl-shards/${shard}/retirement`,
      });
      const record = answer.json() as Row;
      if (options['json'] === true) {
        printJson(record);
      } else {
        print(`shard ${shard} of ${cell(record['issuer'])} is ${cell(record['state'])}`);
      }
    });
}

function policyCommand(issuer: Command, client: ClientOf): void {
  const yesNo = ['yes', 'no'];
  issuer
    .command('policy')
    .argument('<name>', 'as `issuer list` prints it')
    .description('how an issuer tells status: shows it, or changes what is named')
    .option('--crl-shards <n>', 'CRL shards that new certificates are spread over', parseQuantity)
    .addOption(
      new Option('--crl-scopes <scopes>', 'one CRL of all, or CA certificates apart').choices([
        'all',
        'separate',
      ]),
    )
    .option('--delta <duration>', 'delta CRLs, each valid that long; or off', parseSecondsOrOff)
    .addOption(new Option('--keep-expired <yes|no>', 'entries stay after expiry').choices(yesNo))
    .addOption(
      new Option('--extended-revoke <yes|no>', 'OCSP: what was never issued is revoked').choices(
        yesNo,
      ),
    )
    .option(
      '--archive-cutoff <duration>',
      'OCSP: status is told that long after expiry; or off',
      parseSecondsOrOff,
    )
    .option('--json', 'print the REST representation')
    .addHelpText(
      'after',
      `
Shards are opened up to the number given; \`crl retire\` takes one away. Examples:
  chancery issuer policy issuing
  chancery issuer policy issuing --crl-shards 16 --delta 6h`,
    )
    .action(async (name: string, options: Options) => {
      const path = `/issuers/${encodeURIComponent(name)}`;
      const crl = given({
        shards: options['crlShards'],
        scopes: options['crlScopes'],
        deltaSeconds: secondsOf(options['delta']),
        keepExpired: truth(options['keepExpired']),
      });
      const ocsp = given({
        extendedRevoke: truth(options['extendedRevoke']),
        archiveCutoffSeconds: secondsOf(options['archiveCutoff']),
      });
      const body = given({ crl, ocsp });
      const answer =
        body === undefined
          ? await client().call({ method: 'GET', path })
          : await client().call({ method: 'PATCH', path: `${path}/status-policy`, body });
      const record = answer.json() as Row & {
        readonly statusPolicy?: Readonly<Record<string, Row>>;
      };
      if (options['json'] === true) {
        printJson(record);
        return;
      }
      if (record.statusPolicy === undefined) {
        throw usageError('the server is older than this command and knows no status policy');
      }
      printTable(
        ['of', 'setting', 'value'],
        Object.entries(record.statusPolicy).flatMap(([of, settings]) =>
          Object.entries(settings).map(([setting, value]) => [of, setting, cell(value)]),
        ),
      );
    });
}

/** The members that are there; undefined when none is. */
function given(
  members: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> | undefined {
  const there = Object.entries(members).filter(([, value]) => value !== undefined);
  return there.length === 0 ? undefined : Object.fromEntries(there);
}

function truth(value: Options[string]): boolean | undefined {
  return value === undefined ? undefined : value === 'yes';
}

/** `off` is null in REST. */
function secondsOf(value: Options[string]): Options[string] | null {
  return value === 'off' ? null : value;
}

/** `1h` as seconds, or `off`. */
function parseSecondsOrOff(value: string): number | 'off' {
  if (value === 'off') {
    return value;
  }
  const match = /^([1-9]\d{0,6})([dhms])$/.exec(value);
  const unit = { s: 1, m: 60, h: 3600, d: 86_400 }[match?.[2] ?? ''];
  if (match === null || unit === undefined) {
    throw new InvalidArgumentError(
      'write a whole number with d, h, m or s, for example 6h, or off',
    );
  }
  return Number(match[1]) * unit;
}
