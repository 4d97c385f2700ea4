import { recordDone } from '../authority/index.ts';
import { accountPrincipal } from './account-principal.ts';
import { parseContacts } from './contacts.ts';
import { type AccountContext, type Handler, link, noSuch } from './context.ts';
import type { AccountRecord } from './ports.ts';
import { AcmeProblem } from './problem.ts';
import type { Urls } from './urls.ts';

/** Orders in one page of an account's list. */
const pageSize = 50;

/** The account object (RFC 8555 §7.1.2). */
export function accountObject(
  account: AccountRecord,
  urls: Urls,
): Readonly<Record<string, unknown>> {
  return {
    status: account.status,
    contact: account.contact,
    termsOfServiceAgreed: account.termsAgreedAt === undefined ? undefined : true,
    externalAccountBinding: account.externalAccountBinding,
    orders: urls.orders(account.accountId),
  };
}

/**
 * The account itself: shown, updated (RFC 8555 §7.3.2) or deactivated (§7.3.6). Of an update only
 * `contact` and the status `deactivated` count; all else is ignored, as §7.3.2 demands.
 */
export const showAccount: Handler = async (context) => {
  const { payload, urls } = context;
  const { account } = own(context);
  if (payload === undefined) return { status: 200, body: accountObject(account, urls) };
  const changed =
    payload['status'] === 'deactivated'
      ? await deactivate(context)
      : await update(context, payload['contact']);
  return { status: 200, body: accountObject(changed, urls) };
};

/** The orders of an account, newest first, in pages (RFC 8555 §7.1.2.1). */
export const listOrders: Handler = async (context) => {
  const { deps, urls, policy, request } = context;
  const { accountId } = own(context).account;
  const { items, next } = await deps.unitOfWork.readOne(async ({ acme }) =>
    acme.listOrders(
      deps.tenant,
      policy.name,
      accountId,
      request.query.get('cursor') ?? undefined,
      pageSize,
    ),
  );
  return {
    status: 200,
    links: next === null ? [] : [link(urls.orders(accountId, next), 'next')],
    body: { orders: items.map((orderId) => urls.order(orderId)) },
  };
};

/** Nobody but the account itself reads what is below its URL. */
function own({ access, parameters }: AccountContext): AccountContext['access'] {
  if (parameters['accountId'] !== access.account.accountId) throw noSuch('account');
  return access;
}

async function update(
  { deps, access: { account } }: AccountContext,
  value: unknown,
): Promise<AccountRecord> {
  if (value === undefined) return account;
  const contact = parseContacts(value);
  await deps.unitOfWork.run(async (transaction) => {
    await transaction.acme.updateAccount(deps.tenant, account.accountId, { contact });
    await recordDone(deps, transaction, accountPrincipal(deps, account), {
      act: 'acmeAccount.update',
      object: `${account.directory}/${account.accountId}`,
      details: { contact, contactBefore: account.contact },
    });
  });
  return { ...account, contact };
}

async function deactivate({ deps, access: { account } }: AccountContext): Promise<AccountRecord> {
  await deps.unitOfWork.run(async (transaction) => {
    if (!(await transaction.acme.endAccount(deps.tenant, account.accountId, 'deactivated'))) {
      throw new AcmeProblem('unauthorized', {
        detail: 'the account is not valid any more (RFC 8555 §7.3.6)',
      });
    }
    await recordDone(deps, transaction, accountPrincipal(deps, account), {
      act: 'acmeAccount.deactivate',
      object: `${account.directory}/${account.accountId}`,
    });
  });
  return { ...account, status: 'deactivated' };
}
