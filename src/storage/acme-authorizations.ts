import type { AcmeStore } from '../acme/ports.ts';
import { authorizationOf, keptUntil } from './acme-rows.ts';
import type { Session } from './pool.ts';
import type { acmeAuthorizationStatements } from './sql/acme-authorizations.ts';

/** Authorizations and their challenges (RFC 8555 §7.1.4, §8). */
export function authorizationStore(
  session: Session,
  sql: ReturnType<typeof acmeAuthorizationStatements>,
): Pick<
  AcmeStore,
  | 'findAuthorization'
  | 'listAuthorizations'
  | 'findValidAuthorizations'
  | 'insertAuthorization'
  | 'beginValidation'
  | 'recordAttempt'
  | 'recordValid'
  | 'recordInvalid'
  | 'deactivateAuthorization'
  | 'claimValidations'
> {
  /**
   * Locks the authorization and then its orders, so that what follows sees what others have committed.
   * All is sent at once: no round trip more.
   */
  const lock = (tenant: string, authorizationId: string): void => {
    if (session.autocommit) {
      throw new TypeError('an authorization is settled within a transaction: use run');
    }
    session.defer(sql.lock, [tenant, authorizationId]);
    session.defer(sql.lockOrders, [tenant, authorizationId]);
  };

  return {
    findAuthorization: async (tenant, directory, authorizationId) => {
      const [row] = await session.query(sql.find, [tenant, directory, authorizationId]);
      return row && authorizationOf(row);
    },

    listAuthorizations: async (tenant, authorizationIds) =>
      (await session.query(sql.list, [tenant, authorizationIds])).map(authorizationOf),

    findValidAuthorizations: async (tenant, directory, accountId, identifiers, until) => {
      const rows = await session.query(sql.findValid, [
        tenant,
        directory,
        accountId,
        identifiers.map(({ identifier }) => identifier.type),
        identifiers.map(({ identifier }) => identifier.value),
        identifiers.map(({ wildcard }) => wildcard),
        until,
      ]);
      return rows.map(authorizationOf);
    },

    insertAuthorization: async (record) => {
      await session.execute(sql.insert, [
        record.tenant,
        record.directory,
        record.authorizationId,
        record.accountId,
        record.identifier.type,
        record.identifier.value,
        record.wildcard,
        record.status,
        record.expiresAt,
        record.createdAt,
        keptUntil(record.expiresAt),
        record.token,
        record.offered,
        record.challengeStatus,
        record.validatedAt,
        record.preauthorizedBy,
      ]);
    },

    beginValidation: async (tenant, authorizationId, type, now, claimedUntil) =>
      (await session.execute(sql.begin, [
        tenant,
        authorizationId,
        type,
        now,
        claimedUntil,
        session.autocommit,
      ])) === 1,

    recordAttempt: async (tenant, authorizationId, error, nextAttemptAt, claimedUntil) => {
      await session.execute(sql.recordAttempt, [
        tenant,
        authorizationId,
        JSON.stringify(error),
        nextAttemptAt,
        claimedUntil,
        session.autocommit,
      ]);
    },

    recordValid: async (tenant, authorizationId, validatedAt, expiresAt) => {
      lock(tenant, authorizationId);
      const changed = await session.query(sql.recordValid, [
        tenant,
        authorizationId,
        validatedAt,
        expiresAt,
      ]);
      return changed.length === 1;
    },

    recordInvalid: async (tenant, authorizationId, error, orderError) => {
      lock(tenant, authorizationId);
      const changed = await session.query(sql.recordInvalid, [
        tenant,
        authorizationId,
        JSON.stringify(error),
        JSON.stringify(orderError),
      ]);
      return changed.length === 1;
    },

    deactivateAuthorization: async (tenant, authorizationId, orderError) => {
      lock(tenant, authorizationId);
      const changed = await session.query(sql.deactivate, [
        tenant,
        authorizationId,
        JSON.stringify(orderError),
      ]);
      return changed.length === 1;
    },

    claimValidations: async (tenant, now, claimedUntil, limit) =>
      (await session.query(sql.claim, [tenant, now, claimedUntil, limit, session.autocommit])).map(
        authorizationOf,
      ),
  };
}
