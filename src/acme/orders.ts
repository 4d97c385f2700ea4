import { type AccountContext, type Handler, noSuch } from './context.ts';
import { orderAnswer } from './order-object.ts';
import type { OrderRecord } from './ports.ts';

/** An order, by POST-as-GET (RFC 8555 §7.4). */
export const showOrder: Handler = async (context) => orderAnswer(context, namedOrder(context), 200);

/** The order that the path names, as it was when the request was let in. @throws AcmeProblem for another account's */
export function namedOrder({ named, access }: AccountContext): OrderRecord {
  if (named.order?.accountId !== access.account.accountId) throw noSuch('order');
  return named.order;
}

/** The order that the path names as it is now, of this account in this directory (RFC 8555 §10.5). */
export async function ownOrder({
  deps,
  policy,
  access,
  parameters,
}: AccountContext): Promise<OrderRecord> {
  const order = await deps.unitOfWork.readOne(async ({ acme }) =>
    acme.findOrder(deps.tenant, policy.name, parameters['orderId'] ?? ''),
  );
  if (order?.accountId !== access.account.accountId) throw noSuch('order');
  return order;
}
