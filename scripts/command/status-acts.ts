import { type Command, Option } from 'commander';
import { actOnMany } from './bulk.ts';
import { addSelection, selectionOf } from './bulk-selection.ts';
import { type CertificateJson, certificateOf, statusLine, text } from './certificate-text.ts';
import { Client } from './client.ts';
import { usageError } from './exit.ts';
import { print, printJson } from './output.ts';
import { parseReason, parseTime } from './values.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Options = Readonly<Record<string, string | boolean | undefined>>;

/** revoke, hold, release. */
export function statusCommands(program: Command, environment: Environment): void {
  const client = (): Client => new Client(environment);

  const act = (name: string, description: string): Command =>
    addSelection(program.command(name).description(description))
      .option('--comment <text>', 'kept in the history')
      .addHelpText(
        'after',
        `
Of many, by --from or --where, the count is shown first; they become a job that the CA works off, also
when this command ends. Examples:
  chancery ${name} 1a328fd15346487ab78b${name === 'revoke' ? ' --reason superseded' : ''}
  chancery ${name} --where --owner team-a${name === 'revoke' ? ' --reason superseded' : ''} --dry-run`,
      );

  act('revoke', 'revoke certificates for good')
    .option(
      '--reason <code>',
      'keyCompromise, superseded, cessationOfOperation, affiliationChanged, privilegeWithdrawn, cACompromise, aACompromise or unspecified',
      parseReason,
    )
    .option(
      '--invalidity-date <t>',
      'since when the key is believed compromised (RFC 3339 with Z)',
      parseTime,
    )
    .action(async (serials: readonly string[], options: Options) => {
      const selection = selectionOf(serials, options);
      if (selection.kind !== 'resume' && options['reason'] === undefined) {
        throw usageError('say why: --reason keyCompromise, superseded, cessationOfOperation …');
      }
      const parameters = {
        reasonCode: options['reason'],
        invalidityDate: options['invalidityDate'],
        comment: options['comment'],
      };
      if (selection.kind !== 'one') {
        await actOnMany(client(), { act: 'revoke', parameters, options }, selection);
        return;
      }
      const serial = selection.serialNumber;
      const answer = await client().call({
        method: 'POST',
        path: `/certificates/${encodeURIComponent(serial)}/revoke`,
        query: { issuer: text(options['issuer']) },
        body: parameters,
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

  act('hold', 'suspend certificates; they can be released again')
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
    .action(async (serials: readonly string[], options: Options) => {
      if ((options['until'] === undefined) !== (options['then'] === undefined)) {
        throw usageError(
          '--until and --then belong together: say when the hold ends and what happens then',
        );
      }
      await statusAct('hold', serials, options, {
        cause: options['cause'],
        until: options['until'],
        then: options['then'],
      });
    });

  act('release', 'end holds: the certificates are good again').action(
    async (serials: readonly string[], options: Options) => {
      await statusAct('release', serials, options, {});
    },
  );

  async function statusAct(
    name: 'hold' | 'release',
    serials: readonly string[],
    options: Options,
    body: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    const parameters = { ...body, comment: options['comment'] };
    const selection = selectionOf(serials, options);
    if (selection.kind !== 'one') {
      await actOnMany(client(), { act: name, parameters, options }, selection);
      return;
    }
    const answer = await client().call({
      method: 'POST',
      path: `/certificates/${encodeURIComponent(selection.serialNumber)}/${name}`,
      query: { issuer: text(options['issuer']) },
      body: parameters,
    });
    const result = answer.json();
    if (options['json'] === true) {
      printJson(result);
    } else {
      print(statusLine(certificateOf(result)));
    }
  }
}
