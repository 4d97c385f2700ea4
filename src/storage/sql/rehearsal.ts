/**
 * Statements of the rehearsal. `$1` is a schema's name. They read catalogues, which are the same in
 * every schema, so names are data here and identifiers are quoted by the server (`%I`).
 */

/** Tables that hold rows themselves or by their partitions, those referred to before those that refer. */
export const tablesInOrder = `
  WITH RECURSIVE tables AS (
    SELECT c.oid, c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'migrations'
  ), depth(oid, level) AS (
    SELECT oid, 0 FROM tables
    UNION
    SELECT r.conrelid, d.level + 1 FROM depth d
      JOIN pg_constraint r ON r.confrelid = d.oid AND r.contype = 'f' AND r.conrelid <> r.confrelid
    WHERE d.level < 30
  )
  SELECT t.name FROM tables t JOIN depth d ON d.oid = t.oid
  GROUP BY t.name ORDER BY max(d.level), t.name`;

/** Columns of a table ($2) that a row is inserted with. */
export const columnsOf = `
  SELECT string_agg(format('%I', a.attname), ', ' ORDER BY a.attnum) AS columns
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''`;

/** What all tables of a schema take, with their indexes. */
export const octetsOf = `
  SELECT COALESCE(sum(pg_total_relation_size(c.oid)), 0)::float8 AS octets
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relkind IN ('r', 'm')`;

export const sequencesOf = `
  SELECT sequencename::text AS name, last_value::text AS last FROM pg_sequences
  WHERE schemaname = $1 AND last_value IS NOT NULL`;

/**
 * Everything that makes a schema what it is, a line each, with the schema's own name taken out:
 * columns, constraints, indexes, guards and whether they are on, functions, views, rights. Partitions
 * of months come and go and are left out.
 */
export const fingerprintOf = `
  WITH objects AS (
    SELECT c.oid, c.relname::text AS name, c.relkind, c.relacl FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'S') AND NOT c.relispartition
  ), lines AS (
    SELECT format('column %s.%s %s%s default %s', o.name, a.attname, format_type(a.atttypid, a.atttypmod),
      CASE WHEN a.attnotnull THEN ' not null' ELSE '' END, pg_get_expr(d.adbin, d.adrelid)) AS line
    FROM objects o JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef d ON d.adrelid = o.oid AND d.adnum = a.attnum
    WHERE o.relkind IN ('r', 'p', 'v')
    UNION ALL
    SELECT format('constraint %s %s', o.name, pg_get_constraintdef(r.oid))
    FROM objects o JOIN pg_constraint r ON r.conrelid = o.oid AND r.contype <> 'n'
    UNION ALL
    SELECT format('index %s', regexp_replace(pg_get_indexdef(i.indexrelid), '^CREATE (UNIQUE )?INDEX \\S+ ON ', '\\1'))
    FROM objects o JOIN pg_index i ON i.indrelid = o.oid
    UNION ALL
    SELECT format('trigger %s is %s', pg_get_triggerdef(t.oid), t.tgenabled)
    FROM objects o JOIN pg_trigger t ON t.tgrelid = o.oid AND NOT t.tgisinternal
    UNION ALL
    SELECT format('view %s %s', o.name, pg_get_viewdef(o.oid)) FROM objects o WHERE o.relkind = 'v'
    UNION ALL
    SELECT format('function %s rights %s', pg_get_functiondef(p.oid),
      (SELECT string_agg(entry::text, ' ' ORDER BY entry::text) FROM unnest(p.proacl) entry))
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = $1
    UNION ALL
    SELECT format('rights %s %s', o.name, entry::text) FROM objects o, unnest(o.relacl) entry
    UNION ALL
    SELECT format('rights %s.%s %s', o.name, a.attname, entry::text)
    FROM objects o JOIN pg_attribute a ON a.attrelid = o.oid, unnest(a.attacl) entry
  )
  SELECT replace(replace(line, format('%I.', $1::text), ''), format('%L', $1::text), '') AS line
  FROM lines ORDER BY 1`;
