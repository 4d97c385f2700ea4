import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { type CeremonyKind, ceremonyKinds } from '../../../src/authority/index.ts';
import { CommandError, usageError } from '../exit.ts';
import { print, printJson, printTable } from '../output.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** ceremony: plan, run and list open database and tokens on this machine; verify and template need neither. */
export function ceremonyCommands(program: Command, environment: Environment): void {
  const ceremony = program
    .command('ceremony')
    .description(
      'key ceremonies from one YAML file: what custodians and witnesses make together, with a signed transcript (docs/ceremonies.md)',
    );
  ceremony
    .command('template')
    .argument('<kind>', ceremonyKinds.join(', '))
    .description('print a commented ceremony file of that kind')
    .action((kind: string) => {
      process.stdout.write(templateOf(kind));
    });
  ceremony
    .command('plan')
    .argument('<file>', 'the ceremony as YAML')
    .option('--json', 'print the plan, its hash and what is wrong as JSON')
    .description('lint a ceremony and show what it would make; opens no token, changes nothing')
    .action(async (file: string, options: { readonly json?: boolean }) => {
      const { planHere } = await import('./run.ts');
      const { planText } = await import('./plan-text.ts');
      const { withDatabase } = await import('../with-database.ts');
      const planned = await withDatabase(environment, async (complete) => planHere(complete, file));
      if (options.json === true) printJson(planned);
      else for (const line of planText(planned)) print(line);
      if (planned.findings.length > 0) throw new CommandError('the ceremony is refused as it is');
    });
  ceremony
    .command('run')
    .argument('<file>', 'the ceremony as YAML')
    .option('--transcript <file>', 'where the transcript goes; default NAME-TIME.transcript here')
    .option(
      '--plan <hash>',
      'the SHA-256 of the plan that was approved beforehand, or its beginning',
    )
    .option(
      '--answers <file>',
      'answers from a YAML file, for rehearsals elsewhere: all is made as declared; the transcript says so',
    )
    .description('walk custodians and witnesses through a ceremony; leaves a signed transcript')
    .addHelpText(
      'after',
      `
Example:
  chancery ceremony template root > root.yaml      # edit it
  chancery ceremony plan root.yaml                 # circulate the plan and its hash
  chancery ceremony run root.yaml --plan 3f2a91bc0d5e`,
    )
    .action(
      async (
        file: string,
        options: {
          readonly transcript?: string;
          readonly plan?: string;
          readonly answers?: string;
        },
      ) => {
        const { runHere } = await import('./run.ts');
        const { withDatabase } = await import('../with-database.ts');
        await withDatabase(environment, async (complete) => runHere(complete, file, options));
      },
    );
  ceremony
    .command('verify')
    .argument('<transcript>')
    .option(
      '--trust <file...>',
      'PEM: the root that certificates must lead to, the public key that signs transcripts',
    )
    .option('--json', 'print the verdict as JSON')
    .description('check a transcript offline: no configuration, database or token is needed')
    .action(
      async (
        transcript: string,
        options: { readonly trust?: readonly string[]; readonly json?: boolean },
      ) => {
        const { verdictText, verifyFile } = await import('./verify.ts');
        const verdict = verifyFile(transcript, options.trust ?? []);
        if (options.json === true) printJson(verdict);
        else for (const line of verdictText(verdict)) print(line);
        if (!verdict.valid) throw new CommandError(`${transcript} is not valid`);
      },
    );
  ceremony
    .command('list')
    .option('--json', 'print the records as JSON')
    .description(
      'the ceremonies that were held, newest first, with the hashes of their transcripts',
    )
    .action(async (options: { readonly json?: boolean }) => {
      const { listHere } = await import('./list.ts');
      const { withDatabase } = await import('../with-database.ts');
      const items = await withDatabase(environment, async (complete) => listHere(complete));
      if (options.json === true) {
        printJson({ items, next: null });
        return;
      }
      printTable(
        ['at', 'name', 'kind', 'outcome', 'transcript SHA-256'],
        items.map(({ at, name, kind, outcome, transcriptSha256 }) =>
          [at, name, kind, outcome, transcriptSha256].map(String),
        ),
      );
    });
}

/** The samples of the documentation are the templates. */
function templateOf(kind: string): string {
  if (!ceremonyKinds.includes(kind as CeremonyKind)) {
    throw usageError(`there is no ceremony ${kind}; one of ${ceremonyKinds.join(', ')}`);
  }
  return readFileSync(new URL(`../../../docs/ceremonies/${kind}.yaml`, import.meta.url), 'utf8');
}
