import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { type Command, Option } from 'commander';
import { type BlastRadiusJson, printBlastRadius } from './blast-radius.ts';
import { Client } from './client.ts';
import { CommandError, usageError } from './exit.ts';
import { followIncident, type IncidentStatusJson, printStatus } from './incident-follow.ts';
import { print, printJson } from './output.ts';
import { parseDuration, parseReason, parseTime } from './values.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Options = Readonly<Record<string, string | boolean | undefined>>;

/** Options of everything that opens an incident. */
export function addOpening(command: Command): Command {
  return command
    .option('--renew-within <duration>', 'over which time clients are told to renew', parseDuration)
    .option('--explanation-url <url>', 'a page for people, told to clients (RFC 9773 §4.2)')
    .option('--drill', 'a rehearsal: counted and recorded, nothing is held, revoked or blocked')
    .option('--dry-run', 'show what is reached, and change nothing')
    .option('--expect <n>', 'how many certificates are affected; another number is refused')
    .option('--yes', 'don’t ask')
    .option('--json', 'print the REST representation');
}

/** compromise. */
export function compromiseCommands(program: Command, environment: Environment): void {
  const client = (): Client => new Client(environment);
  const compromise = program
    .command('compromise')
    .description('declare that a key is not its owner’s alone any more');
  const one = (name: string, argument: string, what: string, description: string): Command =>
    addOpening(
      compromise
        .command(name)
        .argument(argument, what)
        .description(description)
        .option('--reason <code>', 'keyCompromise, cACompromise, aACompromise', parseReason)
        .option('--comment <text>', 'why; stands in the record, the report and the audit log')
        .option(
          '--invalidity-date <t>',
          'since when the key is believed compromised (RFC 3339 with Z)',
          parseTime,
        )
        .option('--revoke', 'revoke all (the default)')
        .option('--hold', 'put all on hold while it is looked into')
        .addOption(
          new Option('--cause <cause>', 'of a hold').choices([
            'keyStatusUnknown',
            'ownerUnavailable',
            'investigation',
            'other',
          ]),
        ),
    );
  one(
    'key',
    '<key>',
    'serial number, SHA-256 of the key, key id of the inventory, or a PEM file of certificate or public key',
    'every certificate of one key, by any issuer; the key is blocked for good',
  )
    .option('--issuer <name>', 'when two issuers share the serial number')
    .addHelpText(
      'after',
      '\nExample:\n  chancery compromise key leaked.pem --dry-run\n  chancery compromise key leaked.pem --invalidity-date 2026-11-01T00:00:00Z --comment "found in a repository" --expect 3',
    )
    .action(async (key: string, options: Options) => {
      await declare(client(), { key: keyOf(key), issuer: options['issuer'] }, options);
    });
  one(
    'issuer',
    '<name>',
    'name or id of the issuer',
    'everything that an issuer has signed; OCSP answers revoked for all of it at once',
  )
    .option('--reissue-by <issuer>', 'who issues instead, for whoever names the compromised one')
    .addHelpText(
      'after',
      '\nExample:\n  chancery compromise issuer issuing --dry-run\n  chancery compromise issuer issuing --reissue-by issuing-2 --comment "token stolen" --renew-within 12h',
    )
    .action(async (issuer: string, options: Options) => {
      await declare(client(), { issuer, reissueBy: options['reissueBy'] }, options);
    });
}

async function declare(
  client: Client,
  subject: Readonly<Record<string, unknown>>,
  options: Options,
): Promise<void> {
  if (options['hold'] === true && options['revoke'] === true) {
    throw usageError('--hold or --revoke, not both: a hold can be followed by a revocation');
  }
  const act = options['hold'] === true ? 'hold' : 'revoke';
  if (act === 'revoke' && options['cause'] !== undefined)
    throw usageError('--cause goes with --hold');
  const reason = options['comment'] ?? `declared by command (${String(options['reason'] ?? act)})`;
  await open(
    client,
    '/compromises',
    {
      ...subject,
      act,
      cause: options['cause'],
      invalidityDate: options['invalidityDate'],
      reasonCode: options['reason'],
    },
    { ...options, reason },
    `${act} all of them`,
  );
}

/**
 * Shows what is reached, asks, opens, and watches the act. The number that was shown is the number that
 * is affected: when the inventory has changed meanwhile, the server refuses.
 */
export async function open(
  client: Client,
  path: string,
  subject: Readonly<Record<string, unknown>>,
  options: Options,
  what: string,
): Promise<void> {
  const json = options['json'] === true;
  const preview = { ...subject, dryRun: true };
  const radius = (
    await client.call({ method: 'POST', path, body: preview })
  ).json() as BlastRadiusJson;
  if (options['dryRun'] === true && json) {
    printJson(radius);
    return;
  }
  if (!json) printBlastRadius(radius);
  const { certificates } = radius.reach;
  if (options['dryRun'] === true) {
    print(`\n${certificates} certificates are affected; nothing was changed`);
    return;
  }
  await confirm(certificates, options, what);
  const answer = await client.call({
    method: 'POST',
    path,
    body: {
      ...subject,
      reason: options['reason'],
      renewWithin: options['renewWithin'],
      explanationUrl: options['explanationUrl'],
      drill: options['drill'] === true,
      expectedCount: certificates,
    },
  });
  const opened = answer.json() as IncidentStatusJson;
  if (!json) print(`\nincident ${opened.id}`);
  printStatus(await followIncident(client, opened, 'acted'), json);
}

/** On a terminal by a question, elsewhere by --expect or --yes. @throws CommandError */
async function confirm(certificates: number, options: Options, what: string): Promise<void> {
  const expected = options['expect'];
  if (expected !== undefined) {
    if (String(expected) !== String(certificates)) {
      throw new CommandError(
        `${certificates} certificates are affected, not ${String(expected)}: nothing was done; look again with --dry-run`,
      );
    }
    return;
  }
  if (options['yes'] === true) return;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw usageError(
      `${certificates} certificates are affected; say --expect ${certificates}, or --yes, to ${what}`,
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(
      `Write the number of affected certificates (${certificates}) to ${what}: `,
    );
    if (answer.trim() !== String(certificates)) throw new CommandError('nothing was changed');
  } finally {
    terminal.close();
  }
}

/** The content of a file, or what names the key. A private key never leaves this machine. */
function keyOf(argument: string): string {
  if (!existsSync(argument)) return argument;
  const pem = readFileSync(argument, 'utf8');
  if (pem.includes('PRIVATE KEY')) {
    throw usageError(
      `${argument} holds a private key, which is not sent anywhere; give its certificate, or its public key: openssl pkey -in ${argument} -pubout`,
    );
  }
  const [block] =
    /-----BEGIN (CERTIFICATE|PUBLIC KEY)-----[\s\S]*?-----END \1-----/.exec(pem) ?? [];
  if (block === undefined) {
    throw usageError(`${argument} holds neither a certificate nor a public key in PEM`);
  }
  return block;
}
