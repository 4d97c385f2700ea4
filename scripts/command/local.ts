import type { Command } from 'commander';
import { acceptRestore } from '../../src/authority/index.ts';
import { compose } from '../../src/composition.ts';
import { loadConfiguration } from '../../src/config/index.ts';
import { defaultTenant, type Principal, permissions } from '../../src/domain/index.ts';
import { createLogger } from '../../src/telemetry/index.ts';
import { CommandError } from './exit.ts';
import { initialiseInstallation } from './initialise.ts';
import { print, printJson } from './output.ts';
import { verifyDatabase } from './verify-database.ts';
import { withDatabase } from './with-database.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Who acts in the audit log when an operator works on the machine itself, without REST. */
const operator: Principal = {
  id: 'local-operator',
  name: 'local-operator',
  role: 'system',
  tenant: defaultTenant,
  permissions: new Set(permissions),
};

/** init and database: they open the tokens and the database on this machine. */
export function localCommands(program: Command, environment: Environment): void {
  program
    .command('init')
    .description(
      'make what a first start needs: configuration, tokens, database schema, root, issuing CA, first administrator; safe to run again',
    )
    .action(async () => {
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
    .action(async () => {
      await withDatabase(environment, async (complete) => {
        const configuration = loadConfiguration(complete);
        const composition = await compose(
          configuration,
          createLogger({ level: 'error', process: 'command' }),
        );
        try {
          const { installation, previousPrefix } = await acceptRestore(
            composition.dependencies,
            operator,
          );
          print(
            `serial number prefix ${previousPrefix} is given up, ${installation.serialPrefix} is used from now on; start the CA again`,
          );
        } finally {
          await composition.close();
        }
      });
    });
}
