import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { KeyId } from '../domain/index.ts';

/** How often each key has signed, as far as one slot tells. */
export type Counts = ReadonlyMap<KeyId, number>;

/** What the folder holds. */
export interface SlotFolder {
  /** Sums over the slots of all other processes, and those that nobody holds. */
  readonly others: Counts;
  /** Slots, one's own left out. */
  readonly slots: number;
  /** Files that were set aside: an operator removes them once the counts were examined. */
  readonly damaged: readonly string[];
}

/** Where the counts are kept. */
export function countsBeside(pinFile: string): string {
  return `${pinFile}.counts`;
}

const freePrefix = 'free-';
const damagedPrefix = 'damaged-';
const slotPattern = /^(free-[0-9a-f]+|[0-9a-f]{8}-\d+-\d+)\.json$/;
const draftPattern = /^\.(.+\.json)\.[0-9a-f]{8}$/;
const listAttempts = 100;

/**
 * The counts on disk: a folder beside the PIN file with a file (slot) for each signer process that
 * uses the token, so that no two ever write one file and no lock can be left behind. A slot is named
 * after its process; a new process takes over one that is free or whose process has ended, by
 * renaming it, which only one of two can do. The count of a key is the sum over all slots.
 */
export class CountSlots {
  readonly #folder: string;
  readonly #ownName = `${placeMark()}-${process.pid}-${startOf(process.pid)}.json`;
  /** What this process wrote last; undefined before it holds a slot. */
  #written: string | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Takes a slot into possession. @returns what it has counted so far */
  claim(): Counts {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    this.#removeDrafts();
    for (const name of this.#names().filter(isAbandoned)) {
      if (!this.#rename(name, this.#ownName)) continue;
      const content = this.#read(this.#ownName);
      if (content !== undefined) {
        this.#written = content.text;
        return content.counts;
      }
    }
    const none = new Map<KeyId, number>();
    this.write(none);
    return none;
  }

  /**
   * Replaces one's own slot, durably before it returns.
   *
   * @throws Error of the file system
   */
  write(counts: Counts): void {
    const text = encodeSlot(counts);
    const draft = join(this.#folder, `.${this.#ownName}.${randomBytes(4).toString('hex')}`);
    try {
      writeFileSync(draft, text, { mode: 0o600, flush: true });
      renameSync(draft, join(this.#folder, this.#ownName));
    } catch (error) {
      rmSync(draft, { force: true });
      throw error;
    }
    this.#sync();
    this.#written = text;
  }

  /** Whether one's own slot says what was written to it last: it does not once somebody put an older one there. */
  get untouched(): boolean {
    if (this.#written === undefined) return true;
    try {
      return readFileSync(join(this.#folder, this.#ownName), 'utf8') === this.#written;
    } catch {
      return false;
    }
  }

  /** All but one's own slot. What can't be understood is set aside. */
  look(): SlotFolder {
    for (let attempt = 0; attempt < listAttempts; attempt++) {
      const names = this.#names();
      const slots = names.filter((name) => slotPattern.test(name) && name !== this.#ownName);
      const contents = slots.map((name) => this.#read(name));
      // A slot that was renamed meanwhile was seen twice or not at all: the whole is read again.
      if (this.#names().join() !== names.join()) continue;
      const others = new Map<KeyId, number>();
      for (const content of contents) {
        for (const [keyId, count] of content?.counts ?? []) {
          others.set(keyId, (others.get(keyId) ?? 0) + count);
        }
      }
      const damaged = names.filter((name) => name.startsWith(damagedPrefix));
      return { others, slots: slots.length, damaged };
    }
    throw new Error(`${this.#folder} changes all the time; the counts of signatures can't be read`);
  }

  /** Keeps a trace of counts that went back, which stops keys with a limit until it is removed. */
  doubt(why: string): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const at = new Date().toISOString().replaceAll(/[:.]/g, '-');
    const name = `${damagedPrefix}${at}-${randomBytes(4).toString('hex')}.txt`;
    writeFileSync(join(this.#folder, name), `${why}\n`, { mode: 0o600, flush: true });
    this.#sync();
  }

  /** Leaves the slot to the next process. */
  release(): void {
    if (this.#written === undefined) return;
    this.#rename(this.#ownName, `${freePrefix}${randomBytes(8).toString('hex')}.json`);
    this.#written = undefined;
    this.#sync();
  }

  /** What processes left that were killed while they wrote. */
  #removeDrafts(): void {
    for (const name of readdirSync(this.#folder)) {
      const slot = draftPattern.exec(name)?.[1];
      if (slot !== undefined && isAbandoned(slot))
        rmSync(join(this.#folder, name), { force: true });
    }
  }

  #names(): string[] {
    try {
      return readdirSync(this.#folder)
        .filter((name) => !name.startsWith('.'))
        .sort();
    } catch (error) {
      if (isAbsent(error)) return [];
      throw error;
    }
  }

  #read(name: string): { readonly text: string; readonly counts: Counts } | undefined {
    let text: string;
    try {
      text = readFileSync(join(this.#folder, name), 'utf8');
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
    const counts = decodeSlot(text);
    if (counts !== undefined) return { text, counts };
    this.#rename(name, `${damagedPrefix}${randomBytes(4).toString('hex')}-${name}`);
    return undefined;
  }

  #rename(from: string, to: string): boolean {
    try {
      renameSync(join(this.#folder, from), join(this.#folder, to));
      return true;
    } catch (error) {
      if (isAbsent(error)) return false;
      throw error;
    }
  }

  /** A rename is durable once the folder is. */
  #sync(): void {
    const folder = openSync(this.#folder, 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && Reflect.get(error, 'code') === 'ENOENT';
}

function checksum(counts: string): string {
  return createHash('sha256').update(counts).digest('hex');
}

function encodeSlot(counts: Counts): string {
  const sorted = JSON.stringify(
    Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1))),
  );
  return `{"counts":${sorted},"sha256":"${checksum(sorted)}"}\n`;
}

/** Undefined for anything but what `encodeSlot` makes. */
function decodeSlot(text: string): Counts | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('counts' in value)) return undefined;
    const entries = Object.entries(value.counts as Record<string, unknown>);
    const counts = new Map<KeyId, number>();
    for (const [keyId, count] of entries) {
      if (!Number.isSafeInteger(count)) return undefined;
      counts.set(keyId, count as number);
    }
    return encodeSlot(counts) === text ? counts : undefined;
  } catch {
    return undefined;
  }
}

/** Host, boot and namespace of process ids: within one, a process id tells who lives. */
function placeMark(): string {
  const place = [
    hostname(),
    orEmpty(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    orEmpty(() => readlinkSync('/proc/self/ns/pid')),
  ];
  return createHash('sha256').update(place.join(' ')).digest('hex').slice(0, 8);
}

/** Free, or of a process of this place that has ended. Those of other hosts and containers are counted and left. */
function isAbandoned(name: string): boolean {
  if (!slotPattern.test(name)) return false;
  if (name.startsWith(freePrefix)) return true;
  const [mark, pid, started] = name.replace('.json', '').split('-');
  return mark === placeMark() && startOf(Number(pid)) !== started;
}

/** The process's start in clock ticks since boot; 0 when there is no such process. */
function startOf(pid: number): string {
  // The name, in parentheses, may hold anything: fields are counted after it (proc_pid_stat(5)).
  const fields = orEmpty(() => readFileSync(`/proc/${pid}/stat`, 'latin1'))
    .split(') ')
    .at(-1);
  return fields?.split(' ')[19] ?? '0';
}

function orEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
