import { ChanceryError } from '../../domain/index.ts';

/** An SQL identifier in quotes. Only names that a setting may hold pass (they are never input of a request). */
export function quoteIdentifier(name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_$-]{0,62}$/.test(name)) {
    throw new ChanceryError('configuration', {
      message: `${JSON.stringify(name.slice(0, 80))} can't name a schema or role: use letters, digits, _ and -, at most 63`,
    });
  }
  return `"${name}"`;
}

/** Substitutes `{name}` by the quoted, schema-qualified name: texts don't rely on a search_path. */
export function inSchema(schema: string, text: string): string {
  const quoted = quoteIdentifier(schema);
  return text.replace(/\{([a-z_]+)\}/g, (_, name: string) => `${quoted}.${name}`).trim();
}

/** A substring pattern for LIKE … ESCAPE '\': what the user typed is data, `%`, `_` and `\` included. */
export function containsPattern(text: string): string {
  return `%${text.replace(/[\\%_]/g, '\\$&')}%`;
}
