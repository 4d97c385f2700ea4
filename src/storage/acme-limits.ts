import type { AcmeStore, RateLimited, RateLimitRequest } from '../acme/ports.ts';
import { incidentOf, incidentOfList, overrideOf } from './acme-rows.ts';
import type { Row, Session } from './pool.ts';
import { date, integer, text } from './rows.ts';
import type { AcmeStatements } from './sql/acme.ts';

/** Rows that one statement deletes at most: none holds locks for long. */
const pruneSize = 5000;
/** Statements of one kind in one call; the next call goes on. */
const pruneRounds = 40;

/** Rate limits, renewal incidents (RFC 9773 §4.1), and what is forgotten in time. */
export function limitStore(
  session: Session,
  { limits: sql, orders, authorizations }: AcmeStatements,
): Pick<
  AcmeStore,
  | 'takeRateLimits'
  | 'peekRateLimits'
  | 'putRateLimitOverride'
  | 'removeRateLimitOverride'
  | 'listRateLimitOverrides'
  | 'insertIncident'
  | 'listIncidents'
  | 'findIncidentOf'
  | 'closeIncident'
  | 'prune'
> {
  return {
    takeRateLimits: async (tenant, requests, now) => {
      if (requests.length === 0) return undefined;
      const values = [...limitValues(tenant, requests, now), session.autocommit];
      const [row] = await session.query(sql.take, values);
      if (row === undefined) throw new TypeError('a judgement of rate limits answers one row');
      return row['limited_by'] === null ? undefined : limitedOf(row);
    },

    peekRateLimits: async (tenant, requests, now) => {
      if (requests.length === 0) return undefined;
      const [row] = await session.query(sql.peek, limitValues(tenant, requests, now));
      return row && limitedOf(row);
    },

    putRateLimitOverride: async (record) => {
      await session.execute(sql.putOverride, [
        record.tenant,
        record.limit,
        record.key,
        record.intervalMilliseconds,
        record.burst,
        record.notAfter,
        record.comment,
        record.createdAt,
        record.createdBy,
      ]);
    },

    removeRateLimitOverride: async (tenant, limit, key) =>
      (await session.execute(sql.removeOverride, [tenant, limit, key])) === 1,

    listRateLimitOverrides: async (tenant, now) =>
      (await session.query(sql.listOverrides, [tenant, now])).map(overrideOf),

    insertIncident: async (record) => {
      await session.execute(sql.insertIncident, [
        record.tenant,
        record.incidentId,
        record.issuerId,
        record.profile,
        record.issuedBefore,
        record.startsAt,
        record.endsAt,
        record.explanationUrl,
        record.createdAt,
        record.createdBy,
        record.closedAt,
      ]);
    },

    listIncidents: async (tenant) =>
      (await session.query(sql.listIncidents, [tenant])).map(incidentOf),

    findIncidentOf: async (tenant, issuerId, serialNumber) => {
      const [row] = await session.query(sql.findIncidentOf, [tenant, issuerId, serialNumber]);
      return row && incidentOfList(row);
    },

    closeIncident: async (tenant, incidentId, at) =>
      (await session.execute(sql.closeIncident, [tenant, incidentId, at])) === 1,

    prune: async (tenant, now) => {
      const values = [tenant, now, pruneSize];
      let deleted = 0;
      /** Until a statement finds less than it may take. */
      const repeat = async (
        once: () => Promise<{ readonly seen: number; readonly deleted: number }>,
      ): Promise<void> => {
        for (let round = 0; round < pruneRounds; round += 1) {
          const result = await once();
          deleted += result.deleted;
          if (result.seen < pruneSize) return;
        }
      };
      for (const statement of [sql.pruneNonces, sql.pruneLimits, sql.pruneOverrides]) {
        await repeat(async () => {
          const count = await session.execute(statement, values);
          return { seen: count, deleted: count };
        });
      }
      // Orders first: an authorization goes when no order names it any more.
      for (const statement of [orders.prune, authorizations.prune]) {
        await repeat(async () => {
          const [row] = await session.query(statement, values);
          if (row === undefined) throw new TypeError('a deletion answers how much it deleted');
          return { seen: integer(row, 'seen'), deleted: integer(row, 'deleted') };
        });
      }
      return deleted;
    },
  };
}

function limitValues(
  tenant: string,
  requests: readonly RateLimitRequest[],
  now: Date,
): readonly unknown[] {
  return [
    tenant,
    now,
    requests.map((one) => one.limit),
    requests.map((one) => one.key),
    requests.map((one) => one.intervalMilliseconds),
    requests.map((one) => one.burst),
  ];
}

function limitedOf(row: Row): RateLimited {
  return {
    limit: text(row, 'limited_by'),
    key: text(row, 'limited_key'),
    retryAt: date(row, 'retry_at'),
  };
}
