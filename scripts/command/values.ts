import { InvalidArgumentError } from 'commander';
import { permissions, revocationReasons } from '../../src/domain/index.ts';

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

/** A whole number from 1. */
export function parseQuantity(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) {
    throw new InvalidArgumentError('write a whole number, at least 1');
  }
  return Number(value);
}

/** `100/1h`. */
export function parseRate(value: string): string {
  if (!/^[1-9]\d{0,8}\/[1-9]\d{0,5}[dhms]$/.test(value)) {
    throw new InvalidArgumentError('write a number and a duration, for example 100/1h');
  }
  return value;
}

/** How many rows a page has: 1 to 1000. */
export function parseLimit(value: string): string {
  if (!/^\d{1,4}$/.test(value) || Number(value) < 1 || Number(value) > 1000) {
    throw new InvalidArgumentError('write a whole number from 1 to 1000');
  }
  return value;
}

/** A CRLReason with which a certificate can be revoked (RFC 5280 §5.3.1). */
export function parseReason(value: string): string {
  if (value === 'certificateHold' || value === 'removeFromCRL') {
    const command = value === 'certificateHold' ? 'hold' : 'release';
    throw new InvalidArgumentError(`use \`chancery ${command}\` for that`);
  }
  if (!revocationReasons.some((reason) => reason === value)) {
    throw new InvalidArgumentError(`write one of ${revocationReasons.join(', ')}`);
  }
  return value;
}

/** Permissions, collected as `repeated` does. */
export function parsePermission(
  value: string,
  previous: readonly string[] | undefined,
): readonly string[] {
  if (!permissions.some((permission) => permission === value)) {
    throw new InvalidArgumentError(`write one of ${permissions.join(', ')}`);
  }
  return repeated(value, previous);
}
