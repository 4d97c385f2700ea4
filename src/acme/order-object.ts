import type { HandlerAnswer } from './context.ts';
import type { OrderRecord, OrderStatus } from './ports.ts';
import { formatTime } from './renewal-info.ts';
import { orderStatusAt } from './states.ts';
import type { Urls } from './urls.ts';

/** Seconds after which a client should look again at an order that is being issued. */
const processingRetryAfter = '1';

/** An order as its account sees it (RFC 8555 §7.1.3, with `profile` and RFC 9773 §5's `replaces`). */
export function orderAnswer(
  { urls, now }: { readonly urls: Urls; readonly now: Date },
  order: OrderRecord,
  httpStatus: 200 | 201,
): HandlerAnswer {
  const status = orderStatusAt(order, now);
  return {
    status: httpStatus,
    headers: {
      location: urls.order(order.orderId),
      ...(status === 'processing' ? { 'retry-after': processingRetryAfter } : {}),
    },
    body: orderObject(urls, order, status),
  };
}

function orderObject(
  urls: Urls,
  order: OrderRecord,
  status: OrderStatus,
): Readonly<Record<string, unknown>> {
  return {
    status,
    expires: formatTime(order.expiresAt),
    identifiers: order.identifiers,
    notBefore: order.notBefore && formatTime(order.notBefore),
    notAfter: order.notAfter && formatTime(order.notAfter),
    profile: order.profile,
    replaces: order.replaces,
    error: order.error,
    authorizations: order.authorizations.map((id) => urls.authorization(id)),
    finalize: urls.finalize(order.orderId),
    certificate: status === 'valid' ? urls.certificate(order.orderId) : undefined,
  };
}
