import { ChanceryError, type Principal } from '../domain/index.ts';
import { act } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import { deltaUrl, shardUrl } from './crl-shards.ts';
import type { LoadedIssuer } from './loaded-issuers.ts';
import type { CrlRecord, CrlShardState } from './ports.ts';

/** A published CRL and where it is. */
export type PublishedCrl = CrlRecord & { readonly url: string };

/** A shard of an issuer, with what is published of it and where. */
export type ShardOfIssuer = CrlShardState & { readonly url: string };

/** Showing and publishing CRLs by hand; the schedule does it by itself. */
export function crlUseCases(context: AuthorityContext) {
  const { dependencies, issuers } = context;
  const { unitOfWork, tenant } = dependencies;

  const statesOf = async (
    issuer: string | undefined,
  ): Promise<readonly { readonly issuer: LoadedIssuer; readonly state: CrlShardState }[]> => {
    const selected =
      issuer === undefined ? await issuers.all() : [await issuers.byNameOrId(issuer)];
    const states = await unitOfWork.readOne(async (transaction) =>
      transaction.crls.shardStates(tenant),
    );
    return selected.flatMap((loaded) =>
      states
        .filter(({ issuerId }) => issuerId === loaded.record.issuerId)
        .map((state) => ({ issuer: loaded, state })),
    );
  };

  return {
    /** The newest published CRLs of each shard, complete and delta, of all issuers or of the one named. */
    async listCrls(principal: Principal, issuer?: string): Promise<readonly PublishedCrl[]> {
      const described = { act: 'crl.read', object: issuer ?? 'all' };
      return act(dependencies, principal, 'crls:read', described, async () =>
        (await statesOf(issuer)).flatMap(({ issuer: loaded, state: { complete, delta } }) =>
          [complete, delta]
            .filter((record) => record !== undefined)
            .map((record) => withUrl(loaded, record)),
        ),
      );
    },

    /** Every shard that ever was, of all issuers or of the one named. */
    async listShards(principal: Principal, issuer?: string): Promise<readonly ShardOfIssuer[]> {
      const described = { act: 'crl.read', object: issuer ?? 'all' };
      return act(dependencies, principal, 'crls:read', described, async () =>
        (await statesOf(issuer)).map(({ issuer: loaded, state }) => ({
          ...state,
          url: shardUrl(loaded.record.urls, state.shard),
        })),
      );
    },

    /** Publishes all shards now; the answer covers everything committed before the call. By shard. */
    async publishCrl(principal: Principal, issuer: string): Promise<readonly PublishedCrl[]> {
      const described = { act: 'crl.publish', object: issuer };
      return act(dependencies, principal, 'crls:publish', described, async () => {
        const loaded = await issuers.byNameOrId(issuer);
        if (loaded.record.state !== 'active') {
          throw new ChanceryError('illegalTransition', {
            message: `issuer ${loaded.record.name} waits for its chain and has no CRL yet; run \`chancery issuer install ${loaded.record.name} --chain FILE\` first`,
            field: 'issuer',
          });
        }
        return (await context.crls.publish(loaded, principal)).map((record) =>
          withUrl(loaded, record),
        );
      });
    },
  };
}

function withUrl({ record: { urls } }: LoadedIssuer, crl: CrlRecord): PublishedCrl {
  return { ...crl, url: (crl.kind === 'delta' ? deltaUrl : shardUrl)(urls, crl.shard) };
}
