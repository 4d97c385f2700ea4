import type { Command } from 'commander';
import { CommandError } from './exit.ts';
import { print, printJson } from './output.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** init and database: they open the tokens and the database on this machine. */
export function localCommands(program: Command, environment: Environment): void {
  program
    .command('init')
    .description(
      'make what a first start needs: configuration, tokens, database schema, root, issuing CA, first administrator; safe to run again',
    )
    .action(async () => {
      // Loaded here alone: everyday commands are clients of REST and start without them.
      const { initialiseInstallation } = await import('./initialise.ts');
      const { withDatabase } = await import('./with-database.ts');
      await withDatabase(environment, async (complete) => initialiseInstallation(complete, print));
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
      const report = await withDatabase(environment, async (complete) =>
        verifyDatabase(complete, process.stderr.isTTY ? process.stderr : undefined),
      );
      if (options.json === true) {
        printJson(report);
      } else {
        for (const finding of report.findings) {
          print(`${finding.object}: ${finding.problem}`);
        }
        print(
          `${report.certificates} certificates, ${report.statusChanges} status changes, ${report.crls} CRLs, ${report.auditRecords} audit records: ${report.findings.length === 0 ? 'all agree' : `${report.findings.length} findings`}`,
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
}
