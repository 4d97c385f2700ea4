import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from './client.ts';
import { CommandError, exitCodes } from './exit.ts';
import { print, printJson, printTable } from './output.ts';
import { progressBar } from './progress-bar.ts';
import { list } from './rows.ts';

export interface BulkCounts {
  readonly items: number;
  readonly pending: number;
  readonly done: number;
  readonly refused: number;
  readonly skipped: number;
}

/** A job as REST shows it. */
export interface BulkJobJson {
  readonly id: string;
  readonly act: string;
  readonly state: 'planned' | 'running' | 'stopped' | 'done';
  readonly counts: BulkCounts;
  readonly requestedBy: string;
  readonly requestedAt: string;
  readonly startedAt?: string;
  readonly endedAt?: string;
}

/** What has been done, in the words of the acts. */
export const doneWords: Readonly<Record<string, string>> = {
  revoke: 'revoked',
  hold: 'put on hold',
  release: 'released',
  describe: 'changed',
};

/** Refused certificates that are shown at the end; `job show` has them all. */
const shownRefusals = 20;
/** A CA that is started again, or a node that takes over, is back before this. */
const patienceMilliseconds = 60_000;
const lineMilliseconds = 5000;

/** @throws CommandError while the server does not answer, or refuses */
export async function findJob(client: Client, id: string): Promise<BulkJobJson> {
  const answer = await client.call({ method: 'GET', path: `/bulk-jobs/${encodeURIComponent(id)}` });
  return answer.json() as BulkJobJson;
}

/**
 * Watches a job to its end, with a bar on a terminal and lines elsewhere, and prints what it did.
 * Control-C ends the watching only.
 *
 * @throws CommandError when it was stopped, or certificates were refused
 */
export async function followJob(client: Client, first: BulkJobJson, json: boolean): Promise<void> {
  if (!json) print(`job ${first.id}`);
  const leave = (): void => {
    process.stderr.write(
      `\nThe job goes on without this command.\n  look:  chancery job show ${first.id}\n  watch: chancery job resume ${first.id}\n  stop:  chancery job stop ${first.id}\n`,
    );
    process.exit(exitCodes.failed);
  };
  process.once('SIGINT', leave);
  const shown = progress(first);
  let job = first;
  try {
    job = await toTheEnd(client, first, shown.update);
  } finally {
    shown.stop();
    process.off('SIGINT', leave);
  }
  await report(client, job, json);
}

async function toTheEnd(
  client: Client,
  first: BulkJobJson,
  update: (job: BulkJobJson) => void,
): Promise<BulkJobJson> {
  let job = first;
  let answered = performance.now();
  let pause = 100;
  while (job.state === 'planned' || job.state === 'running') {
    await delay(pause);
    pause = Math.min(1000, pause * 1.5);
    try {
      job = await findJob(client, first.id);
      answered = performance.now();
    } catch (error) {
      const away = error instanceof CommandError && error.exitCode === exitCodes.unreachable;
      if (!away || performance.now() - answered > patienceMilliseconds) throw error;
    }
    update(job);
  }
  return job;
}

function progress(first: BulkJobJson): {
  update(job: BulkJobJson): void;
  stop(): void;
} {
  const settled = ({ counts }: BulkJobJson): number => counts.items - counts.pending;
  if (process.stderr.isTTY) {
    const format = '{bar} {value} of {total} certificates, {duration_formatted}';
    const bar = progressBar(format, first.counts.items);
    bar.update(settled(first));
    return { update: (job) => bar.update(settled(job)), stop: () => bar.stop() };
  }
  let said = performance.now();
  return {
    update: (job) => {
      if (performance.now() - said < lineMilliseconds) return;
      said = performance.now();
      process.stderr.write(`${settled(job)} of ${job.counts.items} certificates\n`);
    },
    stop: () => undefined,
  };
}

async function report(client: Client, job: BulkJobJson, json: boolean): Promise<void> {
  const { counts } = job;
  if (json) {
    printJson(job);
  } else {
    print(summary(job));
    if (counts.refused > 0) await printRefusals(client, job);
  }
  if (job.state === 'stopped') {
    throw new CommandError(
      `the job was stopped with ${counts.pending} of ${counts.items} certificates left; \`chancery job resume ${job.id}\` goes on`,
    );
  }
  if (counts.refused > 0) {
    throw new CommandError(
      `${counts.refused} of ${counts.items} certificates were refused; \`chancery job show ${job.id} --items refused\` lists them`,
    );
  }
}

/** One line: what became of how many. */
export function summary({ act, counts }: BulkJobJson): string {
  const parts = [
    [counts.done, doneWords[act] ?? 'done'],
    [counts.refused, 'refused'],
    [counts.skipped, 'already so'],
    [counts.pending, 'left'],
  ] as const;
  const said = parts.filter(([count], index) => count > 0 || index === 0);
  return `${counts.items} certificates: ${said.map(([count, word]) => `${count} ${word}`).join(', ')}`;
}

async function printRefusals(client: Client, job: BulkJobJson): Promise<void> {
  const page = await list(client, `/bulk-jobs/${job.id}/items`, {
    state: 'refused',
    limit: String(shownRefusals),
  });
  printTable(
    ['refused', 'why'],
    page.items.map((item) => [String(item['serialNumber']), String(item['reason'])]),
  );
}
