import type { CertificateQuery } from '../authority/ports.ts';
import { ChanceryError } from '../domain/index.ts';
import type { Statement } from './pool.ts';
import { fromHex } from './rows.ts';
import { selectCertificates } from './sql/certificates.ts';
import { containsPattern, inSchema } from './sql/names.ts';

/** Largest page; a caller that wants more follows the cursor. */
export const largestPage = 1000;

/** Prefixes that `formatGeneralName` writes: a bare value is looked for under each. */
const namePrefixes = ['DNS:', 'IP:', 'email:', 'URI:', 'dirName:', 'RID:', 'otherName:'];

/**
 * The statement of a search, newest first, one row more than the page. Every value is a parameter;
 * only fixed text is put together.
 *
 * @throws ChanceryError `invalidArgument` for a cursor that did not come from a page before.
 */
export function searchStatement(
  schema: string,
  query: CertificateQuery,
): { readonly statement: Statement; readonly values: readonly unknown[]; readonly limit: number } {
  const { conditions, values } = searchConditions(schema, query);
  const limit = Math.min(Math.max(Math.trunc(query.limit), 1), largestPage);
  return {
    statement: {
      text: `${selectCertificates(schema)} WHERE ${conditions} ORDER BY c.id DESC LIMIT $${values.length + 1}`,
    },
    values: [...values, limit + 1],
    limit,
  };
}

/**
 * The conditions of a search on register `c`, contents `m`, outcome `o` and status `s`, with their
 * parameters from $1.
 *
 * @throws ChanceryError `invalidArgument` for a cursor that did not come from a page before.
 */
export function searchConditions(
  schema: string,
  query: Omit<CertificateQuery, 'limit'>,
): { readonly conditions: string; readonly values: readonly unknown[] } {
  const values: unknown[] = [];
  const conditions: string[] = [];
  const add = (condition: (parameter: string) => string, value: unknown): void => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };

  add((p) => `c.tenant = ${p}`, query.tenant);
  add((p) => `c.issuer_id = ${p}`, query.issuerId);
  add((p) => `c.serial_number = ${p}`, query.serialNumber);
  add((p) => `m.profile_name = ${p}`, query.profileName);
  add((p) => `m.requested_by = ${p}`, query.requestedBy);
  add((p) => `m.owner = ${p}`, query.owner);
  // Said twice, so that the partial index is seen to cover it.
  add((p) => `(m.tags @> ARRAY[${p}::text] AND m.tags <> '{}')`, query.tag);
  if (query.name !== undefined) {
    const { name } = query;
    add(
      (p) => `m.names && ${p}::text[]`,
      [name, ...namePrefixes.map((prefix) => `${prefix}${name}`)],
    );
    // Follows from the line above, and lets the index of substrings find it.
    add((p) => contains(schema, p), containsPattern(name));
  }
  if (query.subject !== undefined) {
    add((p) => contains(schema, p), containsPattern(query.subject));
  }
  if (query.notes !== undefined) {
    // Few have notes: the partial index serves.
    add(
      (p) => `(m.notes IS NOT NULL AND lower(m.notes) LIKE lower(${p}) ESCAPE '\\')`,
      containsPattern(query.notes),
    );
  }
  add(
    (p) => `c.spki_hash = ${p}`,
    query.spkiHash === undefined ? undefined : fromHex(query.spkiHash),
  );
  add((p) => `c.not_after < ${p}`, query.notAfterBefore);
  // What has ended already is not about to: `expired` asks for it. Nothing unexpired is purged.
  if (query.notAfterBefore !== undefined && query.status !== 'expired') {
    add((p) => `(c.not_after >= ${p} AND c.purged_at IS NULL)`, query.now);
  }
  add((p) => `c.requested_at >= ${p}`, query.requestedAfter);
  add((p) => `c.requested_at < ${p}`, query.requestedBefore);
  add((p) => `COALESCE(o.state, 'prepared') = ${p}`, query.issuanceState);
  if (query.status === 'expired') {
    // Whatever is purged has expired: said so that both partial indexes serve.
    add(
      (p) => `(c.purged_at IS NOT NULL OR (c.purged_at IS NULL AND c.not_after < ${p}))`,
      query.now,
    );
  } else if (query.status !== undefined) {
    add((p) => `c.not_after >= ${p}`, query.now);
    // Without COALESCE the few rows that are not good are found from their own side.
    if (query.status === 'good') {
      conditions.push("COALESCE(s.status, 'good') = 'good'", "o.state = 'issued'");
    } else {
      add((p) => `s.status = ${p}`, query.status);
    }
  }
  add((p) => `c.id < ${p}`, query.cursor === undefined ? undefined : parseCursor(query.cursor));
  return { conditions: conditions.join(' AND '), values };
}

function contains(schema: string, parameter: string): string {
  return inSchema(
    schema,
    `{certificate_search_text}(m.subject, m.names) LIKE lower(${parameter}) ESCAPE '\\'`,
  );
}

/** Opaque to callers: the inventory's row number, in base64url. */
export function formatCursor(id: bigint): string {
  return Buffer.from(`c${id}`).toString('base64url');
}

/** @throws ChanceryError `invalidArgument` for text that {@link formatCursor} did not write. */
export function parseCursor(cursor: string): bigint {
  const [, id] = /^c([0-9]{1,18})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
  if (id === undefined) {
    throw new ChanceryError('invalidArgument', {
      message: 'the cursor is not one that a page before gave; start without one',
      field: 'cursor',
    });
  }
  return BigInt(id);
}
