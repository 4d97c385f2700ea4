import { createHash } from 'node:crypto';
import { ChanceryError } from '../domain/index.ts';
import { type CertificateList, parseCertificateList } from '../pkix/index.ts';
import { buildTrustBundle, type TrustBundle } from '../trust/index.ts';
import type { AuthorityContext } from './context.ts';

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

/** What anyone may fetch: CRLs, CA certificates, trust anchors. */
export function distributionUseCases({ dependencies, issuers }: AuthorityContext) {
  const { publisher, clock } = dependencies;
  /** Parsed once per content: a large CRL is not read again for each request. */
  const known = new Map<string, PublishedFile>();

  return {
    /** Undefined: no such file. A damaged CRL is not served (T-DISK-3): the schedule makes it anew. */
    async publishedFile(path: string): Promise<PublishedFile | undefined> {
      if (!crlFile.test(path) && !caFile.test(path)) {
        return undefined;
      }
      const content = await publisher.read(path);
      if (content === undefined) {
        return undefined;
      }
      const etag = createHash('sha256').update(content).digest('hex');
      const seen = known.get(path);
      if (seen?.etag === etag) {
        return seen;
      }
      const file = describe(path, content, etag, clock.now());
      known.set(path, file);
      return file;
    },

    /** The trust anchors by the bundle's name; `default` is the first and so far the only one. */
    async trustBundle(name: string): Promise<TrustBundle> {
      if (name !== 'default') {
        throw new ChanceryError('notFound', {
          message: `there is no trust bundle ${JSON.stringify(name)}; there is: default`,
          field: 'name',
        });
      }
      const anchors = new Map<string, Uint8Array>();
      for (const { chain } of await issuers.all()) {
        const top = chain.at(-1);
        if (top !== undefined && Buffer.compare(top.issuer.der, top.subject.der) === 0) {
          anchors.set(Buffer.from(top.der).toString('hex'), top.der);
        }
      }
      return buildTrustBundle({ name, anchors: [...anchors.values()] });
    },
  };
}

function describe(path: string, content: Uint8Array, etag: string, now: Date): PublishedFile {
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
