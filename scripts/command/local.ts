import type { Command } from 'commander';
import { ceremonyCommands } from './ceremony/commands.ts';
import { CommandError } from './exit.ts';
import { print, printFields, printJson } from './output.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** init, ceremony, database, node and token: they open the tokens and the database on this machine. */
export function localCommands(program: Command, environment: Environment): void {
  program
    .command('init')
    .description(
      'make what a first start needs: configuration, tokens, database schema, root, issuing CA, first administrator; safe to run again',
    )
    .option(
      '--before-ceremony',
      'stop before the first key: root and issuing CA are made in ceremonies (docs/ceremonies.md)',
    )
    .action(async (options: { readonly beforeCeremony?: boolean }) => {
      // Loaded here alone: everyday commands are clients of REST and start without them.
      const { initialiseInstallation } = await import('./initialise.ts');
      const { withDatabase } = await import('./with-database.ts');
      await withDatabase(environment, async (complete) =>
        initialiseInstallation(complete, print, options),
      );
    });

  const database = program.command('database').description('the inventory on this machine');
  database
    .command('verify')
    .description(
      'compare every column with its DER, every signature, state and number; changes nothing',
    )
    .option('--json', 'print the findings as JSON')
    .action(async (options: { readonly json?: boolean }) => {
      const { verifyDatabase } = await import('./verify-database.ts');
      const { withDatabase } = await import('./with-database.ts');
      const report = await withDatabase(environment, async (complete) => verifyDatabase(complete));
      if (options.json === true) {
        printJson(report);
      } else {
        for (const finding of report.findings) {
          print(`${finding.object}: ${finding.problem}`);
        }
        print(
          `${report.certificates} certificates, ${report.statusChanges} status changes, ${report.crls} CRLs, ${report.keys} keys, ${report.auditRecords} audit records: ${report.findings.length === 0 ? 'all agree' : `${report.findings.length} findings`}`,
        );
      }
      if (report.findings.length > 0) {
        throw new CommandError('the database does not agree with itself; see the lines above');
      }
    });

  database
    .command('accept-restore')
    .description(
      'after restoring a backup: draw a new serial number prefix, so that no serial number comes twice',
    )
    .option(
      '--record-published',
      'take over what the published CRLs prove and the restored database does not know',
    )
    .action(async (options: { readonly recordPublished?: boolean }) => {
      const { acceptRestoreHere } = await import('./accept-restore.ts');
      const { withDatabase } = await import('./with-database.ts');
      print(
        await withDatabase(environment, async (complete) =>
          acceptRestoreHere(complete, { recordPublished: options.recordPublished === true }),
        ),
      );
    });

  rehearseCommand(database, environment);
  ceremonyCommands(program, environment);
  nodeCommands(program, environment);

  const token = program.command('token').description('the PKCS#11 tokens on this machine');
  token
    .command('show')
    .argument('<token>', 'root, issuing or responder')
    .option('--json', 'print the report as JSON')
    .description('what the token is, its keys, and keys that wait for an operator')
    .action(async (role: string, options: { readonly json?: boolean }) => {
      const { showToken } = await import('./token.ts');
      const report = await showToken(environment, role);
      if (options.json === true) {
        printJson(report);
        return;
      }
      printFields([
        ['label', report.label],
        ['serialNumber', report.serialNumber],
        ['maker and model', `${report.manufacturer}, ${report.model}`],
        ['hardware', report.hardware ? 'yes' : 'no: software, not validated'],
        ['keys', report.keyIds],
        ['blocked', report.blockedKeys.map(({ keyId, reason }) => `${keyId} (${reason})`)],
        ...(report.standby === undefined
          ? []
          : ([
              ['standby', `${report.standby.label}, ${report.standby.serialNumber}`],
              [
                'standby: maker and model',
                `${report.standby.manufacturer}, ${report.standby.model}`,
              ],
              [
                'standby: hardware',
                report.standby.hardware ? 'yes' : 'no: software, not validated',
              ],
              ['standby: keys', report.standby.keyIds],
            ] as const)),
      ]);
    });
  token
    .command('failover-drill')
    .argument('<token>', 'root, issuing or responder')
    .requiredOption('--reason <text>', 'why the drill is held; kept with its record')
    .option('--json', 'print the record of the drill as JSON')
    .description(
      'compare the standby’s keys with the inventory, end the first token’s signer process, see the standby sign and the first come back; the record is kept as evidence. A CA that runs is not disturbed',
    )
    .action(async (role: string, options: { readonly reason: string; readonly json?: boolean }) => {
      const { drillFailover } = await import('./token.ts');
      const drill = await drillFailover(environment, role, options.reason);
      if (options.json === true) {
        printJson(drill);
      } else {
        const { first, standby } = drill.tokens;
        printFields([
          ['outcome', drill.outcome],
          [
            'first',
            `${first.label}, ${first.serialNumber} (${first.manufacturer}, ${first.model})`,
          ],
          [
            'standby',
            `${standby.label}, ${standby.serialNumber} (${standby.manufacturer}, ${standby.model})`,
          ],
          ['taken over after', milliseconds(drill.takeoverMilliseconds)],
          ['first signed again after', milliseconds(drill.failBackMilliseconds)],
          ['keys compared', String(drill.keys.length)],
          ['findings', drill.findings],
        ]);
      }
      if (drill.outcome === 'failed') {
        throw new CommandError(
          `the drill of the ${role} token failed: ${drill.findings.length} ${drill.findings.length === 1 ? 'finding' : 'findings'}, on record as evidence; mend what was found and hold it again`,
        );
      }
    });
  token
    .command('clear-block')
    .argument('<token>', 'root, issuing or responder')
    .argument('<key>', 'its CKA_ID in hex, as `token show` prints it')
    .description(
      'let a key sign again that was blocked after a wrong signature; then restart the process that uses it',
    )
    .action(async (role: string, keyId: string) => {
      const { clearBlockedKey } = await import('./token.ts');
      await clearBlockedKey(environment, role, keyId.toLowerCase());
      print(`key ${keyId} may sign again after the process that uses it is restarted`);
    });
  token
    .command('retry-pin')
    .argument('<token>', 'root, issuing or responder')
    .description(
      'allow one more try of a PIN that the token refused; a changed PIN file is tried anyway',
    )
    .action(async (role: string) => {
      const { retryPin } = await import('./token.ts');
      retryPin(environment, role);
      print(`the PIN of the ${role} token is tried again`);
    });
  token
    .command('replace')
    .argument('<token>', 'root, issuing or responder')
    .description(
      'put an empty token in the place of one that is lost for good; its keys don’t come back',
    )
    .action(async (role: string) => {
      const { replaceLostToken } = await import('./token.ts');
      await replaceLostToken(environment, role, print);
      print(`the ${role} token is new and empty but for its self-test key`);
    });
}

function rehearseCommand(database: Command, environment: Environment): void {
  database
    .command('rehearse')
    .description(
      "run this version's migrations on a copy of the present database, verify it and drop it; the CA may go on working",
    )
    .option('--keep', 'leave the copy (schema …_rehearsal) for a look')
    .option('--json', 'print the report as JSON')
    .action(async (options: { readonly keep?: boolean; readonly json?: boolean }) => {
      const { rehearseHere } = await import('./rehearse-database.ts');
      const { withDatabase } = await import('./with-database.ts');
      const report = await withDatabase(environment, async (complete) =>
        rehearseHere(complete, options.keep === true),
      );
      if (options.json === true) printJson(report);
      else {
        for (const finding of report.findings) print(finding);
        const rows = report.tables.reduce((sum, table) => sum + table.rows, 0);
        print(
          `${rows} rows (${Math.ceil(report.octets / 1e6)} MB with indexes) copied in ${report.copySeconds} s`,
        );
        for (const { name, seconds } of report.migrations) print(`${name}: ${seconds} s`);
        if (report.migrations.length === 0) print('no migration is missing');
        if (options.keep === true) print(`the copy is kept: schema ${report.copy}`);
      }
      if (report.findings.length > 0) {
        throw new CommandError(
          `the rehearsal found ${report.findings.length} things wrong; do not upgrade before they are understood`,
        );
      }
    });
}

function nodeCommands(program: Command, environment: Environment): void {
  const node = program.command('node').description('further CA processes and responders');
  node
    .command('join')
    .description(
      'let a CA process with a node folder of its own (CHANCERY_NODE_FOLDER) work on this database',
    )
    .option(
      '--after-restore',
      'the folder is of this installation; a restore was accepted on another node',
    )
    .action(async (options: { readonly afterRestore?: boolean }) => {
      const { joinHere } = await import('./node.ts');
      const { withDatabase } = await import('./with-database.ts');
      print(
        await withDatabase(environment, async (complete) =>
          joinHere(complete, { afterRestore: options.afterRestore === true }),
        ),
      );
    });
  node
    .command('prepare-responder')
    .argument('<name>', 'of its principal')
    .description(
      'make the token and the client key of one more responder, and the request for its certificate',
    )
    .action(async (name: string) => {
      const { prepareResponderHere } = await import('./node.ts');
      print(await prepareResponderHere(environment, name, print));
    });
}

function milliseconds(value: number | undefined): string {
  return value === undefined ? 'never' : `${value} ms`;
}
