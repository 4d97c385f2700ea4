import { Command, CommanderError } from 'commander';
import { isChanceryError } from '../../src/domain/index.ts';
import { accessCommands } from './access.ts';
import { acmeCommands } from './acme.ts';
import { administrationCommands } from './administration.ts';
import { certificateCommands } from './certificates.ts';
import { compromiseCommands } from './compromise.ts';
import { CommandError, exitCodes } from './exit.ts';
import { exportCommand } from './export.ts';
import { importCommand } from './import.ts';
import { incidentCommands } from './incidents.ts';
import { inventoryCommands } from './inventory.ts';
import { jobCommands } from './jobs.ts';
import { keyCommands } from './keys.ts';
import { localCommands } from './local.ts';
import { ocspCommands } from './ocsp/commands.ts';
import { purgeCommands } from './purge.ts';
import { reportCommands } from './report/commands.ts';
import { statusCommands } from './status-acts.ts';

const environment = process.env;
const program = new Command('chancery')
  .description(
    'Commands of the Chancery certificate authority. They speak REST to a running server; only init, ceremony, database, node and token work on the machine itself, and ocsp staple asks a responder alone.',
  )
  .version('0.1.0')
  .addHelpText(
    'after',
    `
Environment, when not the defaults of quickstart on this machine:
  CHANCERY_URL                  the server; https://localhost:$CHANCERY_HTTPS_PORT
  CHANCERY_CERT, CHANCERY_KEY   client certificate and key; admin/ in $CHANCERY_DATA
  CHANCERY_TOKEN_FILE           a bearer token instead
  CHANCERY_TRUST                the root to trust; trust/root.pem in $CHANCERY_DATA

Exit status: 0 done, 1 refused or failed, 2 usage, 3 server or token not reachable.`,
  )
  .showHelpAfterError('(--help shows the options)')
  .exitOverride();
certificateCommands(program, environment);
statusCommands(program, environment);
inventoryCommands(program, environment);
importCommand(program, environment);
jobCommands(program, environment);
compromiseCommands(program, environment);
incidentCommands(program, environment);
exportCommand(program, environment);
purgeCommands(program, environment);
administrationCommands(program, environment);
accessCommands(program, environment);
acmeCommands(program, environment);
keyCommands(program, environment);
ocspCommands(program, environment);
reportCommands(program, environment);
localCommands(program, environment);
for (const command of everyCommand(program)) {
  command.exitOverride();
}

// Whoever read our output has gone (`chancery list | head`): nothing is left to say.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});
process.exitCode = await run();

/** @returns the exit code; every failure is one message on standard error */
async function run(): Promise<number> {
  try {
    await program.parseAsync(process.argv);
    return exitCodes.done;
  } catch (error) {
    if (error instanceof CommanderError) {
      // commander has printed the message; help and version are no errors.
      return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    }
    process.stderr.write(`chancery: ${describe(error)}\n`);
    if (error instanceof CommandError) {
      return error.exitCode;
    }
    if (isChanceryError(error)) {
      return error.code.endsWith('Unavailable') ? exitCodes.unreachable : exitCodes.failed;
    }
    return exitCodes.failed;
  }
}

function describe(error: unknown): string {
  if (error instanceof CommandError || isChanceryError(error)) {
    return error.message;
  }
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR') {
    return `${path ?? 'a file'} can't be read (${code})`;
  }
  return error instanceof Error ? message : String(error);
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap((child) => everyCommand(child))];
}
