import { InvalidArgumentError } from 'commander';

/** Collects an option that may be repeated; `--dns a b` and `--dns a --dns b` mean the same. */
export function repeated(
  value: string,
  previous: readonly string[] | undefined,
): readonly string[] {
  return [...(previous ?? []), value];
}

/** RFC 3339 with Z. */
export function parseTime(value: string): string {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value) || Number.isNaN(Date.parse(value))) {
    throw new InvalidArgumentError('write a time as 2026-01-31T12:00:00Z (RFC 3339, UTC)');
  }
  return value;
}

/** A whole number of days from 1. */
export function parseDays(value: string): number {
  if (!/^\d{1,5}$/.test(value) || Number(value) === 0) {
    throw new InvalidArgumentError('write a whole number of days, at least 1');
  }
  return Number(value);
}

/** `30d`, `12h`, `90m`. */
export function parseDuration(value: string): string {
  if (!/^\d{1,6}[dhms]$/.test(value)) {
    throw new InvalidArgumentError('write a whole number with d, h, m or s, for example 30d');
  }
  return value;
}

/** A whole number from 0. */
export function parseCount(value: string): number {
  if (!/^\d{1,4}$/.test(value)) {
    throw new InvalidArgumentError('write a whole number');
  }
  return Number(value);
}
