import { setTimeout as delay } from 'node:timers/promises';
import { withDeadline } from './deadline.ts';
import type { Log, StatusRecord, StatusSource } from './ports.ts';

/** What the feed tells: single changes, or that there are too many to tell apart. */
export interface FeedListener {
  changed(record: StatusRecord): void;
  /** More changed than one page holds: everything looked up before counts as old. */
  manyChanged(): void;
}

export interface FeedTiming {
  /** Milliseconds between polls. */
  readonly interval: number;
  /** Milliseconds a poll may take. */
  readonly deadline: number;
  /** Milliseconds since the start of the last successful poll after which the feed is cut off. */
  readonly cutOff: number;
}

const pageSize = 1000;

/**
 * Follows the change feed. `fresh` says whether everything committed up to a moment ago is known;
 * ages are monotonic, so that a clock that jumps can't make a dead feed look alive.
 */
export class StatusFeed {
  readonly #source: StatusSource;
  readonly #listener: FeedListener;
  readonly #timing: FeedTiming;
  readonly #log: Log;
  readonly #stopping = new AbortController();
  #cursor: string | undefined;
  #freshUntil = Number.NEGATIVE_INFINITY;
  #lastStart = Number.NEGATIVE_INFINITY;
  #failing = false;
  #running: Promise<void> | undefined;

  constructor(source: StatusSource, listener: FeedListener, timing: FeedTiming, log: Log) {
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
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
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
        await delay(this.#timing.interval, undefined, { signal: this.#stopping.signal }).catch(
          () => undefined,
        );
      }
    }
  }

  /** Answers whether a full page says that more is waiting. */
  async #poll(): Promise<boolean> {
    const started = performance.now();
    const { changes, cursor } = await withDeadline(
      this.#source.changesSince(this.#cursor, pageSize),
      this.#timing.deadline,
      'the change feed',
    );
    const more = changes.length >= pageSize && cursor !== this.#cursor;
    for (const change of changes) {
      this.#listener.changed(change);
    }
    // What waits in further pages is not known one by one yet; with everything forgotten, whatever
    // is answered meanwhile is looked up anew.
    if (changes.length >= pageSize) {
      this.#listener.manyChanged();
    }
    this.#cursor = cursor;
    this.#lastStart = started;
    this.#freshUntil = started + this.#timing.cutOff;
    return more;
  }
}
