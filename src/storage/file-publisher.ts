import { type BigIntStats, constants, createReadStream, type Dirent } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ExpectedVersion, Publisher, StoredFile } from '../authority/ports.ts';
import { ChanceryError } from '../domain/index.ts';
import { hasCode, mapFileError } from './file-errors.ts';
import { withFileLock } from './file-lock.ts';
import { replacedMeanwhile, segment, segmentsOf } from './published-path.ts';
import { hashOf, writeCounted } from './spool.ts';
import { removeLeftovers, removeTemporary, temporaryBeside } from './temporary-files.ts';

/** Read and written in pieces of this size: memory for one of them a reader. */
const pieceOctets = 256 * 1024;

/**
 * Published files below a folder. A file is whole, old or new, at every moment: a temporary file
 * beside it is written, synced, read again and compared by its hash; then it is renamed over the old
 * one and the folder is synced. The rename happens under a lock that other processes respect
 * (`withFileLock`), with the version looked up under the same lock: of two who expect the same
 * version one succeeds. The transfer itself is not under the lock.
 *
 * A version is inode, time of change and size: each write makes another, and asking costs one stat.
 * Damage in place is not seen by it; that is what the hash in the CRL's row is for (T-DISK-3).
 */
export function filePublisher(folder: string): Publisher {
  async function publishStream(
    path: string,
    octets: number,
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    expected?: ExpectedVersion,
  ): Promise<{ readonly version: string }> {
    const target = join(folder, ...segmentsOf(path));
    const parent = dirname(target);
    const temporary = temporaryBeside(target);
    try {
      await makeFolder(parent);
      await removeLeftovers(parent);
      // Asked before the transfer as well: a conflict that stands already costs no 40 MB.
      await refuseOtherVersion(target, path, expected);
      const written = await writeDurably(temporary, path, octets, chunks);
      // Compared before the rename: what reads differently never replaces what stands.
      if ((await hashOf(createReadStream(temporary, { highWaterMark: pieceOctets }))) !== written) {
        throw new ChanceryError('internal', {
          message: `${path} reads differently from what was written; check the disk below ${folder}`,
        });
      }
      return await withFileLock(join(parent, `.${basename(target)}.lock`), async () => {
        await refuseOtherVersion(target, path, expected);
        await rename(temporary, target);
        await syncFolder(parent);
        return { version: versionOf(await stat(target, { bigint: true })) };
      });
    } catch (error) {
      throw mapFileError(error, path);
    } finally {
      // After the rename it is not there any more; what failed first is what counts.
      await removeTemporary(temporary);
    }
  }

  async function publish(path: string, content: Uint8Array): Promise<void> {
    await publishStream(path, content.length, [content]);
  }

  async function read(path: string): Promise<Uint8Array | undefined> {
    try {
      const content = await readFile(join(folder, ...segmentsOf(path)));
      return new Uint8Array(content.buffer, content.byteOffset, content.length);
    } catch (error) {
      if (isAbsence(error)) return undefined;
      throw mapFileError(error, path);
    }
  }

  async function openFile(path: string): Promise<StoredFile | undefined> {
    const target = join(folder, ...segmentsOf(path));
    const found = await statFile(target);
    if (found === undefined) return undefined;
    const version = versionOf(found);
    return {
      octets: Number(found.size),
      version,
      chunks: () => readPieces(target, path, version),
    };
  }

  async function list(prefix: string): Promise<readonly string[]> {
    const start = prefix.replace(/\/$/, '');
    const above = start === '' ? [] : segmentsOf(start);
    const found: string[] = [];
    const walk = async (below: readonly string[]): Promise<void> => {
      let entries: Dirent[];
      try {
        entries = await readdir(join(folder, ...below), { withFileTypes: true });
      } catch (error) {
        if (hasCode(error, 'ENOENT', 'ENOTDIR')) return;
        throw mapFileError(error, below.join('/'));
      }
      for (const entry of entries) {
        if (!segment.test(entry.name)) continue;
        const path = [...below, entry.name];
        if (entry.isDirectory()) await walk(path);
        else if (entry.isFile()) found.push(path.join('/'));
      }
    };
    await walk(above);
    return found.sort();
  }

  return { publish, publishStream, read, open: openFile, list };
}

/** The version is looked up on the open file, so that a reader never gets two versions mixed. */
async function* readPieces(
  file: string,
  path: string,
  version: string,
): AsyncGenerator<Uint8Array, void> {
  const handle = await open(file, constants.O_RDONLY).catch((error: unknown) => {
    throw isAbsence(error) ? replacedMeanwhile(path) : error;
  });
  try {
    const found = await handle.stat({ bigint: true });
    if (versionOf(found) !== version) throw replacedMeanwhile(path);
    let left = Number(found.size);
    while (left > 0) {
      const piece = Buffer.allocUnsafeSlow(Math.min(pieceOctets, left));
      const { bytesRead } = await handle.read(piece, 0, piece.length);
      if (bytesRead === 0) throw replacedMeanwhile(path);
      left -= bytesRead;
      yield piece.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

async function refuseOtherVersion(
  target: string,
  path: string,
  expected: ExpectedVersion | undefined,
): Promise<void> {
  if (expected === undefined) return;
  const found = await statFile(target);
  const version = found === undefined ? null : versionOf(found);
  if (version !== expected.version) throw replacedMeanwhile(path);
}

async function statFile(file: string): Promise<BigIntStats | undefined> {
  try {
    const found = await stat(file, { bigint: true });
    return found.isFile() ? found : undefined;
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

function versionOf({ ino, mtimeNs, size }: BigIntStats): string {
  return `${ino.toString(16)}-${mtimeNs.toString(16)}-${size.toString(16)}`;
}

function isAbsence(error: unknown): boolean {
  return hasCode(error, 'ENOENT', 'ENOTDIR', 'EISDIR');
}

/** Hex SHA-256 of what was handed to the disk and synced. */
async function writeDurably(
  file: string,
  path: string,
  octets: number,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<string> {
  // O_EXCL with O_NOFOLLOW: nothing that somebody put there is written through.
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const handle = await open(file, flags, 0o644);
  try {
    const sha256 = await writeCounted(path, octets, chunks, async (chunk) =>
      handle.writeFile(chunk),
    );
    // A failed fsync is a failure for good: the kernel may report the same loss only once.
    await handle.sync();
    return sha256;
  } finally {
    await handle.close();
  }
}

/** Makes what is missing, and syncs each folder in which a new one stands. */
async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o755 });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) {
    await syncFolder(dirname(made));
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
