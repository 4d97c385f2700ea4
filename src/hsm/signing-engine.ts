import { ChanceryError } from '../domain/index.ts';
import { returnValueOf } from './cryptoki.ts';
import type { BoundKey, KeyBindings, SigningItem } from './key-bindings.ts';
import type { Message } from './message.ts';
import type { BlockedKey, LogLevel } from './messages.ts';
import { classifyReturnValue } from './return-values.ts';
import { verifiedSignature, WrongSignature } from './signature-value.ts';
import type { PooledSession, TokenConnection } from './token-connection.ts';
import { openPooledSession } from './token-connection.ts';

/** One signature to make; exactly one of the two functions is called, once. */
export interface SigningJob {
  readonly item: SigningItem & { readonly message: Message };
  readonly done: (signature: Uint8Array) => void;
  /** `repeatable`: nothing was signed, and the next signer process may try. */
  readonly refused: (error: unknown, repeatable: boolean) => void;
  attempts: number;
}

export interface EngineHooks {
  /** C_Finalize, C_Initialize, login, find all keys again. Throws when the token is not to be had. */
  readonly reconnect: () => TokenConnection;
  /** The token is lost for this process. */
  readonly lost: (error: unknown) => void;
  readonly blocked: (key: BlockedKey) => void;
  /** Counts a signature that is about to be made. @throws ChanceryError when it must not be made */
  readonly count: (key: BoundKey) => void;
  readonly log: (
    level: LogLevel,
    message: string,
    fields: Readonly<Record<string, unknown>>,
  ) => void;
}

const attemptLimit = 3;
/** Reconnections in a row without one signature in between, before the process gives up. */
const reconnectLimit = 2;

/**
 * Runs signatures on the pool: one operation a session, C_Sign on the thread pool, C_SignInit here.
 *
 * A lost device closes the gate: what is running comes back, everything is initialised again, the
 * gate opens. What the token provably did not sign is tried again; the rest is answered with an
 * unknown outcome.
 */
export class SigningEngine {
  readonly #bindings: KeyBindings;
  readonly #hooks: EngineHooks;
  readonly #queue: SigningJob[] = [];
  readonly #waitingActs: (() => void)[] = [];
  /** Keeps buffers alive that the native thread reads: the binding itself holds no reference. */
  readonly #running = new Set<Buffer>();
  #connection: TokenConnection;
  #inFlight = 0;
  #gateClosed = false;
  #lost = false;
  #reconnects = 0;

  constructor(connection: TokenConnection, bindings: KeyBindings, hooks: EngineHooks) {
    this.#connection = connection;
    this.#bindings = bindings;
    this.#hooks = hooks;
  }

  get idle(): boolean {
    return this.#inFlight === 0 && this.#queue.length === 0;
  }

  /** Takes a job; refusals by the key's binding are answered at once. */
  submit(job: SigningJob): void {
    this.#queue.push(job);
    this.#pump();
  }

  /** Runs another act on the token between signatures; a lost device also closes the gate for it. */
  async run<T>(act: (connection: TokenConnection) => Promise<T> | T, repeat: boolean): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      await this.#gate();
      if (this.#lost) throw new Error('the token is lost');
      this.#inFlight++;
      try {
        const answer = await act(this.#connection);
        // The token works again, whichever act shows it.
        this.#reconnects = 0;
        return answer;
      } catch (error) {
        const code = returnValueOf(error);
        const faultClass = code === undefined ? undefined : classifyReturnValue(code).faultClass;
        // The session for acts is not replaced alone: one that stays spent costs a new login.
        const spent = faultClass === 'newSession' && attempt > 1;
        if (faultClass === 'reinitialise' || spent) this.#closeGate(error);
        const again = faultClass !== undefined && faultClass !== 'fatal' && repeat;
        if (!again || attempt >= attemptLimit) throw error;
      } finally {
        this.#inFlight--;
        this.#settle();
      }
    }
  }

  async #gate(): Promise<void> {
    while (this.#gateClosed && !this.#lost) {
      await new Promise<void>((resolve) => this.#waitingActs.push(resolve));
    }
  }

  #pump(): void {
    while (!this.#gateClosed && this.#connection.pool.length > 0) {
      const job = this.#queue.shift();
      if (job === undefined) return;
      this.#start(job);
    }
  }

  #start(job: SigningJob): void {
    const { lib, pool } = this.#connection;
    let key: ReturnType<KeyBindings['permit']>;
    const session = pool.pop();
    if (session === undefined) {
      this.#queue.unshift(job);
      return;
    }
    try {
      key = this.#bindings.permit(job.item);
      // Each attempt counts: the token may sign and lose its answer.
      this.#hooks.count(key);
    } catch (error) {
      pool.push(session);
      job.refused(error, false);
      return;
    }
    job.attempts++;
    this.#inFlight++;
    const input = job.item.message.input(key.mechanism);
    try {
      lib.C_SignInit(session.handle, key.mechanism.mechanism, key.handle);
    } catch (error) {
      this.#fault(job, session, error, true);
      return;
    }
    this.#running.add(input);
    try {
      lib.C_Sign(session.handle, input, session.output, (error: Error | null, raw) => {
        this.#running.delete(input);
        if (error !== null) this.#fault(job, session, error, false);
        else this.#finish(job, session, key, raw);
      });
    } catch (error) {
      this.#running.delete(input);
      this.#fault(job, session, error, true);
    }
  }

  #finish(job: SigningJob, session: PooledSession, key: BoundKey, raw: Buffer): void {
    try {
      const signature = verifiedSignature(key, job.item.message, raw);
      this.#reconnects = 0;
      job.done(signature);
    } catch (error) {
      if (error instanceof WrongSignature) this.#block(job, error.message);
      else job.refused(error, false);
    }
    this.#release(session);
  }

  /** A wrong signature: the key signs no more until an operator clears it. */
  #block(job: SigningJob, reason: string): void {
    const blocked: BlockedKey = {
      keyId: job.item.keyId,
      reason,
      since: new Date().toISOString(),
    };
    this.#bindings.block(blocked);
    this.#hooks.blocked(blocked);
    job.refused(
      new ChanceryError('keyBlocked', {
        message: `key ${blocked.keyId} is blocked: ${reason}; the signature was thrown away, an operator must examine the token and clear the key`,
      }),
      false,
    );
  }

  #fault(job: SigningJob, session: PooledSession, error: unknown, beforeSigning: boolean): void {
    const code = returnValueOf(error);
    const value = code === undefined ? undefined : classifyReturnValue(code);
    // Anything but a CK_RV comes from the binding itself: the arguments were wrong, not the token.
    const faultClass = value?.faultClass ?? 'fatal';
    const unsigned = beforeSigning || value?.nothingSigned === true;
    const last = job.attempts >= attemptLimit;
    // Once a session of the pool has failed twice for one job, the session was not the cause.
    const escalated = faultClass === 'newSession' && job.attempts > 1 ? 'reinitialise' : faultClass;
    if (escalated === 'reinitialise') this.#closeGate(error);
    else if (escalated === 'newSession') this.#replace(session);
    else this.#connection.pool.push(session);

    const retry = unsigned || job.item.purpose === 'selfTest';
    if (retry && !last && faultClass !== 'fatal' && faultClass !== 'pinRefused') {
      this.#queue.unshift(job);
    } else if (retry) {
      job.refused(error, false);
    } else {
      job.refused(
        new ChanceryError('outcomeUnknown', {
          message: `the token answered ${value?.name ?? String(error)} while it signed; whether a signature was made is unknown, so these bytes are not signed again`,
          cause: error,
        }),
        false,
      );
    }
    this.#inFlight--;
    this.#settle();
  }

  #release(session: PooledSession): void {
    this.#connection.pool.push(session);
    this.#inFlight--;
    this.#settle();
  }

  #replace(session: PooledSession): void {
    const { lib, slot, pool } = this.#connection;
    try {
      lib.C_CloseSession(session.handle);
    } catch {
      // It is spent already; that is why it is replaced.
    }
    try {
      pool.push(openPooledSession(slot));
    } catch (error) {
      this.#closeGate(error);
    }
  }

  #closeGate(error: unknown): void {
    if (this.#gateClosed) return;
    this.#gateClosed = true;
    this.#hooks.log('warn', 'the token is lost; initialising the module again', {
      reason: error instanceof Error ? error.message : String(error),
    });
  }

  /** After each operation: reconnects once nothing runs any more, else starts what waits. */
  #settle(): void {
    if (this.#lost) return;
    if (!this.#gateClosed) {
      this.#pump();
      return;
    }
    if (this.#inFlight > 0) return;
    this.#reconnects++;
    try {
      if (this.#reconnects > reconnectLimit) {
        throw new Error('the token fails again and again although it can be opened');
      }
      this.#connection = this.#hooks.reconnect();
    } catch (error) {
      this.#lost = true;
      for (const job of this.#queue.splice(0)) job.refused(error, true);
      this.#hooks.lost(error);
    }
    this.#gateClosed = false;
    for (const resume of this.#waitingActs.splice(0)) resume();
    if (!this.#lost) this.#pump();
  }
}
