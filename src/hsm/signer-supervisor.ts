import type { Clock } from '../domain/index.ts';
import { ChanceryError } from '../domain/index.ts';
import type { SignedBy, SigningToken, SignRequest } from '../issuance/ports.ts';
import type { TokenRole } from '../keys/ports.ts';
import { KeepAlive } from './keep-alive-timer.ts';
import { KnownKeys } from './known-keys.ts';
import type { FromSigner, Outcome, SignItem, TokenCall } from './messages.ts';
import { breakerDelay, Outage } from './outage.ts';
import { fromWireError, isSignature, PendingQueue } from './pending.ts';
import type { Log } from './signer-child.ts';
import { SignerChild } from './signer-child.ts';
import type { TokenHealth, TokenMetrics, TokenOptions } from './token-options.ts';

/** How often deadlines are looked at while something is pending, in milliseconds. */
const sweepInterval = 50;
const closeDeadline = 5000;
export const defaultQueueLimit = 1000;
/** A signature in the process for so long: where another token has the key, the rest does not wait for this one. */
const stallAfter = 1000;
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
  readonly #keepAlive: KeepAlive;
  readonly #patience: () => number;
  /** Bindings and blocked keys; what is added here reaches an open process by calls of their own. */
  readonly keys = new KnownKeys();
  #child: SignerChild | undefined;
  #token: SigningToken | undefined;
  #held = false;
  #state: TokenHealth['state'] = 'idle';
  #reason: string | undefined;
  #since: Date;
  readonly #outage = new Outage();
  #openedBy = 0;
  #sweepSkipped = false;
  #pumpScheduled = false;
  #sweeper: NodeJS.Timeout | undefined;
  #lastSweep = 0;
  #lastWork = performance.now();
  #restart: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  #signatures = 0;
  #failures = 0;
  #starts = 0;

  /** @param patience milliseconds without a token after which requests are refused; asked each time */
  constructor(options: TokenOptions, patience: () => number = () => breakerDelay) {
    this.#patience = patience;
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
    this.#keepAlive = new KeepAlive(
      options.onDemand === true ? 0 : (options.keepAlive ?? 0),
      () => (this.#state === 'ready' && this.#queue.empty ? this.#lastWork : undefined),
      async () => this.call({ name: 'keepAlive' }, options.defaultDeadline ?? 5000),
    );
    if (options.onDemand !== true) this.#start();
  }

  /** The token as it was last seen; undefined before it was open once. */
  get token(): SigningToken | undefined {
    return this.#token;
  }

  /** Monotonic time since which it has been open without a stop; undefined while it can't sign. */
  get wellSince(): number | undefined {
    const signs = this.#state === 'ready' && !this.#stalled(performance.now());
    return signs ? this.#outage.readySince : undefined;
  }

  /** Whether it failed, in contrast to one that is being opened for the first time or closed. */
  get lost(): boolean {
    if (this.#held || this.#state === 'failed') return true;
    return this.#outage.hasFailed && this.wellSince === undefined;
  }

  /** For a drill: ends the signer process, and starts none until `release`. */
  hold(): void {
    this.#held = true;
    if (this.#child !== undefined) this.#childEnded('it is held for a drill');
    this.#setState('failed', 'it is held for a drill');
    clearTimeout(this.#restart);
  }

  release(): void {
    this.#held = false;
    clearTimeout(this.#restart);
    if (this.#closing === undefined && this.#child === undefined) this.#start();
  }

  async sign(request: SignRequest, signedBy?: SignedBy): Promise<Uint8Array> {
    const value = (await this.#submit({ kind: 'sign', request }, request.deadline)) as Uint8Array;
    if (this.#token !== undefined) signedBy?.(this.#token);
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
      needsOperator: this.#outage.permanent,
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
      blockedKeys: this.keys.blocked.length,
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
    this.#keepAlive.stop();
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
      this.#outage.forget();
      this.#start();
    }
    this.#startSweeper();
    this.#schedulePump();
    return answer;
  }

  /** Whether to refuse at once: the token failed to open, and has been away for a while. */
  #breakerOpen(): boolean {
    if (this.#held) return true;
    return this.#state !== 'idle' && this.#outage.refuses(performance.now(), this.#patience());
  }

  #stalled(now: number): boolean {
    const since = this.#queue.signingSince;
    return since !== undefined && now - since >= stallAfter;
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
    const { libraryParameters, countsFolder } = this.#options;
    this.#starts++;
    this.#setState('starting', this.#reason);
    this.#outage.starting(performance.now());
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
        ...{ role: this.#role, module, label, serialNumber, pinFile },
        ...{ libraryParameters, countsFolder, sessions: this.#sessions },
      },
      bindings: this.keys.bindings,
      blocked: this.keys.blocked,
    });
  }

  #receive(message: FromSigner): void {
    switch (message.type) {
      case 'ready':
        this.#outage.ready(performance.now());
        this.#token = message.identity;
        for (const key of message.blocked) this.keys.block(key);
        this.#setState('ready', undefined);
        this.#schedulePump();
        return;
      case 'failed':
        this.#outage.permanent = message.permanent;
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
        this.keys.block(message.key);
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
      this.#outage.worked();
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
    this.#outage.failed(performance.now());
    if (this.#reason !== how) {
      this.#log('error', 'the signer process was lost', {
        role: this.#role,
        reason: how,
        permanent: this.#outage.permanent,
      });
    }
    this.#setState('failed', how);
    this.#queue.processLost(how);
    if (this.#breakerOpen()) this.#queue.rejectWaiting(this.#unavailable(how));
    if (this.#held) return;
    if (this.#options.onDemand === true && this.#queue.empty) {
      this.#setState('idle', how);
      return;
    }
    this.#restart = setTimeout(() => this.#start(), this.#outage.backOff);
  }

  #stopChild(): void {
    const child = this.#child;
    this.#child = undefined;
    this.#outage.closed();
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
    if (this.#breakerOpen() || (this.#patience() === 0 && this.#stalled(now))) {
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
