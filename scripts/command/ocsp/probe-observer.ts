import { setTimeout as delay } from 'node:timers/promises';
import type { Certificate, CertStatus } from '../../../src/pkix/index.ts';
import { AnswerRefused, verifyAnswer } from './answer.ts';
import { ExchangeFailed, postQuestion } from './exchange.ts';
import { questionAbout } from './question.ts';
import { secondReading } from './second-reader.ts';

/** Milliseconds. */
const exchangeTimeout = 5000;
const pause = 5;

/** Right answers in a row before the first of them counts: one of several nodes may lag. */
const confirmations = 3;

/** A certificate under observation. */
export interface Observed {
  readonly certificate: Certificate;
  readonly issuer: Certificate;
  /** From the issuer up to the root. */
  readonly trusted: readonly Certificate[];
}

/** What an answer must say, as `statusText` writes it. */
export type ExpectedStatus = 'good' | `revoked:${string}`;

export interface Observation {
  /** Milliseconds from `since` to the first right answer; undefined when none came in time. */
  readonly milliseconds: number | undefined;
  /** The last thing that stood in the way. */
  readonly lastFault: string | undefined;
  /** Answers that did not verify: none is harmless. */
  readonly refused: readonly string[];
}

export function statusText(status: CertStatus): string {
  return status.type === 'revoked' ? `revoked:${status.reasonCode ?? 'unspecified'}` : status.type;
}

/**
 * Asks by POST until the answers say what they must, and keep saying it. Every answer is verified
 * twice, by `verifyAnswer` and by pkijs, right or not.
 *
 * @param since `performance.now()` when the act was answered
 * @param limit milliseconds after which it gives up
 */
export async function observe(
  responder: URL,
  observed: Observed,
  options: {
    readonly expected: ExpectedStatus;
    readonly nonce: boolean;
    readonly since: number;
    readonly limit: number;
    readonly signal: AbortSignal;
  },
): Promise<Observation> {
  const { expected, nonce, since, limit, signal } = options;
  const refused: string[] = [];
  let lastFault: string | undefined;
  let first: number | undefined;
  let inARow = 0;
  while (performance.now() - since < limit) {
    signal.throwIfAborted();
    const reading = await read(responder, observed, nonce, signal);
    const elapsed = performance.now() - since;
    if (reading.type === 'answered' && reading.status === expected) {
      first ??= elapsed;
      inARow += 1;
      if (inARow >= confirmations) {
        return { milliseconds: first, lastFault, refused };
      }
      continue;
    }
    lastFault = reading.type === 'answered' ? `it says ${reading.status}` : reading.reason;
    if (reading.type === 'refused') {
      refused.push(reading.reason);
    }
    first = undefined;
    inARow = 0;
    await delay(pause, undefined, { signal });
  }
  return { milliseconds: undefined, lastFault, refused };
}

type Reading =
  | { readonly type: 'answered'; readonly status: string }
  | { readonly type: 'unavailable' | 'refused'; readonly reason: string };

async function read(
  responder: URL,
  { certificate, issuer, trusted }: Observed,
  nonce: boolean,
  signal: AbortSignal,
): Promise<Reading> {
  const question = await questionAbout(certificate, issuer, { nonce });
  try {
    const { body } = await postQuestion(responder, question.der, {
      timeout: exchangeTimeout,
      signal,
    });
    const { certStatus } = verifyAnswer(body, question, new Date());
    const second = await secondReading(body, question, trusted);
    return second === certStatus.type
      ? { type: 'answered', status: statusText(certStatus) }
      : { type: 'refused', reason: `pkijs reads ${second} where we read ${certStatus.type}` };
  } catch (error) {
    signal.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    const unavailable =
      error instanceof ExchangeFailed ||
      (error instanceof AnswerRefused && error.responseStatus !== undefined);
    return { type: unavailable ? 'unavailable' : 'refused', reason };
  }
}
