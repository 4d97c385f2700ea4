import type { IssuerId, KeyId } from '../src/domain/index.ts';
import type { OcspDelegate } from '../src/issuance/index.ts';
import type { KeyAlgorithmName } from '../src/pkix/index.ts';
import type { DelegateKey } from './delegate-store.ts';
import type { KeyStandings } from './key-standings.ts';

/** An issuer's delegate of one kind of key. */
export interface Slot {
  readonly issuerId: IssuerId;
  readonly keyAlgorithm: KeyAlgorithmName;
  key: DelegateKey | undefined;
  delegates: OcspDelegate[];
  /** Keys whose certificate is on hold or revoked: they sign nothing. */
  readonly withdrawnKeys: Set<KeyId>;
  /** The status of what was read was looked up: nothing is signed before. */
  checked: boolean;
}

/** When a slot's turn comes again; kept apart from it, which begins with the first success. */
export interface Attempts {
  busy: boolean;
  failures: number;
  /** Monotonic milliseconds before which nothing is tried again. */
  next: number;
  /** That it waits for a ceremony was said. */
  waits?: boolean | undefined;
}

export function slotName(issuerId: IssuerId, keyAlgorithm: KeyAlgorithmName): string {
  return `${issuerId}/${keyAlgorithm}`;
}

/** Those whose certificate is good and whose key may sign; of the newest key alone, once it has one. */
export function usable(slot: Slot, standings: KeyStandings): readonly OcspDelegate[] {
  if (!slot.checked) return [];
  const able = slot.delegates.filter(
    ({ keyId }) => !slot.withdrawnKeys.has(keyId) && standings.maySign(keyId),
  );
  const newest = able.filter(({ keyId }) => keyId === slot.key?.keyId);
  return newest.length > 0 ? newest : able;
}
