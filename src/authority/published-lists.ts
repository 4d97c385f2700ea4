import { type CertificateList, parseCertificateList } from '../pkix/index.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import type { IssuerRecord, Transaction } from './ports.ts';
import { crlPath } from './published-paths.ts';

/** A published CRL as it stands in the published folder. */
export interface PublishedList {
  readonly issuer: IssuerRecord;
  readonly list: CertificateList;
}

/** Every issuer's published CRL that can be read. */
export async function publishedLists(
  { publisher, tenant, log }: Pick<AuthorityDependencies, 'publisher' | 'tenant' | 'log'>,
  transaction: Transaction,
): Promise<readonly PublishedList[]> {
  const lists: PublishedList[] = [];
  for (const issuer of await transaction.issuers.list(tenant)) {
    const der = await publisher.read(crlPath(issuer.issuerId, 0));
    if (der === undefined) {
      continue;
    }
    try {
      lists.push({ issuer, list: parseCertificateList(der) });
    } catch (error) {
      // Damaged on disk: not served, and made anew by the schedule (T-DISK-3).
      log('alarm', 'a published CRL is damaged; it is made anew', {
        issuer: issuer.name,
        cause: String(error),
      });
    }
  }
  return lists;
}

/** Why a published CRL is ahead of the database; undefined when it is not. */
export async function aheadOf(
  { tenant }: Pick<AuthorityDependencies, 'tenant'>,
  transaction: Transaction,
  issuer: IssuerRecord,
  list: CertificateList,
): Promise<string | undefined> {
  const highest = await transaction.crls.highestNumber(tenant, issuer.issuerId, 0);
  const published = list.crlNumber ?? 0n;
  if (highest === undefined || published > highest) {
    return `the published CRL of ${issuer.name} has crlNumber ${published}, the database knows ${highest ?? 'none'}`;
  }
  return undefined;
}
