import { createHash } from 'node:crypto';
import { isChanceryError } from '../domain/index.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import type { LoadedIssuer } from './loaded-issuers.ts';
import type { CrlRecord, CrlShardState } from './ports.ts';
import { caPath, crlPath } from './published-paths.ts';

/** Looks whether what was published still stands whole in the store (T-DISK-3). */
export interface PublishedFilesLook {
  /**
   * Whether the shard's files are the ones recorded, octet for octet; looked up at the first turn of a
   * process and each minute. A CA certificate that is missing (a crash right after the issuer's
   * creation, a lost folder) is written again on the way. True while nothing is published yet.
   */
  isWhole(issuer: LoadedIssuer, state: CrlShardState): Promise<boolean>;
}

const everyMilliseconds = 60_000;

export function publishedFilesLook({
  publisher,
  clock,
  log,
}: Pick<AuthorityDependencies, 'publisher' | 'clock' | 'log'>): PublishedFilesLook {
  const lookedAt = new Map<string, Date>();

  const isFresh = (key: string, now: Date): boolean => {
    const before = lookedAt.get(key);
    return before !== undefined && Math.abs(now.getTime() - before.getTime()) < everyMilliseconds;
  };

  const keepCertificate = async ({ record, signing }: LoadedIssuer, now: Date): Promise<void> => {
    const { certificate } = signing;
    const path = caPath(record.issuerId);
    if (isFresh(path, now)) {
      return;
    }
    if (certificate !== undefined && !same(await publisher.read(path), certificate.der)) {
      log('warn', 'a CA certificate was missing from the published folder; it is written again', {
        issuer: record.name,
      });
      await publisher.publish(path, certificate.der);
    }
    lookedAt.set(path, now);
  };

  /** Lower-case hex SHA-256 of a file that may be large; undefined: no such file, or another by now. */
  const hashOf = async (path: string): Promise<string | undefined> => {
    const file = await publisher.open(path);
    if (file === undefined) {
      return undefined;
    }
    const hash = createHash('sha256');
    try {
      for await (const chunk of file.chunks()) {
        hash.update(chunk);
      }
    } catch (error) {
      if (isChanceryError(error) && error.code === 'storeConflict') {
        return undefined;
      }
      throw error;
    }
    return hash.digest('hex');
  };

  return {
    async isWhole(issuer, { complete, delta }) {
      const { record } = issuer;
      if (complete === undefined) {
        return true;
      }
      const now = clock.now();
      const key = `${record.issuerId}/${complete.shard}`;
      if (isFresh(key, now)) {
        return true;
      }
      await keepCertificate(issuer, now);
      const wanted: readonly CrlRecord[] =
        delta !== undefined && complete.deltaSeconds !== undefined ? [complete, delta] : [complete];
      for (const last of wanted) {
        const found = await hashOf(crlPath(record.issuerId, last.shard, last.kind));
        if (found !== last.sha256) {
          log('warn', 'the published CRL is not the one recorded; it is made anew', {
            issuer: record.name,
            shard: last.shard,
            kind: last.kind,
            missing: found === undefined,
          });
          return false;
        }
      }
      lookedAt.set(key, now);
      return true;
    },
  };
}

function same(found: Uint8Array | undefined, wanted: Uint8Array): boolean {
  return found !== undefined && Buffer.compare(found, wanted) === 0;
}
