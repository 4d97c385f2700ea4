import type { Statement } from '../pool.ts';
import { inSchema } from './names.ts';

/** Named statements of one store: the name is the prefix with the member's name. */
export function statements<const T extends Readonly<Record<string, string>>>(
  schema: string,
  prefix: string,
  texts: T,
): { readonly [K in keyof T]: Statement } {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [
      name,
      { name: `${prefix}_${name}`, text: inSchema(schema, text) },
    ]),
  ) as { readonly [K in keyof T]: Statement };
}

/**
 * A CTE that lets the statement commit asynchronously where `alone`, a parameter, says that no
 * transaction stands around it; within one that is not for a single statement to decide. The statement
 * must read from it, or it is not run.
 */
export function relaxed(alone: string): string {
  return `relaxed AS MATERIALIZED (
    SELECT CASE WHEN ${alone}::boolean THEN set_config('synchronous_commit', 'off', true) END
  )`;
}
