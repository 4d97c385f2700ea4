import type { Row } from './pool.ts';

/** Readers of single columns; a column of another type is a defect of a statement and says so. */

function wrong(row: Row, column: string, wanted: string): TypeError {
  return new TypeError(`column ${column} is no ${wanted} (${typeof row[column]})`);
}

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw wrong(row, column, 'text');
  return value;
}

export function optionalText(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : text(row, column);
}

/** Text of a closed list: the database's CHECK or our own INSERT wrote nothing else. */
export function word<T extends string>(row: Row, column: string): T {
  return text(row, column) as T;
}

export function optionalWord<T extends string>(row: Row, column: string): T | undefined {
  return row[column] === null ? undefined : word<T>(row, column);
}

export function date(row: Row, column: string): Date {
  const value = row[column];
  if (!(value instanceof Date)) throw wrong(row, column, 'timestamp');
  return value;
}

export function optionalDate(row: Row, column: string): Date | undefined {
  return row[column] === null ? undefined : date(row, column);
}

export function octets(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw wrong(row, column, 'bytea');
  return value;
}

export function optionalOctets(row: Row, column: string): Uint8Array | undefined {
  return row[column] === null ? undefined : octets(row, column);
}

export function octetsList(row: Row, column: string): readonly Uint8Array[] {
  const value = row[column];
  if (!Array.isArray(value)) throw wrong(row, column, 'bytea[]');
  return value.map((item: Uint8Array) => new Uint8Array(item));
}

/** A hash kept as octets, as lower-case hex. */
export function hex(row: Row, column: string): string {
  return Buffer.from(octets(row, column)).toString('hex');
}

export function optionalHex(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : hex(row, column);
}

export function fromHex(value: string): Buffer {
  return Buffer.from(value, 'hex');
}

export function bigint(row: Row, column: string): bigint {
  const value = row[column];
  if (typeof value !== 'bigint') throw wrong(row, column, 'bigint');
  return value;
}

export function optionalBigint(row: Row, column: string): bigint | undefined {
  return row[column] === null ? undefined : bigint(row, column);
}

export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== 'number') throw wrong(row, column, 'integer');
  return value;
}

export function texts(row: Row, column: string): readonly string[] {
  const value = row[column];
  if (!Array.isArray(value)) throw wrong(row, column, 'text[]');
  return value as readonly string[];
}

export function json<T>(row: Row, column: string): T {
  const value = row[column];
  if (typeof value !== 'object' || value === null) throw wrong(row, column, 'jsonb');
  return value as T;
}
