import type { Command } from 'commander';
import {
  type CertificateJson,
  certificateOf,
  printCertificate,
  shownStatus,
  text,
} from './certificate-text.ts';
import { Client } from './client.ts';
import { addFilters } from './filters.ts';
import { print, printJson, printTable } from './output.ts';
import { parseLimit } from './values.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** list, show, history. */
export function inventoryCommands(program: Command, environment: Environment): void {
  const client = (): Client => new Client(environment);

  addFilters(program.command('list').description('search the inventory'))
    .option('--issuer <name>', 'only of this issuer')
    .option('--limit <n>', 'rows a page, at most 1000', parseLimit, '100')
    .option('--cursor <c>', 'the page after; printed at the end of a page')
    .option('--json', 'print the REST representation')
    .action(async (options: Record<string, string | boolean | undefined>) => {
      const { json, ...filters } = options;
      const answer = await client().call({
        method: 'GET',
        path: '/certificates',
        query: filters as Record<string, string>,
      });
      const page = answer.json() as {
        readonly items: readonly CertificateJson[];
        readonly next: string | null;
      };
      if (json === true) {
        printJson(page);
        return;
      }
      printTable(
        ['serialNumber', 'status', 'notAfter', 'profile', 'owner', 'subject and names'],
        page.items.map((item) => [
          item.serialNumber,
          shownStatus(item),
          item.notAfter,
          item.profile,
          item.owner,
          [item.subject, ...item.names].filter((part) => part !== '').join(' '),
        ]),
      );
      if (page.next !== null) {
        print(`more: --cursor ${page.next}`);
      }
    });

  const one = (name: string, description: string): Command =>
    program
      .command(name)
      .description(description)
      .argument('<serial>', 'serial number in hex; case, colons and leading zeros don’t matter')
      .option('--issuer <name>', 'needed when two issuers share the serial number')
      .option('--json', 'print the REST representation');

  one('show', 'one certificate in full').action(
    async (serial: string, options: Record<string, string | boolean | undefined>) => {
      const answer = await client().call({
        method: 'GET',
        path: `/certificates/${encodeURIComponent(serial)}`,
        query: { issuer: text(options['issuer']) },
      });
      const value = answer.json();
      if (options['json'] === true) {
        printJson(value);
        return;
      }
      printCertificate(certificateOf(value));
    },
  );

  one('history', 'every change of a certificate’s status').action(
    async (serial: string, options: Record<string, string | boolean | undefined>) => {
      const answer = await client().call({
        method: 'GET',
        path: `/certificates/${encodeURIComponent(serial)}/history`,
        query: { issuer: text(options['issuer']) },
      });
      const page = answer.json() as {
        readonly items: readonly Record<string, string | undefined>[];
      };
      if (options['json'] === true) {
        printJson(page);
        return;
      }
      printTable(
        ['effectiveAt', 'act', 'reason or cause', 'by', 'until', 'comment'],
        page.items.map((item) => [
          item['effectiveAt'] ?? '',
          item['act'] ?? '',
          [item['reasonCode'], item['cause']].filter((part) => part !== undefined).join(' '),
          item['requestedBy'] ?? '',
          item['until'] === undefined ? '' : `${item['until']} then ${item['then'] ?? ''}`,
          item['comment'] ?? '',
        ]),
      );
    },
  );
}
