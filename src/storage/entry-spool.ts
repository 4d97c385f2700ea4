import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ChanceryError } from '../domain/index.ts';
import type { EncodedEntries, EntrySpool, EntrySpools } from '../issuance/ports.ts';

/** What few entries may take in memory before they go to a file: about 27,000 of them. */
const memoryLimit = 1 << 20;
/** Octets that are written and read at once. */
const pieceLength = 128 * 1024;

const spoolName = /^entries-(\d+)-(\d+)\.spool$/;
let counter = 0;

/**
 * Spools below a folder that only this user may read (mode 0700). A file (mode 0600) loses its name
 * as soon as it is open: whatever ends the process, nothing stays, and nobody else reaches it. One
 * that a crash left in between is removed before the next is made.
 */
export function fileEntrySpools(folder: string): EntrySpools {
  return { open: () => new FileEntrySpool(folder) };
}

class FileEntrySpool implements EntrySpool {
  readonly #folder: string;
  #file: FileHandle | undefined;
  /** What is not in the file: all of it while there is no file. */
  #held: Uint8Array[] = [];
  #heldOctets = 0;
  #octets = 0;
  #count = 0;
  #state: 'open' | 'closed' | 'discarded' = 'open';

  constructor(folder: string) {
    this.#folder = folder;
  }

  async write(chunk: Uint8Array, count: number): Promise<void> {
    this.#expect('open');
    this.#held.push(Uint8Array.from(chunk));
    this.#heldOctets += chunk.length;
    this.#octets += chunk.length;
    this.#count += count;
    if (this.#file === undefined ? this.#octets > memoryLimit : this.#heldOctets >= pieceLength) {
      await this.#flush();
    }
  }

  async close(): Promise<EncodedEntries> {
    this.#expect('open');
    this.#state = 'closed';
    if (this.#file !== undefined) await this.#flush();
    return { octets: this.#octets, count: this.#count, chunks: () => this.#read() };
  }

  async discard(): Promise<void> {
    this.#state = 'discarded';
    this.#held = [];
    const file = this.#file;
    this.#file = undefined;
    // Its name is gone already: closing gives the space back.
    await file?.close().catch(() => undefined);
  }

  #expect(state: 'open' | 'closed'): void {
    if (this.#state !== state) {
      throw new ChanceryError('internal', {
        message: `a spool of CRL entries is ${this.#state} where it must be ${state}`,
      });
    }
  }

  async #flush(): Promise<void> {
    const held = this.#held;
    this.#held = [];
    this.#heldOctets = 0;
    try {
      this.#file ??= await nameless(this.#folder);
      await writeAll(this.#file, Buffer.concat(held));
    } catch (error) {
      await this.discard();
      throw mapSpoolError(error, this.#folder);
    }
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    this.#expect('closed');
    const file = this.#file;
    if (file === undefined) {
      yield* this.#held;
      return;
    }
    for (let at = 0; at < this.#octets; ) {
      this.#expect('closed');
      const length = Math.min(pieceLength, this.#octets - at);
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafeSlow(length), 0, length, at);
      if (bytesRead === 0) {
        throw new ChanceryError('internal', {
          message: `a spool of CRL entries below ${this.#folder} is shorter than what was written; check its disk`,
        });
      }
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }
}

async function nameless(folder: string): Promise<FileHandle> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await removeLeftovers(folder);
  counter += 1;
  const path = join(folder, `entries-${process.pid}-${counter}.spool`);
  // O_EXCL with O_NOFOLLOW: nothing that somebody put there is written through.
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = await open(path, flags, 0o600);
  try {
    await unlink(path);
  } catch (error) {
    await file.close();
    throw error;
  }
  return file;
}

/** A name stands for a moment only: what a process that is gone, or this one's number before, left. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const [, pid, number] = spoolName.exec(name) ?? [];
    if (pid === undefined) continue;
    const ours = Number(pid) === process.pid;
    if (ours ? Number(number) > counter : !isAlive(Number(pid))) {
      await unlink(join(folder, name)).catch(() => undefined);
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

async function writeAll(file: FileHandle, octets: Uint8Array): Promise<void> {
  for (let at = 0; at < octets.length; ) {
    const { bytesWritten } = await file.write(octets, at);
    at += bytesWritten;
  }
}

function mapSpoolError(error: unknown, folder: string): unknown {
  if (
    error instanceof Error &&
    'code' in error &&
    ['ENOSPC', 'EDQUOT'].includes(String(error.code))
  ) {
    return new ChanceryError('overloaded', {
      message: `no space is left below ${folder} for the entries of a CRL; the one published before still stands`,
      retryAfter: 30,
      cause: error,
    });
  }
  return error;
}
