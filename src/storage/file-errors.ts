import { ChanceryError } from '../domain/index.ts';

/** Whether an error of a file operation has one of these codes. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** A full disk as what the schedule tries again; anything else as it is. */
export function mapFileError(error: unknown, path: string): unknown {
  if (hasCode(error, 'ENOSPC', 'EDQUOT')) {
    return new ChanceryError('overloaded', {
      message: `no space is left to publish ${path}; the one published before still stands`,
      retryAfter: 30,
      cause: error,
    });
  }
  return error;
}
