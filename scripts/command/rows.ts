import type { Client } from './client.ts';
import { printFields } from './output.ts';

/** One object of an answer. */
export type Row = Readonly<Record<string, unknown>>;

/** One page of a list. */
export async function list(
  client: Client,
  path: string,
  query: Readonly<Record<string, string | undefined>> = {},
): Promise<{ readonly items: readonly Row[]; readonly next: string | null }> {
  const answer = await client.call({ method: 'GET', path, query });
  return answer.json() as { readonly items: readonly Row[]; readonly next: string | null };
}

/** One object as `member: value` lines, without the members named. */
export function show(value: Row, without: readonly string[] = []): void {
  printFields(
    Object.entries(value)
      .filter(([member]) => !without.includes(member))
      .map(([member, content]) => [member, cell(content)] as const),
  );
}

/** A value as a table shows it. */
export function cell(value: unknown): string {
  if (value === undefined || value === null) {
    return '';
  }
  if (Array.isArray(value)) {
    return value.map(cell).join(' ');
  }
  return typeof value === 'object'
    ? JSON.stringify(value)
    : String(value as string | number | boolean);
}

/** The text of an option; undefined for anything else. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
