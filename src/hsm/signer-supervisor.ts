import type { Clock, KeyId } from '../domain/index.ts';
import { ChanceryError } from '../domain/index.ts';
import type { SignRequest } from '../issuance/ports.ts';
import type { KeyBinding, TokenRole } from '../keys/ports.ts';
import type { BlockedKey, FromSigner, Outcome, SignItem, TokenCall } from './messages.ts';
import { fromWireError, isSignature, PendingQueue } from './pending.ts';
import type { Log } from './signer-child.ts';
import { SignerChild } from './signer-child.ts';
import type { TokenHealth, TokenMetrics, TokenOptions } from './token-options.ts';

/** How often deadlines are looked at while something is pending, in milliseconds. */
const sweepInterval = 50;
/** Without a token for this long, requests are refused at once instead of waiting. */
const breakerDelay = 2000;
const firstBackOff = 100;
const longestBackOff = 3000;
const permanentBackOff = 5000;
const closeDeadline = 5000;
export const defaultQueueLimit = 1000;
/** A process that served this long was whole: its end starts the back-off anew. */
const wholeAfter = 5000;
/** Requests in the process for each session: enough to batch, few to lose with it. */
const windowPerSession = 4;

/**
 * Keeps one signer process alive behind a bounded queue: deadlines, replacement with back-off, and
 * a circuit breaker that answers `tokenUnavailable` at once while the token keeps failing.
 */
export class SignerSupervisor {
  readonly #options: TokenOptions;
  readonly #role: TokenRole;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #sessions: number;
  readonly #openDeadline: number;
  readonly #queue: PendingQueue;
  readonly #bindings = new Map<KeyId, KeyBinding>();
  readonly #blocked = new Map<KeyId, BlockedKey>();
  #child: SignerChild | undefined;
  #state: TokenHealth['state'] = 'idle';
  #reason: string | undefined;
  #since: Date;
  /** Monotonic time since which there is no open token; undefined while there is one. */
  #downSince: number | undefined;
  #openedBy = 0;
  #readySince: number | undefined;
  #sweepSkipped = false;
  #failuresInARow = 0;
  #permanent = false;
  #pumpScheduled = false;
  #sweeper: NodeJS.Timeout | undefined;
  #lastSweep = 0;
  #lastWork = performance.now();
  #restart: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  #signatures = 0;
  #failures = 0;
  #starts = 0;

  constructor(options: TokenOptions) {
    this.#options = options;
    this.#role = options.role;
    this.#clock = options.clock;
    this.#log = options.log ?? (() => undefined);
    this.#sessions = options.sessions ?? 4;
    this.#openDeadline = options.openDeadline ?? 10_000;
    this.#since = options.clock.now();
    this.#queue = new PendingQueue(
      options.queueLimit ?? defaultQueueLimit,
      this.#sessions * windowPerSession,
    );
    if (options.onDemand !== true) this.#start();
  }

  remember(keys: readonly KeyBinding[]): void {
    for (const key of keys) {
      const { keyId, purposes, algorithm, subjectPublicKeyInfo, life } = key;
      this.#bindings.set(keyId, { keyId, purposes, algorithm, subjectPublicKeyInfo, life });
    }
  }

  forget(keyId: KeyId): void {
    this.#bindings.delete(keyId);
  }

  blockedKeys(): readonly BlockedKey[] {
    return [...this.#blocked.values()];
  }

  unblock(keyId: KeyId): void {
    this.#blocked.delete(keyId);
  }

  async sign(request: SignRequest): Promise<Uint8Array> {
    const value = (await this.#submit({ kind: 'sign', request }, request.deadline)) as Uint8Array;
    // What comes out of the channel is a view of the whole message, which it would keep alive.
    return Uint8Array.from(value);
  }

  /** Acts may come while the token is being opened, at our own start above all: they wait for that too. */
  call(call: TokenCall, deadline: number): Promise<unknown> {
    const opening = this.#state === 'ready' ? 0 : this.#openDeadline;
    return this.#submit({ kind: 'call', call }, deadline + opening);
  }

  health(): TokenHealth {
    return {
      state: this.#state,
      reason: this.#reason,
      needsOperator: this.#permanent,
      since: this.#since,
    };
  }

  metrics(): TokenMetrics {
    return {
      role: this.#role,
      state: this.#state,
      waiting: this.#queue.waiting,
      inFlight: this.#queue.inFlight,
      signatures: this.#signatures,
      failures: this.#failures,
      starts: this.#starts,
      blockedKeys: this.#blocked.size,
      pid: this.#child?.pid,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const giveUp = performance.now() + closeDeadline;
    while (!this.#queue.empty && this.#state === 'ready' && performance.now() < giveUp) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    clearTimeout(this.#restart);
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
    const child = this.#child;
    this.#stopChild();
    this.#queue.processLost('closed');
    this.#queue.rejectWaiting(this.#unavailable('the token is closed'));
    this.#setState('idle', undefined);
    await child?.ended;
  }

  #submit(work: Parameters<PendingQueue['add']>[0], deadline: number): Promise<unknown> {
    if (this.#closing !== undefined) {
      return Promise.reject(this.#unavailable('the token is closed'));
    }
    if (this.#breakerOpen()) {
      this.#failures++;
      return Promise.reject(this.#unavailable(this.#reason ?? 'it does not answer'));
    }
    const now = performance.now();
    this.#lastWork = now;
    const answer = this.#queue.add(work, deadline, now);
    if (this.#state === 'idle') {
      this.#permanent = false;
      this.#failuresInARow = 0;
      this.#downSince = undefined;
      this.#start();
    }
    this.#startSweeper();
    this.#schedulePump();
    return answer;
  }

  /** Whether to refuse at once: the token failed to open, and has been away for a while. */
  #breakerOpen(): boolean {
    if (this.#state === 'idle' || this.#downSince === undefined || this.#failuresInARow === 0) {
      return false;
    }
    return this.#permanent || performance.now() - this.#downSince >= breakerDelay;
  }

  #unavailable(why: string): ChanceryError {
    return new ChanceryError('tokenUnavailable', {
      message: `the ${this.#role} token "${this.#options.label}" is not available: ${why}`,
      retryAfter: 5,
    });
  }

  #schedulePump(): void {
    if (this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    setImmediate(() => {
      this.#pumpScheduled = false;
      this.#pump();
    });
  }

  /** Sends what waits: all signatures of one turn of the event loop in one message. */
  #pump(): void {
    const child = this.#child;
    if (child === undefined || this.#state !== 'ready') return;
    const items: SignItem[] = [];
    for (const { id, work } of this.#queue.take(performance.now())) {
      if (work.kind === 'sign') {
        const { keyId, purpose, algorithm, bytes } = work.request;
        items.push({ id, keyId, purpose, algorithm, bytes });
      } else {
        child.send({ type: 'call', id, call: work.call });
      }
    }
    if (items.length > 0) child.send({ type: 'sign', items });
  }

  #start(): void {
    const { module, label, serialNumber, pinFile, environment } = this.#options;
    this.#starts++;
    this.#setState('starting', this.#reason);
    this.#downSince ??= performance.now();
    this.#openedBy = performance.now() + this.#openDeadline;
    this.#startSweeper();
    const child = new SignerChild(
      { environment: environment ?? {}, sessions: this.#sessions },
      {
        message: (message) => {
          if (this.#child === child) this.#receive(message);
        },
        ended: (how) => {
          if (this.#child === child) this.#childEnded(how);
        },
        log: this.#log,
      },
    );
    this.#child = child;
    child.send({
      type: 'open',
      settings: {
        role: this.#role,
        module,
        label,
        serialNumber,
        pinFile,
        sessions: this.#sessions,
      },
      bindings: [...this.#bindings.values()],
      blocked: this.blockedKeys(),
    });
  }

  #receive(message: FromSigner): void {
    switch (message.type) {
      case 'ready':
        this.#downSince = undefined;
        this.#permanent = false;
        for (const key of message.blocked) this.#blocked.set(key.keyId, key);
        this.#readySince = performance.now();
        this.#setState('ready', undefined);
        this.#schedulePump();
        return;
      case 'failed':
        this.#permanent = message.permanent;
        this.#childEnded(message.error.message);
        return;
      case 'signed':
        for (const outcome of message.results) this.#settle(outcome);
        this.#schedulePump();
        return;
      case 'answer':
        this.#settle(message.outcome);
        this.#schedulePump();
        return;
      case 'blocked':
        this.#blocked.set(message.key.keyId, message.key);
        this.#log('error', 'ALARM: the token made a wrong signature; the key is blocked', {
          role: this.#role,
          ...message.key,
        });
        return;
      case 'log':
        this.#log(message.level, message.message, { role: this.#role, ...message.fields });
        return;
      case 'initialised':
        return;
      default:
        message satisfies never;
    }
  }

  #settle(outcome: Outcome<unknown>): void {
    this.#lastWork = performance.now();
    const pending = this.#queue.settle(outcome.id);
    if (pending === undefined) return;
    if (outcome.ok) {
      if (isSignature(pending.work)) this.#signatures++;
      this.#failuresInARow = 0;
      pending.resolve(outcome.value);
    } else if (outcome.error.repeatable === true && this.#lastWork < pending.expiresAt) {
      // It is giving up: the rest waits for the next process rather than be lost with this one.
      if (this.#state === 'ready') this.#setState('failed', outcome.error.message);
      this.#queue.requeue(pending);
    } else {
      this.#failures++;
      pending.reject(fromWireError(outcome.error));
    }
  }

  /** The process ended, gave up or hangs: it is killed, and the next one is started after a while. */
  #childEnded(how: string): void {
    const child = this.#child;
    this.#child = undefined;
    child?.kill();
    const now = performance.now();
    if (this.#readySince !== undefined && now - this.#readySince >= wholeAfter) {
      this.#failuresInARow = 0;
    }
    this.#readySince = undefined;
    this.#failuresInARow++;
    this.#downSince ??= now;
    if (this.#reason !== how) {
      this.#log('error', 'the signer process was lost', {
        role: this.#role,
        reason: how,
        permanent: this.#permanent,
      });
    }
    this.#setState('failed', how);
    this.#queue.processLost(how);
    if (this.#breakerOpen()) this.#queue.rejectWaiting(this.#unavailable(how));
    if (this.#options.onDemand === true && this.#queue.empty) {
      this.#setState('idle', how);
      return;
    }
    const backOff = Math.min(firstBackOff * 2 ** (this.#failuresInARow - 1), longestBackOff);
    this.#restart = setTimeout(() => this.#start(), this.#permanent ? permanentBackOff : backOff);
  }

  #stopChild(): void {
    const child = this.#child;
    this.#child = undefined;
    this.#readySince = undefined;
    if (child === undefined) return;
    child.send({ type: 'close' });
    const killer = setTimeout(() => child.kill(), 1000);
    void child.ended.then(() => clearTimeout(killer));
  }

  #setState(state: TokenHealth['state'], reason: string | undefined): void {
    if (state !== this.#state) this.#since = this.#clock.now();
    this.#state = state;
    this.#reason = reason;
  }

  #startSweeper(): void {
    if (this.#sweeper !== undefined) return;
    this.#lastSweep = performance.now();
    this.#sweeper = setInterval(() => this.#sweep(), sweepInterval);
  }

  #sweep(): void {
    const now = performance.now();
    // After a stall of our own the answers may lie unread in the channel: they are read first.
    const stalled = now - this.#lastSweep > 4 * sweepInterval && !this.#sweepSkipped;
    this.#lastSweep = now;
    this.#sweepSkipped = stalled;
    if (stalled) return;

    const hung = this.#queue.expire(now);
    if (this.#state === 'starting' && now > this.#openedBy) {
      this.#childEnded('opening the token took too long');
    } else if (hung && this.#child !== undefined) {
      this.#childEnded('it gave no answer in time');
    }
    if (this.#breakerOpen()) {
      this.#queue.rejectWaiting(this.#unavailable(this.#reason ?? 'it does not answer'));
    }
    const onDemand = this.#options.onDemand === true;
    if (onDemand && this.#state === 'ready' && this.#queue.empty) {
      if (now - this.#lastWork < (this.#options.idleClose ?? 2000)) return;
      this.#stopChild();
      this.#setState('idle', undefined);
    }
    if (this.#queue.empty && this.#state !== 'starting') {
      clearInterval(this.#sweeper);
      this.#sweeper = undefined;
    }
  }
}
