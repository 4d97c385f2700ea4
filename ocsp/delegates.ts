import type { IssuerId, KeyId } from '../src/domain/index.ts';
import { ChanceryError, type Clock } from '../src/domain/index.ts';
import type { OcspDelegate } from '../src/issuance/index.ts';
import type { KeyToken } from '../src/keys/ports.ts';
import {
  type Certificate,
  isPreferred,
  type KeyAlgorithmName,
  type PreferredSignatureAlgorithm,
} from '../src/pkix/index.ts';
import { currentDelegate, delegateFaults, delegateOf, isOf } from './delegate.ts';
import { isRefusal, putOff, waitsForCeremony } from './delegate-attempts.ts';
import type { DelegateEnrolment } from './delegate-enrolment.ts';
import {
  type Attempts,
  confirmedKey,
  isDue,
  isFollowed,
  isWithdrawnBy,
  type Slot,
  slotName,
  usable,
} from './delegate-slot.ts';
import type { DelegateKey, DelegateStore } from './delegate-store.ts';
import type { FormerKeys } from './former-keys.ts';
import type { KnownIssuer } from './issuers.ts';
import type { KeyStandings } from './key-standings.ts';
import type { Log, StatusRecord } from './ports.ts';
import type { StatusLookup } from './status-lookup.ts';

export interface DelegatesParts {
  readonly store: DelegateStore;
  readonly enrolment: Pick<DelegateEnrolment, 'generateKey' | 'enrol'>;
  /** Kinds of key that each issuer gets a delegate of; the first signs unless a client asks for another. */
  readonly keyAlgorithms: readonly KeyAlgorithmName[];
  readonly token: Pick<KeyToken, 'bind'>;
  readonly lookup: StatusLookup;
  readonly standings: KeyStandings;
  readonly former: FormerKeys;
  /** Signatures with a key, as last counted. */
  readonly signatures: (keyId: KeyId) => number;
  readonly clock: Clock;
  readonly log: Log;
  /**
   * Whether this process asks for certificates. One that does not reads again what another one has
   * put into the same folder.
   */
  readonly enrols?: boolean | undefined;
  /** False of an issuer that signs nothing any more: what it signed before serves until its end. */
  readonly renewable?: ((issuerId: IssuerId) => boolean) | undefined;
  /** An issuer's answers must be made anew: a delegate that signed them is not trusted any more. */
  readonly withdrawn: (issuerId: IssuerId) => void;
}

/** Milliseconds between two looks at a folder into which another process enrols. */
const rereadInterval = 500;

/**
 * For each issuer and kind of key a key in the responder's token and a certificate that lets it
 * answer for that issuer: read at start, checked before use, asked for when missing, renewed with overlap at half
 * of its life, withdrawn when its own status is not good (RFC 6960 §4.2.2.2).
 */
export class Delegates {
  readonly #parts: DelegatesParts;
  readonly #slots = new Map<string, Slot>();
  readonly #attempts = new Map<string, Attempts>();
  /** Keys of which the token could not be told where they stand. */
  readonly #untold = new Set<KeyId>();

  constructor(parts: DelegatesParts) {
    this.#parts = parts;
  }

  /**
   * The delegate to sign with for that issuer at that moment: of the kind asked for, otherwise of
   * the first kind in the configuration that has one.
   */
  current(
    issuerId: IssuerId,
    at: Date,
    keyAlgorithm?: KeyAlgorithmName | undefined,
  ): OcspDelegate | undefined {
    const wanted = keyAlgorithm && this.#current(issuerId, keyAlgorithm, at);
    if (wanted !== undefined) return wanted;
    for (const one of this.#parts.keyAlgorithms) {
      const delegate = this.#current(issuerId, one, at);
      if (delegate !== undefined) return delegate;
    }
    return undefined;
  }

  /**
   * The kind of key that a client's preferred signature algorithms choose, its order first
   * (RFC 6960 §4.4.7.2.1 (1)); undefined for the default, also when nothing that it prefers is at
   * hand: what remains is the default that we announce (4). Every kind in the configuration is one
   * that the operator holds to be strong enough, so no list can talk the responder down to a weak
   * one (§5.1.2).
   */
  choose(
    issuerId: IssuerId,
    at: Date,
    preferences: readonly PreferredSignatureAlgorithm[],
  ): KeyAlgorithmName | undefined {
    const { keyAlgorithms } = this.#parts;
    for (const preference of preferences) {
      const chosen = keyAlgorithms.find((keyAlgorithm) => {
        const delegate = this.#current(issuerId, keyAlgorithm, at);
        return (
          delegate !== undefined &&
          isPreferred(
            preference,
            delegate.signatureAlgorithm,
            delegate.certificate.subjectPublicKeyInfo,
          )
        );
      });
      if (chosen !== undefined) return chosen === keyAlgorithms[0] ? undefined : chosen;
    }
    return undefined;
  }

  #current(issuerId: IssuerId, keyAlgorithm: KeyAlgorithmName, at: Date): OcspDelegate | undefined {
    const slot = this.#slots.get(slotName(issuerId, keyAlgorithm));
    return slot === undefined
      ? undefined
      : currentDelegate(usable(slot, this.#parts.standings), at);
  }

  /** When the first of an issuer's delegates ends, in milliseconds; 0 when one kind of key has none. */
  earliestEnd(issuerId: IssuerId, at: Date): number {
    const ends = this.#parts.keyAlgorithms.map(
      (one) => this.#current(issuerId, one, at)?.certificate.validity.notAfter.getTime() ?? 0,
    );
    return Math.min(...ends);
  }

  /**
   * Those of the unexpired issuers for which nothing can be signed now, and for which the CA would make
   * a certificate: what waits for a ceremony takes no responder out of a load balancer.
   */
  missing(issuers: readonly KnownIssuer[], now: Date): readonly KnownIssuer[] {
    const waiting = new Set(
      [...this.#slots.values()].flatMap((slot) => (slot.requested ? [slot.issuerId] : [])),
    );
    return issuers.filter(
      ({ issuerId, certificate }) =>
        now < certificate.validity.notAfter &&
        this.current(issuerId, now) === undefined &&
        !waiting.has(issuerId),
    );
  }

  /** Learns a status from the change feed; whatever is not a delegate of ours is ignored. */
  noteStatus(record: StatusRecord): void {
    for (const keyAlgorithm of this.#parts.keyAlgorithms) {
      const slot = this.#slots.get(slotName(record.issuerId, keyAlgorithm));
      if (slot !== undefined) this.#noteStatusOf(slot, record);
    }
  }

  #noteStatusOf(slot: Slot, record: StatusRecord): void {
    if (!isWithdrawnBy(slot, record)) return;
    this.#attempts.delete(slotName(slot.issuerId, slot.keyAlgorithm));
    this.#parts.log('warn', 'a delegate is not good any more; a new key and certificate follow', {
      issuerId: record.issuerId,
      serialNumber: record.serialNumber,
      status: record.status,
      reasonCode: record.reasonCode,
    });
    this.#parts.withdrawn(record.issuerId);
  }

  /** Asks the CA's inventory where the keys stand, and tells the token: a suspended key signs nothing. */
  async refreshKeys(): Promise<void> {
    const { standings, former, token, log } = this.#parts;
    const slots = [...this.#slots.values()];
    const keyIds = slots.flatMap(({ key, delegates }) => [
      ...(key === undefined ? [] : [key.keyId]),
      ...delegates.map(({ keyId }) => keyId),
    ]);
    const formerIds = (await former.list()).map(({ keyId }) => keyId);
    const changed = new Set(await standings.refresh([...new Set([...keyIds, ...formerIds])]));
    for (const slot of slots) {
      if (slot.delegates.some((one) => changed.has(one.keyId) && !standings.maySign(one.keyId))) {
        this.#attempts.delete(slotName(slot.issuerId, slot.keyAlgorithm));
        this.#parts.withdrawn(slot.issuerId);
      }
      for (const which of ['key', 'former'] as const) {
        const keyId = slot[which]?.keyId ?? '';
        if (!slot.delegates.some((one) => one.keyId === keyId)) continue;
        if (!changed.has(keyId) && !this.#untold.has(keyId)) continue;
        const key = slot[which] && { ...slot[which], life: standings.lifeOf(keyId) };
        slot[which] = key;
        this.#untold.delete(keyId);
        // One that the token can't be told of now must not keep the others from being told.
        await token.bind(key === undefined ? [] : [key]).catch((error: unknown) => {
          this.#untold.add(keyId);
          log('warn', 'the token could not be told where a key stands; tried again', {
            ...{ issuerId: slot.issuerId, keyId, error },
          });
        });
      }
    }
  }

  /**
   * Whether answers are signed with this key now: the next one is not certified yet. Where nothing was
   * read of it, as at a start, the files tell.
   */
  async isNeeded(keyId: KeyId): Promise<boolean> {
    const { standings, clock, store } = this.#parts;
    const own = [...this.#slots.values()].filter(
      ({ former, delegates, checked }) =>
        checked && (former?.keyId === keyId || delegates.some((one) => one.keyId === keyId)),
    );
    return own.length === 0
      ? store.signsMeanwhile(keyId, clock.now())
      : own.some((slot) => currentDelegate(usable(slot, standings), clock.now())?.keyId === keyId);
  }

  /** All are read anew, and their status with them. */
  forget(): void {
    this.#slots.clear();
  }

  /** One round over all issuers: reads, asks for and renews what is due. Never throws. */
  async maintain(issuers: readonly KnownIssuer[]): Promise<void> {
    const { keyAlgorithms } = this.#parts;
    await Promise.all(
      issuers.flatMap((issuer) =>
        keyAlgorithms.map(async (keyAlgorithm) => this.#maintainOne(issuer, keyAlgorithm)),
      ),
    );
  }

  async #maintainOne(issuer: KnownIssuer, keyAlgorithm: KeyAlgorithmName): Promise<void> {
    const name = slotName(issuer.issuerId, keyAlgorithm);
    const attempts = this.#attempts.get(name) ?? { busy: false, failures: 0, next: 0 };
    if (attempts.busy || performance.now() < attempts.next) {
      return;
    }
    this.#attempts.set(name, attempts);
    attempts.busy = true;
    try {
      const slot = this.#slots.get(name) ?? (await this.#load(issuer, keyAlgorithm));
      if (this.#parts.enrols ?? true) {
        await this.#renewWhenDue(issuer, slot);
      } else if (isDue(issuer, slot, this.#parts) || (await isFollowed(this.#parts, slot))) {
        attempts.next = performance.now() + rereadInterval;
        await this.#load(issuer, keyAlgorithm);
      }
      attempts.failures = 0;
      attempts.waits = false;
    } catch (error) {
      putOff(attempts, error, this.#parts.log, issuer, keyAlgorithm);
      // What a ceremony made may be put into the folder by hand.
      if (waitsForCeremony(error)) await this.#load(issuer, keyAlgorithm).catch(() => undefined);
      else if (isRefusal(error)) await this.#withdrawRequest(issuer.issuerId, keyAlgorithm);
    } finally {
      attempts.busy = false;
    }
  }

  /** The CA could have made the certificate and refused it: no ceremony is waited for. */
  async #withdrawRequest(issuerId: IssuerId, keyAlgorithm: KeyAlgorithmName): Promise<void> {
    const slot = this.#slots.get(slotName(issuerId, keyAlgorithm));
    if (slot !== undefined) slot.requested = false;
    await this.#parts.store.removeRequest(issuerId, keyAlgorithm);
  }

  /** Reads what is on disk, has the token confirm the key, checks certificates and their status. */
  async #load(issuer: KnownIssuer, keyAlgorithm: KeyAlgorithmName): Promise<Slot> {
    const { issuerId } = issuer;
    const stored = await this.#parts.store.read(issuerId, keyAlgorithm);
    const confirmed = async (one: DelegateKey | undefined): Promise<DelegateKey | undefined> =>
      one && confirmedKey(this.#parts, issuerId, one);
    const [key, former] = [await confirmed(stored.key), await confirmed(stored.former)];
    const name = slotName(issuerId, keyAlgorithm);
    const before = this.#slots.get(name);
    const slot: Slot = {
      ...{ issuerId, keyAlgorithm, key, former, requested: stored.requested, delegates: [] },
      // What is withdrawn stays so while its status is looked up again.
      withdrawnKeys: new Set(before?.withdrawnKeys),
      revokedKeys: new Set(before?.revokedKeys),
      checked: before !== undefined,
    };
    for (const certificate of stored.certificates) {
      await this.#admit(issuer, slot, certificate);
    }
    // Known to `noteStatus` before the lookup: no change falls between the two.
    this.#slots.set(name, slot);
    try {
      await this.#checkStatus(issuer, slot);
    } catch (error) {
      if (before === undefined) this.#slots.delete(name);
      else this.#slots.set(name, before);
      throw error;
    }
    slot.checked = true;
    return slot;
  }

  async #renewWhenDue(issuer: KnownIssuer, slot: Slot): Promise<void> {
    const { clock, enrolment, store, log } = this.#parts;
    const now = clock.now();
    await this.#prune(issuer, slot, now);
    if (this.#parts.renewable?.(issuer.issuerId) === false) return;
    await this.#giveUpKey(issuer, slot);
    if (!isDue(issuer, slot, this.#parts)) {
      return;
    }
    if (slot.key === undefined) {
      const key = await enrolment.generateKey(issuer, slot.keyAlgorithm);
      const former = slot.delegates.length > 0 ? slot.former : undefined;
      await store.writeKey(issuer.issuerId, slot.keyAlgorithm, key, former);
      slot.key = key;
    }
    const certificate = await enrolment.enrol(issuer, slot.key, slot.delegates);
    if (!(await this.#admit(issuer, slot, certificate))) {
      throw new ChanceryError('malformed', {
        message: "the CA's answer is no delegate certificate of this issuer and key",
        clause: 'RFC 6960 §4.2.2.2',
      });
    }
    await store.writeCertificate(issuer.issuerId, certificate);
    slot.requested = false;
    await this.#checkStatus(issuer, slot);
    log('info', 'enrolled a delegate', {
      issuer: issuer.name,
      issuerId: issuer.issuerId,
      serialNumber: certificate.serialNumber,
      notAfter: certificate.validity.notAfter,
    });
  }

  /** OCSP keys rotate by themselves: their certificates travel with each answer (SP 800-57 Part 1 §8.2.3). */
  async #giveUpKey(issuer: KnownIssuer, slot: Slot): Promise<void> {
    const { standings, former, signatures, log } = this.#parts;
    for (const keyId of slot.revokedKeys) {
      slot.delegates = slot.delegates.filter((one) => one.keyId !== keyId);
      await former.keep(keyId, 'its certificate is revoked');
      slot.revokedKeys.delete(keyId);
    }
    const { key } = slot;
    if (key === undefined || slot.delegates.length === 0) return;
    if (!standings.rotationDue(key.keyId, signatures(key.keyId))) return;
    const { state } = standings.get(key.keyId) ?? {};
    await former.keep(key.keyId, `followed by another while ${state ?? 'active'}`);
    slot.former = key;
    slot.key = undefined;
    log('info', 'a delegate gets a new key', { issuer: issuer.name, keyId: key.keyId, state });
  }

  /** Takes a certificate into use when it is a delegate's; logs why not otherwise. */
  async #admit(issuer: KnownIssuer, slot: Slot, certificate: Certificate): Promise<boolean> {
    const { store, log, clock, standings, token } = this.#parts;
    const key = [slot.key, slot.former].find((one) => one && isOf(certificate, one));
    const faults =
      key === undefined
        ? ["its key is not the responder's"]
        : delegateFaults(certificate, issuer.certificate, key);
    if (key !== undefined && faults.length === 0) {
      const delegate = delegateOf(certificate, key);
      if (key === slot.key && key.life.state !== 'active') {
        slot.key = { ...key, life: standings.lifeOf(key.keyId) };
        await token.bind([slot.key]);
      }
      slot.delegates.push(delegate);
      return true;
    }
    log('warn', 'a certificate is not used as a delegate', {
      issuerId: issuer.issuerId,
      serialNumber: certificate.serialNumber,
      faults,
    });
    if (certificate.validity.notAfter <= clock.now()) {
      await store.removeCertificate(issuer.issuerId, certificate);
    }
    return false;
  }

  /** What the feed told before the certificate was known here. */
  async #checkStatus(issuer: KnownIssuer, slot: Slot): Promise<void> {
    const serials = slot.delegates.map((one) => one.certificate.serialNumber);
    if (serials.length === 0) return;
    const { records } = await this.#parts.lookup.lookup(issuer.issuerId, serials);
    for (const record of records.values()) this.noteStatus(record);
  }

  async #prune(issuer: KnownIssuer, slot: Slot, now: Date): Promise<void> {
    const expired = slot.delegates.filter((one) => one.certificate.validity.notAfter <= now);
    slot.delegates = slot.delegates.filter((one) => !expired.includes(one));
    for (const one of expired) {
      await this.#parts.store.removeCertificate(issuer.issuerId, one.certificate);
    }
  }
}
