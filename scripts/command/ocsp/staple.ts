import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { CommandError, exitCodes, usageError } from '../exit.ts';
import { print, requireWritableFolder } from '../output.ts';
import { type RoundOutcome, type StapleOptions, StapleRounds } from './staple-round.ts';
import { nextRound } from './staple-schedule.ts';
import { parseResponderUrl, readSubjectCertificate } from './subject-certificate.ts';

export interface StapleRun extends StapleOptions {
  readonly format: 'nginx' | 'haproxy';
  readonly once: boolean;
  /** Seconds between rounds; undefined: in the middle of each staple's life. */
  readonly intervalSeconds: number | undefined;
  /** 0 to 0.5: how far a wait may stray from its mean, as a part of it. */
  readonly jitter: number;
}

/**
 * `chancery ocsp staple`: one round, or rounds until SIGTERM or SIGINT.
 *
 * @throws CommandError exit 1 for a refused answer or a revoked certificate (with `once`), 3 when
 * no responder answers, 2 for options that contradict each other
 */
export async function staple(run: StapleRun): Promise<void> {
  checkOptions(run);
  const rounds = new StapleRounds(run, () => new Date());
  if (run.once) {
    finish(await rounds.round(), run);
    return;
  }
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      stop.abort();
    });
  }
  let failures = 0;
  while (!stop.signal.aborted) {
    const outcome = await attempt(rounds, stop.signal);
    if (stop.signal.aborted) {
      break;
    }
    failures = outcome.type === 'failed' ? failures + 1 : 0;
    const wait = nextRound(outcome, {
      now: new Date(),
      failures,
      intervalSeconds: run.intervalSeconds,
      jitter: run.jitter,
      random: () => randomInt(2 ** 32) / 2 ** 32,
    });
    report(outcome, run.out, wait);
    await delay(wait, undefined, { signal: stop.signal }).catch(() => undefined);
  }
}

/** What can't be done is said at once, not after the first wait. */
function checkOptions(run: StapleRun): void {
  if (run.format === 'haproxy' && !run.out.endsWith('.ocsp')) {
    throw usageError(
      `haproxy reads a staple from the file of the certificate with .ocsp behind its name, not from ${run.out}`,
    );
  }
  if (run.format !== 'haproxy' && run.haproxySocket !== undefined) {
    throw usageError('--haproxy-socket belongs to --format haproxy');
  }
  if (run.responder !== undefined) {
    parseResponderUrl(run.responder);
  }
  requireWritableFolder(run.out);
  readSubjectCertificate(run.certificateFile, run.issuerFile, run.responder);
}

/** A file that can't be read for a moment (a certificate that is being replaced) ends no loop. */
async function attempt(rounds: StapleRounds, signal: AbortSignal): Promise<RoundOutcome> {
  try {
    return await rounds.round(signal);
  } catch (error) {
    return {
      type: 'failed',
      reason: error instanceof Error ? error.message : String(error),
      unavailable: false,
      retryAfter: undefined,
      validUntil: undefined,
    };
  }
}

function finish(outcome: RoundOutcome, run: StapleRun): void {
  if (outcome.type === 'failed') {
    throw new CommandError(
      sentence(outcome),
      outcome.unavailable ? exitCodes.unreachable : exitCodes.failed,
    );
  }
  const text = describe(outcome, run.out);
  if (outcome.answer.certStatus.type === 'revoked') {
    throw new CommandError(text);
  }
  print(text);
}

function report(outcome: RoundOutcome, out: string, wait: number): void {
  const next = `next round in ${Math.round(wait / 1000)} s`;
  if (outcome.type === 'failed') {
    process.stderr.write(`${sentence(outcome)}; ${next}\n`);
  } else if (outcome.answer.certStatus.type === 'revoked') {
    process.stderr.write(`${describe(outcome, out)}; ${next}\n`);
  } else {
    print(`${describe(outcome, out)}; ${next}`);
  }
}

function sentence({ reason, validUntil }: Extract<RoundOutcome, { type: 'failed' }>): string {
  return validUntil === undefined
    ? `${reason}; there is no valid staple`
    : `${reason}; the staple in place is valid until ${validUntil.toISOString()}`;
}

function describe(
  { answer, changed }: Extract<RoundOutcome, { type: 'stapled' }>,
  out: string,
): string {
  const { certStatus, nextUpdate } = answer;
  const status =
    certStatus.type === 'revoked'
      ? `THE CERTIFICATE IS REVOKED${certStatus.reasonCode === undefined ? '' : ` (${certStatus.reasonCode})`}`
      : certStatus.type;
  return `${status}: staple ${changed ? 'stored in' : 'unchanged in'} ${out}, valid until ${nextUpdate.toISOString()}`;
}
