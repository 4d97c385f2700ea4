import {
  type Clock,
  errorCodes,
  type IssuerId,
  isChanceryError,
  type KeyId,
} from '../src/domain/index.ts';
import type { OcspDelegate } from '../src/issuance/index.ts';
import type { KeyToken } from '../src/keys/ports.ts';
import type { KeyAlgorithmName } from '../src/pkix/index.ts';
import { currentDelegate, renewalTime } from './delegate.ts';
import type { DelegateKey, DelegateStore } from './delegate-store.ts';
import type { FormerKeys } from './former-keys.ts';
import type { KnownIssuer } from './issuers.ts';
import type { KeyStandings } from './key-standings.ts';
import type { Log, StatusRecord } from './ports.ts';

/** An issuer's delegate of one kind of key. */
export interface Slot {
  readonly issuerId: IssuerId;
  readonly keyAlgorithm: KeyAlgorithmName;
  key: DelegateKey | undefined;
  /** The one before, which signs until `key` has a certificate. */
  former: DelegateKey | undefined;
  /** A request of it waits for a ceremony: the issuer's token is absent. */
  requested: boolean;
  delegates: OcspDelegate[];
  /** Keys whose certificate is on hold or revoked: they sign nothing. */
  readonly withdrawnKeys: Set<KeyId>;
  /** Of these, keys whose certificate is revoked: they are to be destroyed. */
  readonly revokedKeys: Set<KeyId>;
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

/** Takes a delegate's own status in. @returns whether its key signs nothing from now on, and did before */
export function isWithdrawnBy(slot: Slot, record: StatusRecord): boolean {
  const { keyId } =
    slot.delegates.find((one) => one.certificate.serialNumber === record.serialNumber) ?? {};
  if (keyId === undefined) return false;
  if (record.status === 'good') {
    slot.withdrawnKeys.delete(keyId);
    return false;
  }
  if (record.status === 'revoked') slot.revokedKeys.add(keyId);
  if (slot.withdrawnKeys.has(keyId)) return false;
  slot.withdrawnKeys.add(keyId);
  if (slot.key?.keyId === keyId) {
    slot.former = slot.key;
    slot.key = undefined;
  }
  return true;
}

/** Whether the next key or certificate of an issuer's delegate is to be had now. */
export function isDue(
  issuer: KnownIssuer,
  slot: Slot,
  { standings, clock }: { readonly standings: KeyStandings; readonly clock: Clock },
): boolean {
  const now = clock.now();
  const current = currentDelegate(usable(slot, standings), now);
  const due =
    current === undefined || slot.key === undefined || renewalTime(current.certificate) <= now;
  return due && now < issuer.certificate.validity.notAfter;
}

/**
 * Whether a key that could not be bound may be there later. `keyBlocked` says that the token has no
 * such key, or another by that name: it will not come back.
 */
export function mayComeBack(error: unknown): boolean {
  return (
    isChanceryError(error) &&
    errorCodes[error.code] === 'unavailable' &&
    error.code !== 'keyBlocked'
  );
}

/** The key as far as the token holds it, with the life that it has; undefined when it never will again. */
export async function confirmedKey(
  {
    token,
    standings,
    log,
  }: {
    readonly token: Pick<KeyToken, 'bind'>;
    readonly standings: KeyStandings;
    readonly log: Log;
  },
  issuerId: IssuerId,
  stored: DelegateKey,
): Promise<DelegateKey | undefined> {
  const { keyId } = stored;
  // A key that was suspended before this process began signs nothing from its first moment on.
  await standings.learn([keyId]);
  if (standings.get(keyId)?.state === 'destroyed') return undefined;
  const isCertified = stored.life.state === 'active';
  const key = isCertified ? { ...stored, life: standings.lifeOf(keyId) } : stored;
  try {
    await token.bind([key]);
    return key;
  } catch (error) {
    if (mayComeBack(error)) throw error;
    log('error', 'the token does not hold the key of a delegate; a new one is made', {
      ...{ issuerId, keyId, error },
    });
    return undefined;
  }
}

/** Whether the process that enrols has put the next key, certified, into the folder. */
export async function isFollowed(
  { store, former }: { readonly store: DelegateStore; readonly former: FormerKeys },
  { issuerId, keyAlgorithm, key, delegates }: Slot,
): Promise<boolean> {
  if (key === undefined) return false;
  const isWaiting = !delegates.some(({ keyId }) => keyId === key.keyId);
  if (!isWaiting && !(await former.list()).some(({ keyId }) => keyId === key.keyId)) return false;
  const { key: next } = await store.read(issuerId, keyAlgorithm);
  return next?.life.state === 'active' && (isWaiting || next.keyId !== key.keyId);
}
