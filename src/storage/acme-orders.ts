import type { AcmeStore, AuthorizationRecord, OrderRecord } from '../acme/ports.ts';
import { ChanceryError } from '../domain/index.ts';
import { pageOf } from './acme-accounts.ts';
import { keptUntil, orderOf } from './acme-rows.ts';
import type { Session } from './pool.ts';
import { text } from './rows.ts';
import type { acmeOrderStatements } from './sql/acme-orders.ts';

/** Orders (RFC 8555 §7.1.3). */
export function orderStore(
  session: Session,
  sql: ReturnType<typeof acmeOrderStatements>,
): Pick<
  AcmeStore,
  | 'insertOrder'
  | 'findOrder'
  | 'findOrderForUpdate'
  | 'listOrders'
  | 'findOrderOfCertificate'
  | 'beginProcessing'
  | 'completeOrder'
  | 'failOrder'
  | 'listInterruptedOrders'
> {
  return {
    insertOrder: async (order, created) => {
      const [row] = await session.query(
        order.replaces === undefined ? sql.insert : sql.insertReplacing,
        insertValues(order, created),
      );
      if (row?.['usable'] !== true) {
        throw new ChanceryError('illegalTransition', {
          message: `an authorization that order ${order.orderId} would use has ended meanwhile; place the order again`,
          clause: 'RFC 8555 §7.1.6',
        });
      }
      return row['inserted'] === true;
    },

    findOrder: async (tenant, directory, orderId) => {
      const [row] = await session.query(sql.find, [tenant, directory, orderId]);
      return row && orderOf(row);
    },

    findOrderForUpdate: async (tenant, directory, orderId) => {
      const [row] = await session.query(sql.findForUpdate, [tenant, directory, orderId]);
      return row && orderOf(row);
    },

    listOrders: async (tenant, directory, accountId, cursor, limit) =>
      await pageOf(
        { cursor, limit },
        (row) => text(row, 'order_id'),
        async (before, size) =>
          session.query(sql.list, [tenant, directory, accountId, before, size]),
      ),

    findOrderOfCertificate: async (tenant, issuerId, serialNumber) => {
      const [row] = await session.query(sql.findOfCertificate, [tenant, issuerId, serialNumber]);
      return row && orderOf(row);
    },

    beginProcessing: async (order, next) =>
      (await session.execute(sql.beginProcessing, [
        order.tenant,
        order.orderId,
        order.attempts,
        next.csr,
        next.now,
        next.issuerId,
        next.serialNumber,
      ])) === 1,

    completeOrder: async (tenant, orderId, issuerId, serialNumber) =>
      (await session.execute(sql.complete, [tenant, orderId, issuerId, serialNumber])) === 1,

    failOrder: async (tenant, orderId, error) =>
      (await session.execute(sql.fail, [tenant, orderId, JSON.stringify(error)])) === 1,

    listInterruptedOrders: async (tenant, before, limit) =>
      (await session.query(sql.listInterrupted, [tenant, before, limit])).map(orderOf),
  };
}

function insertValues(
  order: OrderRecord,
  created: readonly AuthorizationRecord[],
): readonly unknown[] {
  const fresh = new Set(created.map((one) => one.authorizationId));
  return [
    order.tenant,
    order.directory,
    order.orderId,
    order.accountId,
    order.status,
    JSON.stringify(order.identifiers),
    order.authorizations,
    order.profile,
    order.notBefore,
    order.notAfter,
    order.replaces,
    order.createdAt,
    order.expiresAt,
    keptUntil(order.expiresAt),
    created.every((one) => one.status === 'valid'),
    [...new Set(order.authorizations.filter((id) => !fresh.has(id)))],
    JSON.stringify(created.map(newAuthorization)),
  ];
}

/** As the statement's record type names its members. */
function newAuthorization(record: AuthorizationRecord): Readonly<Record<string, unknown>> {
  return {
    directory: record.directory,
    authorization_id: record.authorizationId,
    account_id: record.accountId,
    identifier_type: record.identifier.type,
    identifier_value: record.identifier.value,
    wildcard: record.wildcard,
    status: record.status,
    expires_at: record.expiresAt,
    created_at: record.createdAt,
    kept_until: keptUntil(record.expiresAt),
    token: record.token,
    offered: record.offered,
    challenge_status: record.challengeStatus,
    validated_at: record.validatedAt,
    preauthorized_by: record.preauthorizedBy,
  };
}
