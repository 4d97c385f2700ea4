import type { Clock, IssuerId, SerialNumber } from '../src/domain/index.ts';
import { withDeadline } from './deadline.ts';
import type {
  Log,
  ReplicaSource,
  StatusChanges,
  StatusIssuer,
  StatusRecord,
  StatusSource,
} from './ports.ts';

/** Milliseconds for which a replica that failed is left alone. */
const rest = 1000;

/**
 * Looks statuses up on a replica where that is as good as the primary.
 *
 * The feed is followed on the primary. A replica's record counts only when the replica had
 * replayed the log up to the feed's last change before it was read: it is then true of the moment
 * at which the feed was last read to its end (`asOf`). What the replica does not know as issued is
 * asked of the primary, so that `unknown` is never said by a replica alone.
 */
export class ReplicaLookup implements StatusSource {
  readonly #primary: StatusSource;
  readonly #replica: ReplicaSource;
  readonly #clock: Clock;
  readonly #deadline: number;
  readonly #log: Log;
  /** All changes committed before this moment were told. */
  #toldUntil: Date | undefined;
  #position: bigint | undefined;
  #restingUntil = Number.NEGATIVE_INFINITY;
  #failing = false;
  /** Certificates whose status came from the replica, and from the primary. */
  readonly counts = { replica: 0, primary: 0 };
  readonly hear?: (heard: () => void) => () => Promise<void>;

  constructor(parts: {
    readonly primary: StatusSource;
    readonly replica: ReplicaSource;
    readonly clock: Clock;
    /** Milliseconds that the replica may take; the primary is asked then. */
    readonly deadline: number;
    readonly log: Log;
  }) {
    this.#primary = parts.primary;
    this.#replica = parts.replica;
    this.#clock = parts.clock;
    this.#deadline = parts.deadline;
    this.#log = parts.log;
    const { primary } = parts;
    if (primary.hear !== undefined) {
      this.hear = (heard) => primary.hear?.(heard) ?? (async () => Promise.resolve());
    }
  }

  async issuers(): Promise<readonly StatusIssuer[]> {
    return this.#primary.issuers();
  }

  async changesSince(cursor: string | undefined, limit: number): Promise<StatusChanges> {
    const started = this.#clock.now();
    const page = await this.#primary.changesSince(cursor, limit);
    this.#note(page, started, cursor === undefined || page.restarted === true, limit);
    return page;
  }

  /**
   * Forwards only: a page that its reader gave up waiting for may come after a later one, and its
   * position would let a replica count that lacks what the later one told.
   */
  #note(page: StatusChanges, started: Date, anew: boolean, limit: number): void {
    const { position, changes } = page;
    if (position !== undefined && (anew || position > (this.#position ?? -1n))) {
      this.#position = position;
    }
    if (changes.length < limit && (anew || started > (this.#toldUntil ?? new Date(0)))) {
      this.#toldUntil = started;
    }
  }

  async lookup(
    issuerId: IssuerId,
    serialNumbers: readonly SerialNumber[],
  ): Promise<readonly StatusRecord[]> {
    const known = await this.#fromReplica(issuerId, serialNumbers);
    const found = new Set(known.map(({ serialNumber }) => serialNumber));
    const missing = serialNumbers.filter((serialNumber) => !found.has(serialNumber));
    this.counts.replica += known.length;
    this.counts.primary += missing.length;
    if (missing.length === 0) {
      return known;
    }
    return [...known, ...(await this.#primary.lookup(issuerId, missing))];
  }

  /** What the replica says and may say; empty when it is behind or away. */
  async #fromReplica(
    issuerId: IssuerId,
    serialNumbers: readonly SerialNumber[],
  ): Promise<readonly StatusRecord[]> {
    const asOf = this.#toldUntil;
    const position = this.#position;
    if (asOf === undefined || position === undefined || performance.now() < this.#restingUntil) {
      return [];
    }
    try {
      const { records, replayed } = await withDeadline(
        this.#replica.lookup(issuerId, serialNumbers),
        this.#deadline,
        'the replica',
      );
      if (this.#failing) {
        this.#failing = false;
        this.#log('info', 'the replica answers again');
      }
      return replayed < position
        ? []
        : records
            .filter(({ issuanceState }) => issuanceState !== 'prepared')
            .map((record) => ({ ...record, asOf }));
    } catch (error) {
      this.#restingUntil = performance.now() + rest;
      if (!this.#failing) {
        this.#failing = true;
        this.#log('warn', 'the replica does not answer: the primary is asked', { error });
      }
      return [];
    }
  }
}
