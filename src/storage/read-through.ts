import type { Publisher, StoredFile } from '../authority/ports.ts';
import { isChanceryError } from '../domain/index.ts';

/** What the store holds is looked up at most so often a file; another node's CRL shows within it. */
const freshMilliseconds = 1000;
/** Paths come from requests: those that name nothing are not collected without end. */
const longestMemory = 10_000;

interface Known {
  readonly checkedAt: number;
  /** The store's version, and the local copy of it. */
  readonly found: Promise<StoredFile | undefined>;
}

/**
 * Files of a store as local copies that follow it: what is served costs the store one HEAD a second,
 * and a download once a version. While the store does not answer, the last copy is served, also after
 * a restart; whoever serves it looks at its times (no CRL past its nextUpdate is called fresh).
 */
export function readThrough(source: Publisher, copies: Publisher): Pick<Publisher, 'open'> {
  const known = new Map<string, Known>();

  async function look(
    path: string,
    before: StoredFile | undefined,
  ): Promise<StoredFile | undefined> {
    let found: StoredFile | undefined;
    try {
      found = await source.open(path);
      if (found === undefined || found.version === before?.version) return found && before;
      await copies.publishStream(path, found.octets, found.chunks());
    } catch (error) {
      if (!isChanceryError(error)) throw error;
      const copy = before ?? (await copies.open(path));
      if (copy === undefined) throw error;
      return copy;
    }
    const copy = await copies.open(path);
    return copy && { ...copy, version: found.version };
  }

  return {
    async open(path) {
      const now = performance.now();
      const last = known.get(path);
      if (last !== undefined && now - last.checkedAt < freshMilliseconds) return last.found;
      const found = (async () => look(path, await last?.found.catch(() => undefined)))();
      if (known.size >= longestMemory && !known.has(path)) known.clear();
      known.set(path, { checkedAt: now, found });
      return found;
    },
  };
}
