import type { Authority } from '../authority/index.ts';
import type { IssuerId } from '../domain/index.ts';
import { systemPrincipal } from '../domain/index.ts';

/** The public facts of an issuer that other representations refer to. */
export interface IssuerFacts {
  readonly name: string;
  /** Undefined of a CA elsewhere. */
  readonly crlUrl?: string | undefined;
}

/**
 * Names and URLs of issuers by id, for showing certificates and CRLs. Both are fixed when an issuer
 * is made, so they are kept; an id not seen yet is looked up. It asks as the system, because a
 * credential that may read certificates need not be allowed to list issuers, and shows no more
 * than the certificates themselves do.
 */
export interface IssuerDirectory {
  /** Undefined for an id that no issuer has. */
  find(issuerId: IssuerId): Promise<IssuerFacts | undefined>;
}

export function issuerDirectory(
  authority: Pick<Authority, 'listIssuers' | 'listForeignIssuers'>,
): IssuerDirectory {
  let known: ReadonlyMap<IssuerId, IssuerFacts> = new Map();
  return {
    async find(issuerId) {
      const facts = known.get(issuerId);
      if (facts !== undefined) return facts;
      const issuers = await authority.listIssuers(systemPrincipal);
      const elsewhere = await authority.listForeignIssuers(systemPrincipal);
      known = new Map([
        ...elsewhere.map(({ issuerId: id, name }) => [id, { name }] as const),
        ...issuers.map(({ issuerId: id, name, urls }) => [id, { name, crlUrl: urls.crl }] as const),
      ]);
      return known.get(issuerId);
    },
  };
}
