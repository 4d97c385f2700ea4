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

/** Acts that may be sent again after a process was lost: they change nothing, or come to the same. */
function isRepeatable(work: Work): boolean {
  if (work.kind === 'sign') return false;
  switch (work.call.name) {
    case 'identity':
    case 'bind':
    case 'keyIds':
    case 'random':
    case 'selfTest':
    case 'clearBlockedKey':
      return true;
    case 'generateKeyPair':
    case 'createSelfTestKey':
    case 'destroyKeyPair':
      return false;
    default:
      return work.call satisfies never;
  }
}

/**
 * The bounded queue of one token: what waits, what is with the signer process, and when each has
 * waited long enough.
 */
export class PendingQueue {
  readonly #limit: number;
  readonly #window: number;
  readonly #waiting: Pending[] = [];
  readonly #sent = new Map<number, Pending>();
  #nextId = 1;

  constructor(limit: number, window: number) {
    this.#limit = limit;
    this.#window = window;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get inFlight(): number {
    return this.#sent.size;
  }

  get empty(): boolean {
    return this.#waiting.length === 0 && this.#sent.size === 0;
  }

  /** @throws ChanceryError `overloaded` when the queue is full: memory stays bounded, and the caller hears at once. */
  add(work: Work, deadline: number, now: number): Promise<unknown> {
    if (this.#waiting.length + this.#sent.size >= this.#limit) {
      return Promise.reject(
        new ChanceryError('overloaded', {
          message: `the signer has ${this.#limit} requests waiting already; try again in a second`,
          retryAfter: 1,
        }),
      );
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({
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

  /** Takes what may go to the process now. The window keeps few in it, because those are lost with it. */
  take(now: number): Pending[] {
    const room = this.#window - this.#sent.size;
    if (room <= 0) return [];
    const batch = this.#waiting.splice(0, room);
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
    const lost = [...this.#sent.values()].reverse();
    this.#sent.clear();
    for (const pending of lost) {
      if (pending.answered) continue;
      if (isRepeatable(pending.work)) this.requeue(pending);
      else pending.reject(unknownOutcome(pending.work, `the signer process ended (${how})`));
    }
  }

  /** Ends all that waits. */
  rejectWaiting(error: ChanceryError): void {
    for (const pending of this.#waiting.splice(0)) pending.reject(error);
  }

  /**
   * Ends what has passed its deadline.
   *
   * @returns Whether the process hangs: a request has been in it for all of its own deadline.
   */
  expire(now: number): boolean {
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      const pending = this.#waiting[i];
      if (pending === undefined || now < pending.expiresAt) continue;
      this.#waiting.splice(i, 1);
      pending.reject(
        new ChanceryError('tokenUnavailable', {
          message: `the token did not get to this within ${pending.deadline} ms; nothing was signed, try again`,
          retryAfter: 2,
        }),
      );
    }
    let hung = false;
    for (const pending of this.#sent.values()) {
      if (!pending.answered && now >= pending.expiresAt) {
        pending.answered = true;
        const why = `it gave no answer within ${pending.deadline} ms`;
        pending.reject(
          isRepeatable(pending.work)
            ? new ChanceryError('tokenUnavailable', { message: `the token: ${why}`, retryAfter: 2 })
            : unknownOutcome(pending.work, why),
        );
      }
      const since = pending.sentAt ?? now;
      if (now - since >= Math.max(pending.deadline, hangMinimum)) hung = true;
    }
    return hung;
  }
}

function unknownOutcome(work: Work, why: string): ChanceryError {
  const act = work.kind === 'sign' ? 'the signature' : work.call.name;
  return new ChanceryError('outcomeUnknown', {
    message: `the outcome of ${act} is unknown: ${why}`,
    retryAfter: 2,
  });
}

/** The parent's side of a WireError. */
export function fromWireError(error: WireError): ChanceryError {
  return new ChanceryError(error.code, { message: error.message, retryAfter: error.retryAfter });
}
