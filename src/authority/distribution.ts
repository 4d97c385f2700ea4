import { createHash } from 'node:crypto';
import { ChanceryError, isChanceryError } from '../domain/index.ts';
import { headOctets, parseCertificateList, readCertificateListHead } from '../pkix/index.ts';
import type { TrustBundle } from '../trust/index.ts';
import type { AuthorityContext } from './context.ts';
import type { LoadedIssuer } from './loaded-issuers.ts';
import type { StoredFile } from './ports.ts';
import { isCaPath, parseCrlPath } from './published-paths.ts';
import { defaultBundle } from './trust-anchors.ts';

/** A public file with what HTTP caching needs (RFC 5280 §4.2.1.13, RFC 2585). */
export interface PublishedFile {
  readonly octets: number;
  /** Lower-case hex SHA-256 of the content. */
  readonly etag: string;
  readonly lastModified: Date;
  /** A CRL's nextUpdate. */
  readonly expires?: Date | undefined;
  /**
   * The octets, read as they are taken: a request needs memory for a few of them.
   * @throws ChanceryError storeConflict before the first octet when the file was replaced: ask anew
   */
  chunks(): AsyncIterable<Uint8Array>;
}

/** The store is asked for its version again after this time; in between it is not asked. */
const freshMilliseconds = 250;
/** A CRL up to this size is read with the strict parser before it is served; of a larger one the head. */
const parsedWhole = 1024 * 1024;

interface KnownFile {
  readonly checkedAt: number;
  readonly file: Promise<PublishedFile | undefined>;
}

/** What anyone may fetch: CRLs, CA certificates, trust anchors. */
export function distributionUseCases({ dependencies, issuers }: AuthorityContext) {
  const { servedFiles, clock } = dependencies;
  const known = new Map<string, KnownFile>();
  const examined = new Map<string, { version: string; looked: Promise<Looked> }>();
  let bundle: { readonly of: readonly LoadedIssuer[]; readonly built: TrustBundle } | undefined;

  /** Looks a file over once a version, however many ask for it. */
  const load = async (path: string, now: Date): Promise<PublishedFile | undefined> => {
    const stored = await servedFiles.open(path);
    if (stored === undefined) return undefined;
    const last = examined.get(path);
    const { version, octets } = stored;
    const file =
      last?.version === version ? last : { version, looked: lookOver(path, stored, now) };
    examined.set(path, file);
    const looked = await file.looked.catch((error: unknown) => {
      // Damaged files are looked at again: the look costs little, and the schedule replaces them.
      if (examined.get(path) === file) examined.delete(path);
      throw error;
    });
    return { ...looked, octets, chunks: () => unlessReplaced(path, stored) };
  };

  /** What was remembered of a file that is replaced now must not be found by whoever asks anew. */
  async function* unlessReplaced(path: string, stored: StoredFile): AsyncGenerator<Uint8Array> {
    try {
      yield* stored.chunks();
    } catch (error) {
      if (isReplaced(error)) known.delete(path);
      throw error;
    }
  }

  /** A file that is replaced while it is looked over is looked over again: one build follows another. */
  const loadNow = async (path: string): Promise<PublishedFile | undefined> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await load(path, clock.now());
      } catch (error) {
        if (!isReplaced(error) || attempt >= 5) throw error;
      }
    }
  };

  return {
    /** Undefined: no such file. A damaged CRL is not served (T-DISK-3): the schedule makes it anew. */
    async publishedFile(path: string): Promise<PublishedFile | undefined> {
      if (parseCrlPath(path) === undefined && !isCaPath(path)) {
        return undefined;
      }
      const now = clock.now().getTime();
      const last = known.get(path);
      if (last !== undefined && Math.abs(now - last.checkedAt) < freshMilliseconds) {
        return last.file;
      }
      const file = loadNow(path);
      known.set(path, { checkedAt: now, file });
      const found = await file.catch((error: unknown) => {
        known.delete(path);
        throw error;
      });
      if (found === undefined) {
        // Names of files that do not exist are not collected.
        known.delete(path);
        examined.delete(path);
      }
      return found;
    },

    /** The trust anchors by the bundle's name; `default` is the first and so far the only one. */
    async trustBundle(name: string): Promise<TrustBundle> {
      if (name !== 'default') {
        throw new ChanceryError('notFound', {
          message: `there is no trust bundle ${JSON.stringify(name)}; there is: default`,
          field: 'name',
        });
      }
      const all = await issuers.all();
      if (bundle?.of !== all) {
        bundle = { of: all, built: defaultBundle(all) };
      }
      return bundle.built;
    },
  };
}

function isReplaced(error: unknown): boolean {
  return isChanceryError(error) && error.code === 'storeConflict';
}

/** What a look over a whole file tells. */
type Looked = Pick<PublishedFile, 'etag' | 'lastModified' | 'expires'>;

/** Reads a file once, in pieces. @throws ChanceryError overloaded when it is damaged (T-DISK-3) */
async function lookOver(path: string, stored: StoredFile, now: Date): Promise<Looked> {
  const hash = createHash('sha256');
  const kept: Uint8Array[] = [];
  const keep = stored.octets <= parsedWhole ? stored.octets : headOctets;
  let octets = 0;
  for await (const chunk of stored.chunks()) {
    hash.update(chunk);
    if (octets < keep) kept.push(chunk.subarray(0, keep - octets));
    octets += chunk.length;
  }
  const etag = hash.digest('hex');
  if (!path.endsWith('.crl')) return { etag, lastModified: now };
  try {
    const start = Buffer.concat(kept);
    const { thisUpdate, nextUpdate } =
      octets <= parsedWhole ? parseCertificateList(start) : readCertificateListHead(start, octets);
    return { etag, lastModified: thisUpdate, expires: nextUpdate };
  } catch (error) {
    throw new ChanceryError('overloaded', {
      message: `${path} is damaged in the store and not served; it is made anew`,
      retryAfter: 5,
      cause: error,
    });
  }
}
