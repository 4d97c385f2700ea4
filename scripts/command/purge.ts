import type { Command } from 'commander';
import { Client } from './client.ts';
import { print, printJson, printTable } from './output.ts';
import { parseTime } from './values.ts';

type Environment = Readonly<Record<string, string | undefined>>;

interface PurgeAnswer {
  readonly dryRun: boolean;
  readonly classes: readonly {
    readonly retentionClass: string;
    readonly notAfterBefore: string;
    readonly certificates: number;
  }[];
  readonly droppedPartitions: number;
  readonly complete: boolean;
}

/** Certificates that one request counts or purges: an answer comes within seconds. */
const aRequest = { dryRun: 100_000, purge: 5000 } as const;

/** inventory purge. */
export function purgeCommands(program: Command, environment: Environment): void {
  program
    .command('inventory')
    .description('the inventory as a whole')
    .command('purge')
    .description(
      'take contents and bytes of certificates away that expired longer ago than their retention class says',
    )
    .option(
      '--before <t>',
      'of that, only what expired before this moment (RFC 3339 with Z)',
      parseTime,
    )
    .option('--dry-run', 'count and change nothing')
    .option('--json', 'print the REST representation')
    .addHelpText(
      'after',
      `
Kept for good: serial number, hashes (certificate, TBS, key), validity, type, issuer, status and history.
Classes and durations: inventory.retention in the configuration. Never taken: what has not expired, what is
on hold with a deadline, what is revoked and was not yet on a CRL later than its notAfter. What is taken
can't be had back; --dry-run counts first. Interrupted, it is started again and goes on.`,
    )
    .action(async (options: Record<string, string | boolean | undefined>) => {
      const client = new Client(environment);
      const dryRun = options['dryRun'] === true;
      let sum: PurgeAnswer | undefined;
      do {
        const answer = await client.call({
          method: 'POST',
          path: '/inventory/purge',
          body: {
            ...(options['before'] === undefined ? {} : { before: options['before'] }),
            dryRun,
            limit: dryRun ? aRequest.dryRun : aRequest.purge,
          },
        });
        sum = together(sum, answer.json() as PurgeAnswer);
        if (!dryRun && process.stderr.isTTY) {
          process.stderr.write(`\r${total(sum)} certificates purged${sum.complete ? '\n' : ''}`);
        }
      } while (!dryRun && !sum.complete);
      if (options['json'] === true) {
        printJson(sum);
        return;
      }
      printTable(
        ['retention class', 'expired before', dryRun ? 'would be purged' : 'purged'],
        sum.classes.map((one) => [
          one.retentionClass,
          one.notAfterBefore,
          `${one.certificates}${dryRun && !sum.complete ? ' or more' : ''}`,
        ]),
      );
      if (sum.droppedPartitions > 0) {
        print(`partitions dropped: ${sum.droppedPartitions}`);
      }
    });
}

/** The sum of two answers; moments are those of the later one. */
function together(before: PurgeAnswer | undefined, next: PurgeAnswer): PurgeAnswer {
  return {
    ...next,
    classes: next.classes.map((one) => ({
      ...one,
      certificates:
        one.certificates +
        (before?.classes.find(({ retentionClass }) => retentionClass === one.retentionClass)
          ?.certificates ?? 0),
    })),
    droppedPartitions: next.droppedPartitions + (before?.droppedPartitions ?? 0),
  };
}

function total({ classes }: PurgeAnswer): number {
  return classes.reduce((sum, { certificates }) => sum + certificates, 0);
}
