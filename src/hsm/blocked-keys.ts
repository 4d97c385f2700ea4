import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { BlockedKey } from './messages.ts';

/** Where blocked keys are kept, beside the PIN file, so that a restart does not unblock them. */
export function blockedKeysPath(pinFile: string): string {
  return `${pinFile}.blocked`;
}

function isBlockedKey(value: unknown): value is BlockedKey {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof Reflect.get(value, 'keyId') === 'string' &&
    typeof Reflect.get(value, 'reason') === 'string' &&
    typeof Reflect.get(value, 'since') === 'string'
  );
}

/**
 * The keys that wait for an operator after a wrong signature.
 *
 * @throws Error when the file is there but can't be understood: taking it for empty would unblock keys.
 */
export function readBlockedKeys(pinFile: string): BlockedKey[] {
  const path = blockedKeysPath(pinFile);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, 'code') === 'ENOENT') return [];
    throw error;
  }
  const value: unknown = JSON.parse(text);
  if (!Array.isArray(value) || !value.every(isBlockedKey)) {
    throw new Error(`${path} is not a list of blocked keys; restore it, or empty it to []`);
  }
  return value;
}

/** Replaces the list atomically. */
export function writeBlockedKeys(pinFile: string, keys: readonly BlockedKey[]): void {
  const path = blockedKeysPath(pinFile);
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(draft, path);
}
