import { ChanceryError, type KeyId } from '../domain/index.ts';
import type { KeyLife, KeyUse } from '../keys/ports.ts';
import { CountSlots, type Counts } from './count-slots.ts';
import type { LogLevel } from './messages.ts';

/**
 * Signatures that are counted on disk ahead of being made. A process that is killed loses what it
 * had not used of its window: the count is then too high by that, and never too low.
 */
export const longestWindow = 1000;

interface Count {
  /** Made, or about to be. */
  used: number;
  /** On disk: what may be used without writing again. */
  reserved: number;
  /** The limit that `reserved` was fitted to. */
  fittedTo: number | undefined;
}

type Log = (level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>) => void;

/**
 * Counts the signatures of a token's keys durably (SP 800-57 Part 1 §5.3, limits by number of uses).
 *
 * A window is on disk before the first signature of it is made; near a limit windows shrink to
 * one. Several processes may use one token: each announces its window in its own slot, then looks at
 * the others', and gives back what is too much, so that the sum over all never passes a limit.
 */
export class SignatureCounts {
  readonly #slots: CountSlots;
  readonly #log: Log;
  readonly #counts = new Map<KeyId, Count>();
  #claimed = false;
  /** Counts went back or are damaged: known since; looked at again with every refusal. */
  #doubted = false;
  #writeFailed = false;

  constructor(folder: string, log: Log) {
    this.#slots = new CountSlots(folder);
    this.#log = log;
  }

  /**
   * Counts one signature that is about to be made.
   *
   * @throws ChanceryError `keyBlocked` when the limit is reached, or is not sure to hold;
   * `tokenUnavailable` when a key with a limit can't be counted. Keys without a limit go on.
   */
  take(keyId: KeyId, { allotted }: Pick<KeyLife, 'allotted'>): void {
    const count = this.#countOf(keyId);
    if (allotted !== undefined && this.#doubted) this.#requireUndoubted(keyId);
    if (count.used >= count.reserved || count.fittedTo !== allotted) {
      this.#reserve(keyId, count, allotted);
    }
    count.used += 1;
  }

  /**
   * The inventory knows of `counted` signatures on this node. A count that is lower by more than
   * processes may have given back since went back: an older file was put in its place, or it is
   * gone. It is set to what the inventory knows.
   */
  atLeast(keyId: KeyId, counted: number): void {
    try {
      this.#raise(keyId, counted);
    } catch (error) {
      this.#alarm('the counts of signatures could not be compared with the inventory', error);
    }
  }

  #raise(keyId: KeyId, counted: number): void {
    const { others, slots } = this.#look();
    const count = this.#countOf(keyId);
    const total = (others.get(keyId) ?? 0) + count.used;
    if (total >= counted) return;
    if (total + longestWindow * (slots + 1) < counted) {
      this.#doubt(`key ${keyId}: ${total} signatures on disk, ${counted} in the inventory`);
    }
    count.used += counted - total;
    count.reserved = Math.max(count.reserved, count.used);
    this.#write(undefined, keyId);
  }

  /** Of every key, over all processes; of other processes what they have reserved. */
  usage(): KeyUse[] {
    const sums = new Map(this.#look().others);
    for (const [keyId, { used }] of this.#counts) sums.set(keyId, (sums.get(keyId) ?? 0) + used);
    return [...sums].map(([keyId, signatures]) => ({ keyId, signatures }));
  }

  /** Writes the exact counts and leaves the slot. */
  close(): void {
    if (!this.#claimed) return;
    try {
      this.#slots.write(new Map([...this.#counts].map(([keyId, { used }]) => [keyId, used])));
      this.#slots.release();
    } catch (error) {
      this.#alarm(
        'the counts of signatures could not be closed; they stay a window too high',
        error,
      );
    }
  }

  #countOf(keyId: KeyId): Count {
    if (!this.#claimed) {
      this.#claimed = true;
      for (const [known, count] of this.#claim()) {
        this.#counts.set(known, { used: count, reserved: count, fittedTo: undefined });
      }
    }
    let count = this.#counts.get(keyId);
    if (count === undefined) {
      count = { used: 0, reserved: 0, fittedTo: undefined };
      this.#counts.set(keyId, count);
    }
    return count;
  }

  #claim(): Counts {
    try {
      const counts = this.#slots.claim();
      this.#look();
      return counts;
    } catch (error) {
      this.#writeFailed = true;
      this.#alarm('the counts of signatures can be kept in memory alone', error);
      return new Map();
    }
  }

  #reserve(keyId: KeyId, count: Count, allotted: number | undefined): void {
    if (allotted === undefined) {
      count.fittedTo = undefined;
      if (count.used < count.reserved) return;
      count.reserved = count.used + longestWindow;
      this.#write(undefined, keyId);
      return;
    }
    const left = this.#leftOf(keyId, count, allotted);
    if (left <= 0) throw limitReached(keyId, allotted);
    count.reserved = count.used + Math.min(longestWindow, Math.ceil(left / 4));
    count.fittedTo = undefined;
    this.#write(allotted, keyId);
    // Announced first, looked at afterwards: of two processes at least one sees the other's window.
    const still = this.#leftOf(keyId, count, allotted);
    if (count.used + still < count.reserved) {
      count.reserved = count.used + Math.max(0, still);
      this.#write(allotted, keyId);
    }
    if (count.used >= count.reserved) throw limitReached(keyId, allotted);
    count.fittedTo = allotted;
  }

  /** How many more signatures the limit allows this process. */
  #leftOf(keyId: KeyId, { used }: Count, allotted: number): number {
    const { others } = this.#look();
    this.#requireUndoubted(keyId);
    return allotted - (others.get(keyId) ?? 0) - used;
  }

  #look(): ReturnType<CountSlots['look']> {
    const folder = this.#slots.look();
    const before = this.#doubted;
    this.#doubted = folder.damaged.length > 0;
    if (this.#doubted && !before) {
      this.#alarm(
        'the counts of signatures are damaged or went back: keys with a limit sign nothing until they were examined and the files named here removed',
        folder.damaged.join(', '),
      );
    }
    return folder;
  }

  #doubt(why: string): void {
    this.#slots.doubt(why);
    this.#look();
  }

  #requireUndoubted(keyId: KeyId): void {
    if (this.#doubted) this.#look();
    if (!this.#doubted) return;
    throw new ChanceryError('keyBlocked', {
      message: `key ${keyId} signs nothing: it has a limit, and the counts of signatures on this node are damaged or went back; examine them and remove the files damaged-* beside them`,
    });
  }

  /** @throws ChanceryError tokenUnavailable under a limit; otherwise an alarm once */
  #write(allotted: number | undefined, keyId: KeyId): void {
    try {
      if (!this.#slots.untouched) {
        this.#doubt('the counts of a running signer process were replaced from outside');
      }
      this.#slots.write(
        new Map([...this.#counts].map(([known, { reserved }]) => [known, reserved])),
      );
      this.#writeFailed = false;
    } catch (error) {
      if (!this.#writeFailed) {
        this.#alarm('the counts of signatures could not be kept on disk', error);
      }
      this.#writeFailed = true;
      if (allotted === undefined) return;
      const count = this.#counts.get(keyId);
      if (count !== undefined) count.reserved = Math.min(count.reserved, count.used);
      throw new ChanceryError('tokenUnavailable', {
        message: `key ${keyId} has a limit, and its signatures can't be counted: ${reasonOf(error)}`,
        retryAfter: 5,
      });
    }
    if (allotted !== undefined) this.#requireUndoubted(keyId);
  }

  #alarm(message: string, reason: unknown): void {
    this.#log('error', `ALARM: ${message}`, { reason: reasonOf(reason) });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function limitReached(keyId: KeyId, allotted: number): ChanceryError {
  return new ChanceryError('keyBlocked', {
    message: `key ${keyId} signs nothing: the ${allotted} signatures that this node may make with it are used up`,
    clause: 'SP 800-57 Part 1 §5.3',
  });
}
