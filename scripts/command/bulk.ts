import { createInterface } from 'node:readline/promises';
import { type BulkCounts, type BulkJobJson, doneWords, findJob, followJob } from './bulk-follow.ts';
import type { Selection } from './bulk-selection.ts';
import type { Client } from './client.ts';
import { CommandError, usageError } from './exit.ts';
import { print, printJson, printTable } from './output.ts';

interface ForecastJson {
  readonly serialNumber: string;
  readonly subject?: string;
  readonly status?: string;
  readonly notAfter?: string;
  readonly state: string;
  readonly reason?: string;
}

interface PreviewJson {
  readonly counts?: BulkCounts;
  readonly items: readonly ForecastJson[];
  readonly next: string | null;
}

/** An act on many certificates: its parameters, and what was said on the command line. */
export interface BulkAct {
  readonly act: 'revoke' | 'hold' | 'release' | 'describe';
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
}

type Many = Exclude<Selection, { readonly kind: 'one' }>;

/**
 * Shows what would be done (`--dry-run`), goes on with a job (`--resume`), or counts, asks on a
 * terminal, begins and watches. The number that was shown is the number that is changed: when the
 * inventory has changed meanwhile, the server refuses.
 */
export async function actOnMany(
  client: Client,
  { act, parameters, options }: BulkAct,
  selection: Many,
): Promise<void> {
  const json = options['json'] === true;
  if (selection.kind === 'resume') {
    await resumeJob(client, selection.job, json, act);
    return;
  }
  const body = { act, ...parameters, ...selection.body };
  if (options['dryRun'] === true) {
    await dryRun(client, act, body, json);
    return;
  }
  const { counts } = await preview(client, { ...body, limit: 1 });
  if (counts === undefined) throw new CommandError('the server counted nothing');
  const question = `${counts.items} certificates: ${counts.pending} would be ${doneWords[act] ?? 'changed'}, ${counts.refused} refused`;
  if (!json) print(question);
  if (options['yes'] !== true && process.stdin.isTTY && process.stderr.isTTY) {
    await confirm();
  }
  const answer = await client.call({
    method: 'POST',
    path: '/bulk-jobs',
    body: { ...body, expectedCount: counts.items },
  });
  await followJob(client, answer.json() as BulkJobJson, json);
}

/** Goes on with a job that was stopped, and watches it. */
export async function resumeJob(
  client: Client,
  id: string,
  json: boolean,
  act?: BulkAct['act'],
): Promise<void> {
  const job = await findJob(client, id);
  if (act !== undefined && job.act !== act) {
    throw usageError(`job ${id} does ${job.act}, not ${act}; use \`chancery job resume ${id}\``);
  }
  if (job.state !== 'stopped') {
    await followJob(client, job, json);
    return;
  }
  const answer = await client.call({ method: 'POST', path: `/bulk-jobs/${id}/resume` });
  await followJob(client, answer.json() as BulkJobJson, json);
}

async function preview(
  client: Client,
  body: Readonly<Record<string, unknown>>,
): Promise<PreviewJson> {
  const answer = await client.call({
    method: 'POST',
    path: '/bulk-jobs',
    body: { ...body, dryRun: true },
  });
  return answer.json() as PreviewJson;
}

async function dryRun(
  client: Client,
  act: string,
  body: Readonly<Record<string, unknown>>,
  json: boolean,
): Promise<void> {
  const first = await preview(client, { ...body, limit: 1000 });
  const items = [...first.items];
  for (let next = first.next; next !== null; ) {
    const page = await preview(client, { ...body, limit: 1000, cursor: next });
    items.push(...page.items);
    next = page.next;
  }
  if (json) {
    printJson({ ...first, items, next: null });
    return;
  }
  printTable(
    ['serialNumber', 'status', 'notAfter', 'would be', 'subject'],
    items.map((item) => [
      item.serialNumber,
      item.status ?? '',
      item.notAfter ?? '',
      item.state === 'pending' ? (doneWords[act] ?? 'changed') : item.state,
      [item.subject, item.reason].filter((part) => part !== undefined && part !== '').join(': '),
    ]),
  );
  const { counts } = first;
  print(
    `${counts?.items ?? 0} certificates: ${counts?.pending ?? 0} would be ${doneWords[act] ?? 'changed'}, ${counts?.refused ?? 0} refused; nothing was changed`,
  );
}

/** @throws CommandError unless the answer is yes */
async function confirm(): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question('Go on? (yes/no) ');
    if (!/^y(es)?$/i.test(answer.trim())) {
      throw new CommandError('nothing was changed');
    }
  } finally {
    terminal.close();
  }
}
