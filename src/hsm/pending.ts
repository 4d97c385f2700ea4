import { ChanceryError } from '../domain/index.ts';
import type { SignRequest } from '../issuance/ports.ts';
import type { TokenCall, WireError } from './messages.ts';

export type Work =
  | { readonly kind: 'sign'; readonly request: SignRequest }
  | { readonly kind: 'call'; readonly call: TokenCall };

/** One request on its way; all times are of the monotonic clock, in milliseconds. */
export interface Pending {
  readonly id: number;
  readonly work: Work;
  readonly deadline: number;
  readonly expiresAt: number;
  /** When it went to the present signer process. */
  sentAt: number | undefined;
  /** The caller has its answer; kept only to notice a process that hangs. */
  answered: boolean;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Shortest time after which a process counts as hung, so that a caller in a hurry can't have it killed. */
const hangMinimum = 500;

/**
 * What becomes of a request whose process was lost: it is sent to the next, because it changes
 * nothing or comes to the same; or nothing was done that matters, but the rest is lost too; or
 * nobody knows what was done.
 */
function whenLost(work: Work): 'repeat' | 'nothingSigned' | 'unknown' {
  if (work.kind === 'sign') return 'unknown';
  switch (work.call.name) {
    case 'identity':
    case 'bind':
    case 'keyIds':
    case 'random':
    case 'selfTest':
    case 'adoptKeyPair':
    case 'usage':
    case 'objects':
    case 'keepAlive':
    case 'clearBlockedKey':
      return 'repeat';
    case 'openStream':
    case 'writeStream':
    case 'dropStream':
      return 'nothingSigned';
    case 'signStream':
    case 'generateKeyPair':
    case 'createSelfTestKey':
    case 'destroyKeyPair':
      return 'unknown';
    default:
      return work.call satisfies never;
  }
}

export function isSignature(work: Work): boolean {
  return work.kind === 'sign' || work.call.name === 'signStream';
}

/** Parts of a stream go before what waits, or a list of many chunks would wait behind it each time. */
function isPartOfStream(work: Work): boolean {
  return work.kind === 'call' && work.call.name.endsWith('Stream');
}

/**
 * The bounded queue of one token: what waits, what is with the signer process, and when each has
 * waited long enough.
 */
export class PendingQueue {
  readonly #limit: number;
  readonly #window: number;
  readonly #waiting: Pending[] = [];
  /** Parts of streams: few at a time, because their sender waits for the answers. */
  readonly #ahead: Pending[] = [];
  readonly #sent = new Map<number, Pending>();
  #nextId = 1;

  constructor(limit: number, window: number) {
    this.#limit = limit;
    this.#window = window;
  }

  get waiting(): number {
    return this.#ahead.length + this.#waiting.length;
  }

  get inFlight(): number {
    return this.#sent.size;
  }

  get empty(): boolean {
    return this.waiting === 0 && this.#sent.size === 0;
  }

  /** @throws ChanceryError `overloaded` when the queue is full: memory stays bounded, and the caller hears at once. */
  add(work: Work, deadline: number, now: number): Promise<unknown> {
    const ahead = isPartOfStream(work);
    // A stream that was let in is not cut off in its middle: its sender bounds it.
    if (!ahead && this.#waiting.length + this.#sent.size >= this.#limit) {
      return Promise.reject(
        new ChanceryError('overloaded', {
          message: `the signer has ${this.#limit} requests waiting already; try again in a second`,
          retryAfter: 1,
        }),
      );
    }
    return new Promise((resolve, reject) => {
      (ahead ? this.#ahead : this.#waiting).push({
        id: this.#nextId++,
        work,
        deadline,
        expiresAt: now + deadline,
        sentAt: undefined,
        answered: false,
        resolve,
        reject,
      });
    });
  }

  /** Since when the oldest signature has been with the process; undefined when none is. */
  get signingSince(): number | undefined {
    for (const { work, sentAt, answered } of this.#sent.values()) {
      if (!answered && isSignature(work)) return sentAt;
    }
    return undefined;
  }

  /** Takes what may go to the process now. The window keeps few in it, because those are lost with it. */
  take(now: number): Pending[] {
    const room = this.#window - this.#sent.size;
    if (room <= 0) return [];
    const batch = this.#ahead.splice(0, room);
    batch.push(...this.#waiting.splice(0, room - batch.length));
    for (const pending of batch) {
      pending.sentAt = now;
      this.#sent.set(pending.id, pending);
    }
    return batch;
  }

  /** Ends a request with its answer; undefined when its caller gave up before. */
  settle(id: number): Pending | undefined {
    const pending = this.#sent.get(id);
    this.#sent.delete(id);
    return pending?.answered === true ? undefined : pending;
  }

  /** Puts a request that was not acted upon back to the front. */
  requeue(pending: Pending): void {
    pending.sentAt = undefined;
    this.#waiting.unshift(pending);
  }

  /** The process is gone: what may be repeated waits for the next, the rest has an unknown outcome. */
  processLost(how: string): void {
    const sent = [...this.#sent.values()].reverse();
    this.#sent.clear();
    for (const pending of sent) {
      if (pending.answered) continue;
      const why = `the signer process ended (${how})`;
      if (whenLost(pending.work) === 'repeat') this.requeue(pending);
      else pending.reject(lost(pending.work, why));
    }
  }

  /** Ends all that waits. */
  rejectWaiting(error: ChanceryError): void {
    for (const pending of this.#ahead.splice(0)) pending.reject(error);
    for (const pending of this.#waiting.splice(0)) pending.reject(error);
  }

  /**
   * Ends what has passed its deadline.
   *
   * @returns Whether the process hangs: a request has been in it for all of its own deadline.
   */
  expire(now: number): boolean {
    for (const queue of [this.#ahead, this.#waiting]) expireWaiting(queue, now);
    let hung = false;
    for (const pending of this.#sent.values()) {
      if (!pending.answered && now >= pending.expiresAt) {
        pending.answered = true;
        const why = `it gave no answer within ${pending.deadline} ms`;
        pending.reject(lost(pending.work, why));
      }
      const since = pending.sentAt ?? now;
      if (now - since >= Math.max(pending.deadline, hangMinimum)) hung = true;
    }
    return hung;
  }
}

function expireWaiting(queue: Pending[], now: number): void {
  for (let i = queue.length - 1; i >= 0; i--) {
    const pending = queue[i];
    if (pending === undefined || now < pending.expiresAt) continue;
    queue.splice(i, 1);
    pending.reject(
      new ChanceryError('tokenUnavailable', {
        message: `the token did not get to this within ${pending.deadline} ms; nothing was signed, try again`,
        retryAfter: 2,
      }),
    );
  }
}

/** What a caller hears whose request went to a process that did not answer it. */
function lost(work: Work, why: string): ChanceryError {
  switch (whenLost(work)) {
    case 'repeat':
      return new ChanceryError('tokenUnavailable', {
        message: `the token: ${why}`,
        retryAfter: 2,
      });
    case 'nothingSigned':
      return new ChanceryError('tokenUnavailable', {
        message: `nothing was signed, try again: ${why}`,
        retryAfter: 2,
      });
    case 'unknown': {
      const act = work.kind === 'sign' ? 'the signature' : work.call.name;
      return new ChanceryError('outcomeUnknown', {
        message: `the outcome of ${act} is unknown: ${why}`,
        retryAfter: 2,
      });
    }
  }
}

/** The parent's side of a WireError. */
export function fromWireError(error: WireError): ChanceryError {
  return new ChanceryError(error.code, { message: error.message, retryAfter: error.retryAfter });
}
