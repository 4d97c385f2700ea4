import { ChanceryError } from '../domain/index.ts';
import { type CertificateList, parseCertificateList } from '../pkix/index.ts';
import { buildTrustBundle, type TrustBundle } from '../trust/index.ts';
import type { AuthorityContext } from './context.ts';
import type { LoadedIssuer } from './loaded-issuers.ts';
import { sha256 } from './octets.ts';

/** A public file with what HTTP caching needs (RFC 5280 §4.2.1.13, RFC 2585). */
export interface PublishedFile {
  readonly content: Uint8Array;
  /** Lower-case hex SHA-256 of the content. */
  readonly etag: string;
  readonly lastModified: Date;
  /** A CRL's nextUpdate. */
  readonly expires?: Date | undefined;
}

const crlFile = /^crl\/[0-9a-f]{40}\/\d{1,6}\.crl$/;
const caFile = /^ca\/[0-9a-f]{40}\.cer$/;

/** A file on disk is looked at again after this time; requests in between are answered from memory. */
const freshMilliseconds = 250;

interface KnownFile {
  readonly checkedAt: number;
  readonly file: Promise<PublishedFile | undefined>;
}

/** What anyone may fetch: CRLs, CA certificates, trust anchors. */
export function distributionUseCases({ dependencies, issuers }: AuthorityContext) {
  const { publisher, clock } = dependencies;
  const known = new Map<string, KnownFile>();
  let bundle: { readonly of: readonly LoadedIssuer[]; readonly built: TrustBundle } | undefined;

  const load = async (
    path: string,
    before: PublishedFile | undefined,
  ): Promise<PublishedFile | undefined> => {
    const content = await publisher.read(path);
    if (content === undefined) {
      return undefined;
    }
    if (before !== undefined && Buffer.compare(before.content, content) === 0) {
      return before;
    }
    return describe(path, content, clock.now());
  };

  return {
    /** Undefined: no such file. A damaged CRL is not served (T-DISK-3): the schedule makes it anew. */
    async publishedFile(path: string): Promise<PublishedFile | undefined> {
      if (!crlFile.test(path) && !caFile.test(path)) {
        return undefined;
      }
      const now = clock.now().getTime();
      const last = known.get(path);
      if (last !== undefined && Math.abs(now - last.checkedAt) < freshMilliseconds) {
        return last.file;
      }
      const file = (async () => load(path, await last?.file.catch(() => undefined)))();
      known.set(path, { checkedAt: now, file });
      const found = await file.catch((error: unknown) => {
        known.delete(path);
        throw error;
      });
      if (found === undefined) {
        // Names of files that do not exist are not collected.
        known.delete(path);
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
        bundle = { of: all, built: buildTrustBundle({ name, anchors: anchorsOf(all) }) };
      }
      return bundle.built;
    },
  };
}

/** The self-signed certificates at the top of every issuer's chain, each once. */
function anchorsOf(all: readonly LoadedIssuer[]): readonly Uint8Array[] {
  const anchors = new Map<string, Uint8Array>();
  for (const { chain } of all) {
    const top = chain.at(-1);
    if (top !== undefined && Buffer.compare(top.issuer.der, top.subject.der) === 0) {
      anchors.set(Buffer.from(top.der).toString('hex'), top.der);
    }
  }
  return [...anchors.values()];
}

function describe(path: string, content: Uint8Array, now: Date): PublishedFile {
  const etag = sha256(content);
  if (!path.endsWith('.crl')) {
    return { content, etag, lastModified: now };
  }
  let list: CertificateList;
  try {
    list = parseCertificateList(content);
  } catch (error) {
    throw new ChanceryError('overloaded', {
      message: `${path} is damaged on disk and not served; it is made anew`,
      retryAfter: 5,
      cause: error,
    });
  }
  return { content, etag, lastModified: list.thisUpdate, expires: list.nextUpdate };
}
