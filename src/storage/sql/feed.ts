import type { Statement } from '../pool.ts';
import { inSchema } from './names.ts';

/** Changes whenever the server went through crash recovery (its statistics start anew then). */
const epoch = "COALESCE(extract(epoch FROM (SELECT stats_reset FROM pg_stat_bgwriter))::text, '0')";

/** The present end of the feed. */
export const feedEnd: Statement = {
  name: 'feed_end',
  text: `SELECT pg_current_snapshot()::text AS snapshot, ${epoch} AS epoch`,
};

/** Up to which transaction the feed was pruned. */
export function feedPruned(schema: string, table: string): Statement {
  return {
    name: 'feed_pruned',
    text: inSchema(schema, `SELECT pruned_xid::text AS pruned FROM {${table}}`),
  };
}

/**
 * Rows that this statement's snapshot shows and the reader's snapshot ($1) did not show, up to $2 of
 * them: no order of ids or of transaction ids is trusted, so a transaction that commits late is
 * found, and one that is still open holds nobody up.
 */
export function changesSince(
  schema: string,
  table: string,
  columns: string,
  pruning: string,
): Statement {
  return {
    name: 'changes_since',
    text: inSchema(
      schema,
      `SELECT pg_current_snapshot()::text AS snapshot, ${epoch} AS epoch,
        (SELECT pruned_xid::text FROM {${pruning}}) AS pruned, page.*
      FROM (VALUES (1)) one LEFT JOIN LATERAL (
        SELECT n.id AS change_id, n.xid::text AS xid, ${columns}
        FROM {${table}} n
        WHERE n.xid >= pg_snapshot_xmin($1::pg_snapshot)
          AND NOT pg_visible_in_snapshot(n.xid, $1::pg_snapshot)
        ORDER BY n.xid, n.id LIMIT $2
      ) page ON true`,
    ),
  };
}

/** The next page of what the reader's snapshot ($1) did not show and the first page's ($3) did, after ($4, $5). */
export function changesContinued(schema: string, table: string, columns: string): Statement {
  return {
    name: 'changes_continued',
    text: inSchema(
      schema,
      `SELECT n.id AS change_id, n.xid::text AS xid, ${columns}
      FROM {${table}} n
      WHERE n.xid >= $4::xid8 AND (n.xid, n.id) > ($4::xid8, $5::bigint)
        AND NOT pg_visible_in_snapshot(n.xid, $1::pg_snapshot)
        AND pg_visible_in_snapshot(n.xid, $3::pg_snapshot)
      ORDER BY n.xid, n.id LIMIT $2`,
    ),
  };
}
