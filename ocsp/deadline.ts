import { ChanceryError } from '../src/domain/index.ts';

/**
 * The promise's outcome, or `databaseUnavailable` after so many milliseconds. The promise itself
 * runs on; its late outcome is ignored.
 */
export async function withDeadline<T>(
  promise: Promise<T>,
  milliseconds: number,
  what: string,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(
        new ChanceryError('databaseUnavailable', {
          message: `${what} did not answer within ${milliseconds} ms`,
        }),
      );
    }, milliseconds);
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}
