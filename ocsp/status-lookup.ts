import type { Clock, IssuerId, SerialNumber } from '../src/domain/index.ts';
import { withDeadline } from './deadline.ts';
import type { StatusRecord, StatusSource } from './ports.ts';

/** Records by serial number, and the moment before which they were read from the database. */
export interface StatusSnapshot {
  /** When the query was sent, or of when a replica's records are: they are at least that young. */
  readonly asOf: Date;
  readonly records: ReadonlyMap<SerialNumber, StatusRecord>;
}

interface Waiting {
  readonly serialNumbers: readonly SerialNumber[];
  readonly resolve: (snapshot: StatusSnapshot) => void;
  readonly reject: (error: unknown) => void;
}

/** Serial numbers asked for in one query. */
const batchSize = 500;
/** Queries in flight; what comes meanwhile waits and goes together. */
const concurrency = 4;

/** Looks statuses up, those that wait for the same issuer in one query. */
export class StatusLookup {
  readonly #source: StatusSource;
  readonly #clock: Clock;
  readonly #deadline: number;
  readonly #waiting = new Map<IssuerId, Waiting[]>();
  #inFlight = 0;

  /** @param deadline milliseconds a query may take */
  constructor(source: StatusSource, clock: Clock, deadline: number) {
    this.#source = source;
    this.#clock = clock;
    this.#deadline = deadline;
  }

  /** @throws ChanceryError `databaseUnavailable` */
  async lookup(
    issuerId: IssuerId,
    serialNumbers: readonly SerialNumber[],
  ): Promise<StatusSnapshot> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(issuerId);
      const one: Waiting = { serialNumbers, resolve, reject };
      if (waiting === undefined) {
        this.#waiting.set(issuerId, [one]);
      } else {
        waiting.push(one);
      }
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#inFlight < concurrency) {
      const [next] = this.#waiting;
      if (next === undefined) {
        return;
      }
      const [issuerId, waiting] = next;
      // Re-inserted at the end, so that issuers take turns.
      this.#waiting.delete(issuerId);
      const batch = takeBatch(waiting);
      if (waiting.length > 0) {
        this.#waiting.set(issuerId, waiting);
      }
      this.#inFlight += 1;
      void this.#query(issuerId, batch).finally(() => {
        this.#inFlight -= 1;
        this.#pump();
      });
    }
  }

  async #query(issuerId: IssuerId, batch: readonly Waiting[]): Promise<void> {
    const serialNumbers = [...new Set(batch.flatMap((one) => one.serialNumbers))];
    const asked = this.#clock.now();
    try {
      const records = await withDeadline(
        this.#source.lookup(issuerId, serialNumbers),
        this.#deadline,
        'the status view',
      );
      const asOf = records.reduce(
        (earliest, record) =>
          record.asOf !== undefined && record.asOf < earliest ? record.asOf : earliest,
        asked,
      );
      const bySerialNumber = new Map(records.map((record) => [record.serialNumber, record]));
      for (const one of batch) {
        one.resolve({ asOf, records: bySerialNumber });
      }
    } catch (error) {
      for (const one of batch) {
        one.reject(error);
      }
    }
  }
}

/** Removes from the front what fits into one query; at least one. */
function takeBatch(waiting: Waiting[]): readonly Waiting[] {
  let count = 0;
  let size = 0;
  for (const one of waiting) {
    if (count > 0 && size + one.serialNumbers.length > batchSize) {
      break;
    }
    count += 1;
    size += one.serialNumbers.length;
  }
  return waiting.splice(0, count);
}
