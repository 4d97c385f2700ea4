import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { ChanceryError } from '../domain/index.ts';
import { mapFileError } from './file-errors.ts';
import { removeLeftovers, removeTemporary, temporaryBeside } from './temporary-files.ts';

/** Content that was handed over once, kept in a file so that it can be sent more than once. */
export interface Spool {
  readonly octets: number;
  /** Hex. */
  readonly sha256: string;
  chunks(): AsyncIterable<Uint8Array>;
}

const pieceOctets = 256 * 1024;

/** Keeps the chunks in a temporary file while `work` runs. It need not survive a crash: no fsync. */
export async function spooled<T>(
  folder: string,
  path: string,
  octets: number,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  work: (spool: Spool) => Promise<T>,
): Promise<T> {
  const file = temporaryBeside(join(folder, path.replaceAll('/', '-')));
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await removeLeftovers(folder);
    const handle = await open(file, 'wx', 0o600);
    let sha256: string;
    try {
      sha256 = await writeCounted(path, octets, chunks, async (chunk) => handle.writeFile(chunk));
    } finally {
      await handle.close();
    }
    return await work({
      octets,
      sha256,
      chunks: () =>
        createReadStream(file, { highWaterMark: pieceOctets }) as AsyncIterable<Uint8Array>,
    });
  } catch (error) {
    throw mapFileError(error, path);
  } finally {
    await removeTemporary(file);
  }
}

/**
 * Writes the chunks one after the other and hashes them.
 * @returns hex SHA-256
 * @throws ChanceryError internal when they are not so many octets
 */
export async function writeCounted(
  path: string,
  octets: number,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  write: (chunk: Uint8Array) => Promise<void>,
): Promise<string> {
  const hash = createHash('sha256');
  let written = 0;
  for await (const chunk of chunks) {
    written += chunk.length;
    if (written > octets) break;
    hash.update(chunk);
    await write(chunk);
  }
  if (written !== octets) {
    throw new ChanceryError('internal', {
      message: `${path} was to have ${octets} octets and came with ${written > octets ? 'more' : written}; nothing was published`,
    });
  }
  return hash.digest('hex');
}

/** Hex SHA-256 of all chunks. */
export async function hashOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}
