import { ChanceryError } from '../domain/index.ts';
import type { BoundKeys } from './bound-keys.ts';
import type { CrlPublication } from './crl-publication.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import { type IssuanceOrder, issueFromOrder } from './issuance-core.ts';
import type { IssuerStanding } from './issuer-standing.ts';
import type { LoadedIssuers } from './loaded-issuers.ts';
import type { CertificateRecord } from './ports.ts';

/** What the use cases share: dependencies, issuers in memory, the one path of issuance, CRL publication. */
export interface AuthorityContext {
  readonly dependencies: AuthorityDependencies;
  readonly issuers: LoadedIssuers;
  readonly crls: CrlPublication;
  readonly standing: IssuerStanding;
  readonly keys: BoundKeys;
  /** @throws ChanceryError issuanceHalted while nothing may be signed: a database that went back, a wrong clock */
  requireSound(): Promise<void>;
  /** Bounded: one more than the limit is refused before anything is committed. */
  issue(
    order: IssuanceOrder,
  ): Promise<{ readonly record: CertificateRecord; readonly certificate: Uint8Array }>;
}

/** Issuance with a bound on what is under way, and the halt that a detected restore sets. */
export function boundedIssuance(
  dependencies: AuthorityDependencies,
  standing: IssuerStanding,
  serialPrefix: () => Promise<string>,
  /** Throws before the intent when the issuer's token is absent. */
  requirePresentIssuer: (order: IssuanceOrder) => Promise<void>,
): AuthorityContext['issue'] {
  let underWay = 0;
  return async (order) => {
    if (underWay >= dependencies.settings.issuanceLimit) {
      throw new ChanceryError('overloaded', {
        message: `${underWay} issuances are under way, which is the limit; ask again in a second`,
        retryAfter: 1,
      });
    }
    underWay += 1;
    try {
      await requirePresentIssuer(order);
      await standing.require(order);
      return await issueFromOrder(dependencies, serialPrefix, order);
    } finally {
      underWay -= 1;
    }
  };
}
