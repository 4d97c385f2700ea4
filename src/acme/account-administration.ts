import { act, recordDone } from '../authority/index.ts';
import { ChanceryError, type Principal } from '../domain/index.ts';
import type { AcmeDependencies } from './dependencies.ts';
import type { AccountRecord } from './ports.ts';

/** Accounts as operators see them. What their holders do to them is the protocol's. */
export function accountUseCases(deps: AcmeDependencies) {
  const { unitOfWork, tenant } = deps;
  return {
    async listAccounts(
      principal: Principal,
      filter: {
        readonly directory?: string | undefined;
        readonly kid?: string | undefined;
        readonly cursor?: string | undefined;
        readonly limit: number;
      },
    ): Promise<{ readonly items: readonly AccountRecord[]; readonly next: string | null }> {
      const described = { act: 'acmeAccount.list', object: filter.directory ?? 'all' };
      return act(deps, principal, 'acme:read', described, async () =>
        unitOfWork.readOne(async ({ acme }) => acme.listAccounts(tenant, filter)),
      );
    },

    /**
     * valid -> revoked (RFC 8555 §7.1.6): the account is stopped at its next request, for good. Its
     * certificates stay as they are. With a binding, `revokeCredential` stops all accounts of it.
     *
     * @throws ChanceryError notFound for an account that is not there, or not valid any more
     */
    async revokeAccount(principal: Principal, accountId: string): Promise<void> {
      const described = { act: 'acmeAccount.revoke', object: accountId };
      await act(deps, principal, 'acme:manage', described, async () =>
        unitOfWork.run(async (transaction) => {
          if (!(await transaction.acme.endAccount(tenant, accountId, 'revoked'))) {
            throw new ChanceryError('notFound', {
              message: `there is no valid account ${JSON.stringify(accountId.slice(0, 100))}; \`chancery acme account list\` shows those there are and what became of them`,
              field: 'accountId',
            });
          }
          await recordDone(deps, transaction, principal, described);
        }),
      );
    },
  };
}
