import { setTimeout as delay } from 'node:timers/promises';
import type { BulkJobJson } from './bulk-follow.ts';
import { summary } from './bulk-follow.ts';
import type { Client } from './client.ts';
import { CommandError, exitCodes } from './exit.ts';
import { print, printFields, printJson } from './output.ts';
import { progressBar } from './progress-bar.ts';

/** An incident with its progress, as REST shows it. */
export interface IncidentStatusJson {
  readonly id: string;
  readonly kind: string;
  readonly state: 'opened' | 'acting' | 'waiting' | 'closed';
  readonly reason: string;
  readonly drill: boolean;
  readonly affected: number;
  readonly reasonCode?: string;
  readonly openedAt: string;
  readonly openedBy: string;
  readonly closedAt?: string;
  readonly closedBy?: string;
  readonly renewFrom: string;
  readonly renewUntil: string;
  readonly reissueBy?: string;
  readonly progress: {
    readonly affected: number;
    readonly good: number;
    readonly onHold: number;
    readonly revoked: number;
    readonly subscribers: number;
    readonly reKeyed: number;
    readonly renewed: number;
    readonly remaining: number;
    readonly percent: number;
    readonly expectedEnd?: string;
  };
  readonly job?: BulkJobJson;
}

/** A CA that is started again, or a node that takes over, is back before this. */
const patienceMilliseconds = 60_000;
const longestPause = 2000;

export async function findIncident(client: Client, id: string): Promise<IncidentStatusJson> {
  const path = `/incidents/${encodeURIComponent(id)}`;
  return (await client.call({ method: 'GET', path })).json() as IncidentStatusJson;
}

/**
 * Watches until the certificates are held or revoked (`acted`), or until every subscriber has
 * replaced theirs (`replaced`). Control-C ends the watching only.
 *
 * @throws CommandError when its job was stopped
 */
export async function followIncident(
  client: Client,
  first: IncidentStatusJson,
  until: 'acted' | 'replaced',
): Promise<IncidentStatusJson> {
  const leave = (): void => {
    process.stderr.write(
      `\nThe incident goes on without this command.\n  look:  chancery incident status ${first.id}\n  watch: chancery incident status ${first.id} --watch\n`,
    );
    process.exit(exitCodes.failed);
  };
  process.once('SIGINT', leave);
  const bar = progressBar('{bar} {value} of {total} {what}, {duration_formatted}', 0, {
    what: '',
  });
  let status = first;
  let answered = performance.now();
  let pause = 100;
  try {
    for (;;) {
      const { job, progress } = status;
      if (status.state === 'acting' && job !== undefined) {
        bar.setTotal(job.counts.items);
        bar.update(job.counts.items - job.counts.pending, { what: 'certificates' });
        if (job.state === 'stopped') {
          throw new CommandError(
            `its job ${job.id} was stopped; \`chancery job resume ${job.id}\` goes on`,
          );
        }
      } else if (until === 'acted' || status.state === 'closed' || progress.remaining === 0) {
        return status;
      } else {
        bar.setTotal(progress.subscribers);
        bar.update(progress.subscribers - progress.remaining, { what: 'subscribers' });
      }
      await delay(pause);
      pause = Math.min(longestPause, pause * 1.5);
      try {
        status = await findIncident(client, first.id);
        answered = performance.now();
      } catch (error) {
        const away = error instanceof CommandError && error.exitCode === exitCodes.unreachable;
        if (!away || performance.now() - answered > patienceMilliseconds) throw error;
      }
    }
  } finally {
    bar.stop();
    process.off('SIGINT', leave);
  }
}

export function printStatus(status: IncidentStatusJson, json: boolean): void {
  if (json) {
    printJson(status);
    return;
  }
  const { progress, job } = status;
  printFields([
    ['incident', `${status.id}${status.drill ? ' (drill: nothing is changed)' : ''}`],
    ['kind', status.kind],
    ['state', status.state],
    ['reason', status.reason],
    ['reasonCode', status.reasonCode],
    ['opened', `${status.openedAt} by ${status.openedBy}`],
    ['closed', status.closedAt && `${status.closedAt} by ${status.closedBy ?? ''}`],
    ['clients renew', `${status.renewFrom} to ${status.renewUntil}`],
    ['reissued by', status.reissueBy],
    [
      'certificates',
      `${progress.affected}: ${progress.revoked} revoked, ${progress.onHold} on hold, ${progress.good} good`,
    ],
    ['job', job && `${job.id} ${job.state}: ${summary(job)}`],
    [
      'subscribers',
      `${progress.subscribers}: ${progress.reKeyed} re-keyed, ${progress.renewed} renewed with the old key, ${progress.remaining} remaining (${progress.percent} %)`,
    ],
    ['expected end', progress.expectedEnd],
  ]);
  if (status.state === 'waiting' && progress.remaining > 0) {
    print(`who: chancery incident status ${status.id} --remaining`);
  }
}
