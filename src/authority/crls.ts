import { ChanceryError, type Principal } from '../domain/index.ts';
import { act } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import type { CrlRecord } from './ports.ts';

/** Showing and publishing CRLs by hand; the schedule does it by itself. */
export function crlUseCases(context: AuthorityContext) {
  const { dependencies, issuers } = context;
  const { unitOfWork, tenant } = dependencies;
  return {
    /** The newest published CRL of each issuer, or of the one named. */
    async listCrls(
      principal: Principal,
      issuer?: string,
    ): Promise<readonly (CrlRecord & { readonly url: string })[]> {
      const described = { act: 'crl.read', object: issuer ?? 'all' };
      return act(dependencies, principal, 'crls:read', described, async () => {
        const selected =
          issuer === undefined ? await issuers.all() : [await issuers.byNameOrId(issuer)];
        return unitOfWork.read(async (transaction) => {
          const records: (CrlRecord & { readonly url: string })[] = [];
          for (const { record } of selected) {
            const latest = await transaction.crls.latestPublished(tenant, record.issuerId, 0);
            if (latest !== undefined) {
              records.push({ ...latest, url: record.urls.crl });
            }
          }
          return records;
        });
      });
    },

    /** Publishes now; the answer covers everything committed before the call. */
    async publishCrl(
      principal: Principal,
      issuer: string,
    ): Promise<CrlRecord & { readonly url: string }> {
      const described = { act: 'crl.publish', object: issuer };
      return act(dependencies, principal, 'crls:publish', described, async () => {
        const loaded = await issuers.byNameOrId(issuer);
        if (loaded.record.state !== 'active') {
          throw new ChanceryError('illegalTransition', {
            message: `issuer ${loaded.record.name} waits for its chain and has no CRL yet; run \`chancery issuer install ${loaded.record.name} --chain FILE\` first`,
            field: 'issuer',
          });
        }
        return { ...(await context.crls.publish(loaded, principal)), url: loaded.record.urls.crl };
      });
    },
  };
}
