import { setTimeout as delay } from 'node:timers/promises';
import { withDeadline } from './deadline.ts';
import type { Log, StatusChange, StatusSource } from './ports.ts';

/** What of the source is followed. */
type FeedSource = Pick<StatusSource, 'changesSince' | 'hear'>;

/** What the feed tells: single changes, or that there are too many to tell apart. */
export interface FeedListener {
  /** @param committed monotonic milliseconds of its commit; undefined when that is not known */
  changed(change: StatusChange, committed: number | undefined): void;
  /** Changes come faster than they are read: everything looked up before counts as old. */
  manyChanged(): void;
  /** Changes are lost for good: what is remembered of any status is to be read again. */
  restarted(): void;
}

export interface FeedTiming {
  /** Milliseconds between polls. */
  readonly interval: number;
  /** Milliseconds a poll may take. */
  readonly deadline: number;
  /** Milliseconds since the start of the last successful poll after which the feed is cut off. */
  readonly cutOff: number;
}

const pageSize = 2000;

/**
 * Milliseconds for which pages may be full before everything is forgotten: what waits in further
 * pages is not known one by one yet, and must be by 2 s after its commit.
 */
const longestBacklog = 1000;

/** Milliseconds between a hint and the poll that it leads to: further hints are included. */
const hintDelay = 10;

/**
 * Follows the change feed. `fresh` says whether everything committed up to a moment ago is known;
 * ages are monotonic, so that a clock that jumps can't make a dead feed look alive.
 */
export class StatusFeed {
  readonly #source: FeedSource;
  readonly #listener: FeedListener;
  readonly #timing: FeedTiming;
  readonly #log: Log;
  readonly #stopping = new AbortController();
  #cursor: string | undefined;
  #freshUntil = Number.NEGATIVE_INFINITY;
  #lastStart = Number.NEGATIVE_INFINITY;
  #failing = false;
  #backlogSince: number | undefined;
  #hinted = false;
  #wake: () => void = () => undefined;
  #deaf: (() => Promise<void>) | undefined;
  #running: Promise<void> | undefined;

  constructor(source: FeedSource, listener: FeedListener, timing: FeedTiming, log: Log) {
    this.#source = source;
    this.#listener = listener;
    this.#timing = timing;
    this.#log = log;
  }

  /** Whether new answers may be signed: the last poll succeeded and began less than `cutOff` ago. */
  get fresh(): boolean {
    return performance.now() < this.#freshUntil;
  }

  /** Milliseconds since the last successful poll began; infinite before the first. */
  get age(): number {
    return performance.now() - this.#lastStart;
  }

  start(): void {
    this.#running ??= this.#follow();
    this.#deaf ??= this.#source.hear?.(() => {
      this.#hinted = true;
      this.#wake();
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    await this.#deaf?.();
    await this.#running;
  }

  async #follow(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      let more = false;
      try {
        more = await this.#poll();
        if (this.#failing) {
          this.#failing = false;
          this.#log('info', 'the change feed answers again');
        }
      } catch (error) {
        if (!this.#failing) {
          this.#failing = true;
          this.#log('error', 'the change feed does not answer: nothing new is signed', { error });
        }
      }
      if (!more) {
        await this.#pause();
      }
    }
  }

  /** Until the next poll is due, or a hint says that it is worth while. */
  async #pause(): Promise<void> {
    const { signal } = this.#stopping;
    if (!this.#hinted) {
      const woken = new AbortController();
      this.#wake = () => {
        woken.abort();
      };
      await delay(this.#timing.interval, undefined, {
        signal: AbortSignal.any([signal, woken.signal]),
      }).catch(() => undefined);
    }
    if (this.#hinted) {
      await delay(hintDelay, undefined, { signal }).catch(() => undefined);
      this.#hinted = false;
    }
  }

  /** Answers whether a full page says that more is waiting. */
  async #poll(): Promise<boolean> {
    const started = performance.now();
    const { changes, cursor, readAt, restarted } = await withDeadline(
      this.#source.changesSince(this.#cursor, pageSize),
      this.#timing.deadline,
      'the change feed',
    );
    const more = changes.length >= pageSize && cursor !== this.#cursor;
    for (const change of changes) {
      const age =
        readAt === undefined || change.changedAt === undefined
          ? undefined
          : readAt.getTime() - change.changedAt.getTime();
      // The page was read after the poll began: what it shows as so old is at least that old.
      this.#listener.changed(change, age === undefined ? undefined : started - age);
    }
    if (restarted === true) {
      this.#listener.restarted();
    }
    this.#noteBacklog(changes.length >= pageSize, started);
    this.#cursor = cursor;
    this.#lastStart = started;
    this.#freshUntil = started + this.#timing.cutOff;
    return more;
  }

  #noteBacklog(full: boolean, started: number): void {
    if (!full) {
      this.#backlogSince = undefined;
      return;
    }
    this.#backlogSince ??= started;
    if (performance.now() - this.#backlogSince > longestBacklog) {
      this.#backlogSince = undefined;
      this.#listener.manyChanged();
    }
  }
}
