import { type Command, Option } from 'commander';
import { type CertificateJson, certificateOf, statusLine, text } from './certificate-text.ts';
import { Client } from './client.ts';
import { usageError } from './exit.ts';
import { print, printJson } from './output.ts';
import { parseReason, parseTime } from './values.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** revoke, hold, release. */
export function statusCommands(program: Command, environment: Environment): void {
  const client = (): Client => new Client(environment);

  const act = (name: string, description: string): Command =>
    program
      .command(name)
      .description(description)
      .argument('<serial>', 'serial number in hex; case, colons and leading zeros don’t matter')
      .option('--issuer <name>', 'needed when two issuers share the serial number')
      .option('--comment <text>', 'kept in the history')
      .option('--json', 'print the REST representation');

  act('revoke', 'revoke a certificate for good')
    .requiredOption(
      '--reason <code>',
      'keyCompromise, superseded, cessationOfOperation, affiliationChanged, privilegeWithdrawn, cACompromise, aACompromise or unspecified',
      parseReason,
    )
    .option(
      '--invalidity-date <t>',
      'since when the key is believed compromised (RFC 3339 with Z)',
      parseTime,
    )
    .action(async (serial: string, options: Record<string, string | boolean | undefined>) => {
      const answer = await client().call({
        method: 'POST',
        path: `/certificates/${encodeURIComponent(serial)}/revoke`,
        query: { issuer: text(options['issuer']) },
        body: {
          reasonCode: options['reason'],
          invalidityDate: options['invalidityDate'],
          comment: options['comment'],
        },
      });
      const result = answer.json() as {
        readonly certificate: CertificateJson;
        readonly alsoRevoked: readonly CertificateJson[];
      };
      if (options['json'] === true) {
        printJson(result);
        return;
      }
      print(statusLine(result.certificate));
      for (const other of result.alsoRevoked) {
        print(`same key: ${statusLine(other)}`);
      }
    });

  act('hold', 'suspend a certificate; it can be released again')
    .addOption(
      new Option('--cause <cause>', 'why').choices([
        'keyStatusUnknown',
        'ownerUnavailable',
        'investigation',
        'other',
      ]),
    )
    .option(
      '--until <t>',
      'when the hold ends by itself (RFC 3339 with Z); needs --then',
      parseTime,
    )
    .addOption(
      new Option('--then <end>', 'what happens at --until').choices(['release', 'revoke', 'alarm']),
    )
    .action(async (serial: string, options: Record<string, string | boolean | undefined>) => {
      if ((options['until'] === undefined) !== (options['then'] === undefined)) {
        throw usageError(
          '--until and --then belong together: say when the hold ends and what happens then',
        );
      }
      await statusAct('hold', serial, options, {
        cause: options['cause'],
        until: options['until'],
        then: options['then'],
      });
    });

  act('release', 'end a hold: the certificate is good again').action(
    async (serial: string, options: Record<string, string | boolean | undefined>) => {
      await statusAct('release', serial, options, {});
    },
  );

  async function statusAct(
    name: string,
    serial: string,
    options: Record<string, string | boolean | undefined>,
    body: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    const answer = await client().call({
      method: 'POST',
      path: `/certificates/${encodeURIComponent(serial)}/${name}`,
      query: { issuer: text(options['issuer']) },
      body: { ...body, comment: options['comment'] },
    });
    const result = answer.json();
    if (options['json'] === true) {
      printJson(result);
    } else {
      print(statusLine(certificateOf(result)));
    }
  }
}
