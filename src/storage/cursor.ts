import type { Row, Session } from './pool.ts';

/** Rows of one FETCH: enough to hide the round trip, few enough to be garbage before the next collection. */
const chunkSize = 1000;

let cursors = 0;

/**
 * Streams a query's rows as arrays, in chunks, from a server-side cursor of the running transaction.
 * The next chunk is on its way while the caller works on one.
 */
export function streamRows(
  session: Session,
  query: string,
  values: readonly unknown[],
  size: number = chunkSize,
): AsyncGenerator<readonly (readonly unknown[])[]> {
  return chunks(session, query, values, size, async (text) => await session.arrays(text));
}

/** As {@link streamRows}, each row an object. */
export function streamRecords(
  session: Session,
  query: string,
  values: readonly unknown[],
): AsyncGenerator<readonly Row[]> {
  return chunks(session, query, values, chunkSize, async (text) => await session.query({ text }));
}

async function* chunks<T>(
  session: Session,
  query: string,
  values: readonly unknown[],
  size: number,
  read: (text: string) => Promise<readonly T[]>,
): AsyncGenerator<readonly T[]> {
  cursors += 1;
  const name = `stream_${cursors}`;
  session.defer({ text: `DECLARE ${name} NO SCROLL CURSOR FOR ${query}` }, values);
  const fetch = async () => await read(`FETCH FORWARD ${Math.trunc(size)} FROM ${name}`);
  let next = fetch();
  let complete = false;
  try {
    while (!complete) {
      const rows = await next;
      complete = rows.length < size;
      if (!complete) next = fetch();
      if (rows.length > 0) yield rows;
    }
  } finally {
    // A caller that stopped early leaves one FETCH under way; its outcome is of no interest.
    next.catch(() => undefined);
    session.defer({ text: `CLOSE ${name}` }, []);
  }
}
