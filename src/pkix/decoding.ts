import { DerError, type DerReader, readDer } from '../der/index.ts';
import { ChanceryError, type ErrorCode } from '../domain/index.ts';

/** What a structure is, where it is defined, and how large it may be. */
export interface Structure {
  readonly name: string;
  readonly clause: string;
  /** Octets; default 256 KiB. */
  readonly maxSize?: number | undefined;
  /** Error code for what can't be read; default `malformed`. */
  readonly code?: ErrorCode | undefined;
}

const defaultMaxSize = 256 * 1024;

/** A ChanceryError that names the structure; DerErrors only, everything else passes unchanged. */
export function asMalformed(structure: Structure, error: unknown): unknown {
  if (!(error instanceof DerError)) return error;
  return new ChanceryError(structure.code ?? 'malformed', {
    message: `the ${structure.name} can't be read: ${error.message}; send DER as ${structure.clause} defines it`,
    field: structure.name,
    clause: structure.clause,
    cause: error,
  });
}

/**
 * Reads one structure that fills `der`.
 *
 * @throws ChanceryError with the structure's code for anything that is not strict DER of that structure.
 */
export function decode<T>(
  structure: Structure,
  der: Uint8Array,
  read: (reader: DerReader) => T,
): T {
  try {
    const reader = readDer(der, { maxSize: structure.maxSize ?? defaultMaxSize });
    const value = read(reader);
    reader.end();
    return value;
  } catch (error) {
    throw asMalformed(structure, error);
  }
}

/** Runs an encoder; what a DER type can't hold becomes a ChanceryError `malformed`. */
export function encode(structure: Structure, write: () => Uint8Array): Uint8Array {
  try {
    return write();
  } catch (error) {
    throw asMalformed(structure, error);
  }
}

/** Fails at the reader's place; becomes a ChanceryError where the structure is known. */
export function refuse(message: string, reader?: DerReader): never {
  throw new DerError(message, reader?.offset ?? 0);
}

/** Octets as lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** Whether two octet strings are the same. Not constant-time: nothing compared here is secret. */
export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) {
    if (a[i] !== b[i]) return false;
  }
  return true;
}
