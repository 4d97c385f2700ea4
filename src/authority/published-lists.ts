import { type CertificateList, parseCertificateList } from '../pkix/index.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import type { CrlRecord, IssuerRecord, Transaction } from './ports.ts';
import { parseCrlPath } from './published-paths.ts';

/** A published CRL as it stands in the published folder. */
export interface PublishedList {
  readonly issuer: IssuerRecord;
  readonly shard: number;
  readonly kind: CrlRecord['kind'];
  readonly list: CertificateList;
}

/**
 * Every issuer's published CRLs that can be read, whether the database knows their shards or not;
 * complete ones first. One at a time: a large one must not stand in memory beside all others.
 */
export async function* publishedLists(
  { publisher, tenant, log }: Pick<AuthorityDependencies, 'publisher' | 'tenant' | 'log'>,
  transaction: Transaction,
): AsyncGenerator<PublishedList> {
  for (const issuer of await transaction.issuers.list(tenant)) {
    for (const { path, shard, kind } of await crlPathsOf(publisher, issuer.issuerId)) {
      const der = await publisher.read(path);
      if (der === undefined) {
        continue;
      }
      let list: CertificateList;
      try {
        list = parseCertificateList(der);
      } catch (error) {
        // Damaged on disk: not served, and made anew by the schedule (T-DISK-3).
        log('alarm', 'a published CRL is damaged; it is made anew', {
          issuer: issuer.name,
          shard,
          kind,
          cause: String(error),
        });
        continue;
      }
      yield { issuer, shard, kind, list };
    }
  }
}

/** What is published of an issuer, complete CRLs first, by shard. */
export async function crlPathsOf(
  publisher: Pick<AuthorityDependencies['publisher'], 'list'>,
  issuerId: string,
): Promise<
  readonly { readonly path: string; readonly shard: number; readonly kind: CrlRecord['kind'] }[]
> {
  const paths = await publisher.list(`crl/${issuerId}/`);
  return paths
    .flatMap((path) => {
      const parsed = parseCrlPath(path);
      return parsed === undefined ? [] : [{ path, shard: parsed.shard, kind: parsed.kind }];
    })
    .sort((a, b) => (a.kind === b.kind ? a.shard - b.shard : a.kind === 'complete' ? -1 : 1));
}

/** Why a published CRL is ahead of the database; undefined when it is not. */
export async function aheadOf(
  { tenant }: Pick<AuthorityDependencies, 'tenant'>,
  transaction: Transaction,
  { issuer, shard, list }: PublishedList,
): Promise<string | undefined> {
  const highest = await transaction.crls.highestNumber(tenant, issuer.issuerId, shard);
  const published = list.crlNumber ?? 0n;
  if (highest === undefined || published > highest) {
    const which = shard === 0 ? '' : ` (shard ${shard})`;
    return `the published CRL of ${issuer.name}${which} has crlNumber ${published}, the database knows ${highest ?? 'none'}`;
  }
  return undefined;
}
