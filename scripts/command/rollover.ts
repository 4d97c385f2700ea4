import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { caParameterOptions, caParametersOf } from './ca-parameters.ts';
import type { Client } from './client.ts';
import { usageError } from './exit.ts';
import { keyKinds } from './key-kinds.ts';
import { print, printJson, printTable } from './output.ts';
import { cell, list, type Row, show, text } from './rows.ts';
import { parseDays, parseTime, repeated } from './values.ts';

type ClientOf = () => Client;
type Options = Readonly<Record<string, unknown>>;

/** issuer rollover, issuer link, issuer cross. */
export function rolloverCommands(issuer: Command, client: ClientOf): void {
  const rollover = issuer
    .command('rollover')
    .description('one issuer follows another: prepare, activate at a date, retire');
  prepareCommand(rollover, client);
  activateCommand(rollover, client);
  retireCommand(rollover, client);
  statusCommand(rollover, client);
  linkCommand(issuer, client);
  crossCommand(issuer, client);
}

/** Why, and on whose approval: every act on a key says both. */
function decided(command: Command): Command {
  return command
    .requiredOption('--reason <text>', 'why; recorded with the key')
    .option('--approval <text...>', 'who agreed; may be repeated', repeated);
}

function decisionOf(options: Options): Row {
  return { reason: options['reason'], approvals: options['approval'] };
}

function pathOf(name: string, rest: string): string {
  return `/issuers/${encodeURIComponent(name)}/${rest}`;
}

async function post(client: Client, name: string, rest: string, body: Row): Promise<Row> {
  const answer = await client.call({ method: 'POST', path: pathOf(name, rest), body });
  return answer.json() as Row;
}

function prepareCommand(rollover: Command, client: ClientOf): void {
  const command = rollover
    .command('prepare')
    .argument('<name>', 'the issuer that is to be followed')
    .description('make the next issuer: certified and distributed, it issues nothing yet')
    .requiredOption('--as <newname>', 'how commands call the next one')
    .addOption(
      new Option('--key <kind>', 'kind of its key; default as the old one').choices(keyKinds),
    )
    .addOption(new Option('--signature <scheme>', 'of an RSA key').choices(['pkcs1', 'pss']))
    .option('--same-name', 'the new key under the same subject name')
    .option('--subject <dn>', 'default CN=NEWNAME')
    .option('--days <n>', 'validity in days; otherwise as its profile says', parseDays);
  decided(caParameterOptions(command))
    .option('--json', 'print the REST representation')
    .action(async (name: string, options: Options) => {
      const made = await post(client(), name, 'rollover', {
        name: options['as'],
        key: options['key'],
        signature: options['signature'],
        sameName: options['sameName'],
        subject: options['subject'],
        days: options['days'],
        ...caParametersOf(options),
        ...decisionOf(options),
      });
      if (options['json'] === true) {
        printJson(made);
        return;
      }
      print(
        `issuer ${cell(made['name'])} (${cell(made['issuerId'])}) is ${cell(made['standing'])}`,
      );
      print(`next: chancery issuer rollover status ${cell(made['name'])}`);
    });
}

function activateCommand(rollover: Command, client: ClientOf): void {
  decided(
    rollover
      .command('activate')
      .argument('<newname>', 'the prepared issuer')
      .description('let it issue, once its public key has been distributed for long enough')
      .option('--at <time>', 'RFC 3339; the schedule does it then', parseTime)
      .option('--cancel', 'take back the date that was set'),
  )
    .option('--json', 'print the REST representation')
    .action(async (name: string, options: Options) => {
      if (options['at'] !== undefined && options['cancel'] === true) {
        throw usageError('say --at or --cancel, not both');
      }
      const record = await post(client(), name, 'rollover/activation', {
        at: options['cancel'] === true ? null : options['at'],
        ...decisionOf(options),
      });
      if (options['json'] === true) {
        printJson(record);
        return;
      }
      const date = record['activateAt'];
      print(
        record['standing'] === 'prepared'
          ? `issuer ${name} is prepared; ${date === undefined ? 'no date is set' : `it begins at ${cell(date)}, when its first CRL and its OCSP delegate are there`}`
          : `issuer ${name} is ${cell(record['standing'])}`,
      );
    });
}

function retireCommand(rollover: Command, client: ClientOf): void {
  decided(
    rollover
      .command('retire')
      .argument('<name>', 'the issuer whose successor issues')
      .description('end its issuing; CRLs and OCSP go on until its last certificate has expired')
      .option('--without-successor', 'nobody follows it')
      .option(
        '--renew-by <time>',
        'have ACME clients renew what it issued, evenly spread until then (RFC 9773)',
        parseTime,
      ),
  )
    .option('--json', 'print the REST representation')
    .action(async (name: string, options: Options) => {
      const renewBy = text(options['renewBy']);
      const spread = renewBy === undefined ? undefined : spreadUntil(renewBy);
      const record = await post(client(), name, 'rollover/retirement', {
        withoutSuccessor: options['withoutSuccessor'],
        ...decisionOf(options),
      });
      if (spread !== undefined) {
        await client().call({
          method: 'POST',
          path: '/acme/incidents',
          body: { issuer: name, spread },
        });
      }
      if (options['json'] === true) {
        printJson(record);
      } else {
        print(`issuer ${name} is ${cell(record['standing'])}`);
      }
    });
}

/** Whole minutes until a time, as the REST interface writes durations. */
function spreadUntil(time: string): string {
  const minutes = Math.floor((Date.parse(time) - Date.now()) / 60_000);
  if (minutes < 1) {
    throw usageError(`--renew-by ${time} is not a minute ahead; say when renewals shall be over`);
  }
  return `${minutes}m`;
}

function statusCommand(rollover: Command, client: ClientOf): void {
  rollover
    .command('status')
    .argument('<name>', 'either of the two')
    .description('who follows whom, where the key stands, and what comes next')
    .option('--json', 'print the REST representation')
    .action(async (name: string, options: Options) => {
      const answer = await client().call({ method: 'GET', path: pathOf(name, 'rollover') });
      const status = answer.json() as Row;
      if (options['json'] === true) {
        printJson(status);
        return;
      }
      const issuer = status['issuer'] as Row;
      const named = (member: string): unknown => (status[member] as Row | undefined)?.['name'];
      const key = status['key'] as Row;
      show({
        issuer: issuer['name'],
        standing: issuer['standing'],
        predecessor: named('predecessor'),
        successor: named('successor'),
        'key (private, public, scope)': ['privateState', 'publicState', 'scope'].map(
          (member) => key[member],
        ),
        'may be activated from': status['mayActivateFrom'],
        'activated at': issuer['activateAt'],
        'retiring since': issuer['retiringSince'],
        'last certificate until': issuer['lastNotAfter'],
        next: status['next'],
      });
      printTable(
        ['distributed by', 'where', 'since'],
        (status['distributions'] as readonly Row[]).map((row) =>
          ['channel', 'location', 'at'].map((member) => cell(row[member])),
        ),
      );
    });
}

const crossMembers = ['number', 'kind', 'signerIssuerId', 'notAfter', 'url'];

function printCrosses(rows: readonly Row[]): void {
  printTable(
    crossMembers,
    rows.map((row) => crossMembers.map((member) => cell(row[member]))),
  );
}

function linkCommand(issuer: Command, client: ClientOf): void {
  issuer
    .command('link')
    .argument('<newname>', 'the issuer that follows another')
    .description('link certificates with its predecessor: new with old, old with new')
    .option('--json', 'print the REST representation')
    .action(async (name: string, options: Options) => {
      const links = await post(client(), name, 'links', {});
      if (options['json'] === true) {
        printJson(links);
      } else {
        printCrosses(links['items'] as readonly Row[]);
      }
    });
}

function crossCommand(issuer: Command, client: ClientOf): void {
  const command = issuer
    .command('cross')
    .argument('<name>', 'the issuer whose key is certified')
    .description('cross-certify: by another of our issuers, or as a CA elsewhere did; alone: list')
    .option('--by <issuer>', 'one of our issuers signs')
    .option('--chain <file>', 'PEM from a CA elsewhere: the cross-certificate, then those above it')
    .option('--days <n>', 'validity in days; otherwise as long as its own certificate', parseDays);
  caParameterOptions(command)
    .option('--json', 'print the REST representation')
    .action(async (name: string, options: Options) => {
      const by = text(options['by']);
      const chain = text(options['chain']);
      if (by !== undefined && chain !== undefined) {
        throw usageError('say --by or --chain, not both');
      }
      if (by === undefined && chain === undefined) {
        const page = await list(client(), pathOf(name, 'cross-certificates'));
        if (options['json'] === true) printJson(page);
        else printCrosses(page.items);
        return;
      }
      const made = await post(client(), name, 'cross-certificates', {
        by,
        pem: chain === undefined ? undefined : readFileSync(chain, 'utf8'),
        days: options['days'],
        ...caParametersOf(options),
      });
      if (options['json'] === true) printJson(made);
      else printCrosses([made]);
    });
}
