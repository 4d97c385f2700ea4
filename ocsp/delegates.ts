import type { IssuerId, KeyId } from '../src/domain/index.ts';
import { ChanceryError, type Clock, errorCodes, isChanceryError } from '../src/domain/index.ts';
import type { OcspDelegate } from '../src/issuance/index.ts';
import type { KeyBinding, KeyToken } from '../src/keys/ports.ts';
import type { Certificate } from '../src/pkix/index.ts';
import { currentDelegate, delegateFaults, delegateOf, renewalTime } from './delegate.ts';
import type { DelegateStore } from './delegate-store.ts';
import type { KnownIssuer } from './issuers.ts';
import type { Log, StatusRecord } from './ports.ts';
import type { StatusLookup } from './status-lookup.ts';

/** Makes keys and obtains certificates for them; see `DelegateEnrolment`. */
export interface Enrolment {
  generateKey(issuer: KnownIssuer): Promise<KeyBinding>;
  enrol(issuer: KnownIssuer, key: KeyBinding): Promise<Certificate>;
}

export interface DelegatesParts {
  readonly store: DelegateStore;
  readonly enrolment: Enrolment;
  readonly token: Pick<KeyToken, 'bind'>;
  readonly lookup: StatusLookup;
  readonly clock: Clock;
  readonly log: Log;
  /** An issuer's answers must be made anew: a delegate that signed them is not trusted any more. */
  readonly withdrawn: (issuerId: IssuerId) => void;
}

interface IssuerState {
  key: KeyBinding | undefined;
  delegates: OcspDelegate[];
  /** Keys whose certificate is on hold or revoked: they sign nothing. */
  readonly withdrawnKeys: Set<KeyId>;
}

/** When an issuer's turn comes again; kept apart from its state, which begins with the first success. */
interface Attempts {
  busy: boolean;
  failures: number;
  /** Monotonic milliseconds before which nothing is tried again. */
  next: number;
}

const firstRetry = 250;
const longestRetry = 10_000;

/**
 * For each issuer a key in the responder's token and a certificate that lets it answer for that
 * issuer: read at start, checked before use, asked for when missing, renewed with overlap at half
 * of its life, withdrawn when its own status is not good (RFC 6960 §4.2.2.2).
 */
export class Delegates {
  readonly #parts: DelegatesParts;
  readonly #states = new Map<IssuerId, IssuerState>();
  readonly #attempts = new Map<IssuerId, Attempts>();

  constructor(parts: DelegatesParts) {
    this.#parts = parts;
  }

  /** The delegate to sign with for that issuer at that moment. */
  current(issuerId: IssuerId, at: Date): OcspDelegate | undefined {
    const state = this.#states.get(issuerId);
    return state === undefined ? undefined : currentDelegate(usable(state), at);
  }

  /** Those of the unexpired issuers for which nothing can be signed now. */
  missing(issuers: readonly KnownIssuer[], now: Date): readonly KnownIssuer[] {
    return issuers.filter(
      (issuer) =>
        now < issuer.certificate.validity.notAfter &&
        this.current(issuer.issuerId, now) === undefined,
    );
  }

  /** Learns a status from the change feed; whatever is not a delegate of ours is ignored. */
  noteStatus(record: StatusRecord): void {
    const state = this.#states.get(record.issuerId);
    const delegate = state?.delegates.find(
      (one) => one.certificate.serialNumber === record.serialNumber,
    );
    if (state === undefined || delegate === undefined) {
      return;
    }
    const { keyId } = delegate;
    if (record.status === 'good') {
      state.withdrawnKeys.delete(keyId);
      return;
    }
    if (state.withdrawnKeys.has(keyId)) {
      return;
    }
    state.withdrawnKeys.add(keyId);
    if (state.key?.keyId === keyId) {
      state.key = undefined;
    }
    this.#attempts.delete(record.issuerId);
    this.#parts.log('warn', 'a delegate is not good any more; a new key and certificate follow', {
      issuerId: record.issuerId,
      serialNumber: record.serialNumber,
      status: record.status,
      reasonCode: record.reasonCode,
    });
    this.#parts.withdrawn(record.issuerId);
  }

  /** One round over all issuers: reads, asks for and renews what is due. Never throws. */
  async maintain(issuers: readonly KnownIssuer[]): Promise<void> {
    await Promise.all(issuers.map(async (issuer) => this.#maintainOne(issuer)));
  }

  async #maintainOne(issuer: KnownIssuer): Promise<void> {
    const attempts = this.#attempts.get(issuer.issuerId) ?? { busy: false, failures: 0, next: 0 };
    if (attempts.busy || performance.now() < attempts.next) {
      return;
    }
    this.#attempts.set(issuer.issuerId, attempts);
    attempts.busy = true;
    try {
      const state = this.#states.get(issuer.issuerId) ?? (await this.#load(issuer));
      await this.#renewWhenDue(issuer, state);
      attempts.failures = 0;
    } catch (error) {
      attempts.failures += 1;
      const wait = firstRetry * 2 ** Math.min(attempts.failures - 1, 10);
      attempts.next = performance.now() + Math.min(longestRetry, wait);
      this.#parts.log(attempts.failures > 3 ? 'error' : 'warn', 'no delegate is enrolled yet', {
        issuer: issuer.name,
        issuerId: issuer.issuerId,
        // The stack of an expected refusal would say nothing, several times a minute.
        ...(isChanceryError(error) ? { reason: error.message } : { error }),
      });
    } finally {
      attempts.busy = false;
    }
  }

  /** Reads what is on disk, has the token confirm the key, checks certificates and their status. */
  async #load(issuer: KnownIssuer): Promise<IssuerState> {
    const { store, token, log } = this.#parts;
    const stored = await store.read(issuer.issuerId);
    let { key } = stored;
    if (key !== undefined) {
      try {
        await token.bind([key]);
      } catch (error) {
        // `keyBlocked` says that the token has no such key, or another by that name: it will not come back.
        if (
          isChanceryError(error) &&
          errorCodes[error.code] === 'unavailable' &&
          error.code !== 'keyBlocked'
        ) {
          throw error;
        }
        log('error', 'the token does not hold the key of a delegate; a new one is made', {
          issuerId: issuer.issuerId,
          keyId: key.keyId,
          error,
        });
        key = undefined;
      }
    }
    const state: IssuerState = { key, delegates: [], withdrawnKeys: new Set() };
    for (const certificate of stored.certificates) {
      await this.#admit(issuer, state, certificate);
    }
    // Known to `noteStatus` before the lookup: no change falls between the two.
    this.#states.set(issuer.issuerId, state);
    try {
      await this.#checkStatus(issuer, state);
    } catch (error) {
      this.#states.delete(issuer.issuerId);
      throw error;
    }
    return state;
  }

  async #renewWhenDue(issuer: KnownIssuer, state: IssuerState): Promise<void> {
    const { clock, enrolment, store, log } = this.#parts;
    const now = clock.now();
    await this.#prune(issuer, state, now);
    const current = currentDelegate(usable(state), now);
    const due = current === undefined || renewalTime(current.certificate) <= now;
    if (!due || issuer.certificate.validity.notAfter <= now) {
      return;
    }
    if (state.key === undefined) {
      const key = await enrolment.generateKey(issuer);
      await store.writeKey(issuer.issuerId, key);
      state.key = key;
    }
    const certificate = await enrolment.enrol(issuer, state.key);
    if (!(await this.#admit(issuer, state, certificate))) {
      throw new ChanceryError('malformed', {
        message: "the CA's answer is no delegate certificate of this issuer and key",
        clause: 'RFC 6960 §4.2.2.2',
      });
    }
    await store.writeCertificate(issuer.issuerId, certificate);
    await this.#checkStatus(issuer, state);
    log('info', 'enrolled a delegate', {
      issuer: issuer.name,
      issuerId: issuer.issuerId,
      serialNumber: certificate.serialNumber,
      notAfter: certificate.validity.notAfter,
    });
  }

  /** Takes a certificate into use when it is a delegate's; logs why not otherwise. */
  async #admit(
    issuer: KnownIssuer,
    state: IssuerState,
    certificate: Certificate,
  ): Promise<boolean> {
    const { store, log, clock } = this.#parts;
    const faults =
      state.key === undefined
        ? ["its key is not the responder's"]
        : delegateFaults(certificate, issuer.certificate, state.key);
    if (state.key !== undefined && faults.length === 0) {
      state.delegates.push(delegateOf(certificate, state.key));
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
  async #checkStatus(issuer: KnownIssuer, state: IssuerState): Promise<void> {
    const serials = state.delegates.map((one) => one.certificate.serialNumber);
    if (serials.length > 0) {
      const { records } = await this.#parts.lookup.lookup(issuer.issuerId, serials);
      for (const record of records.values()) {
        this.noteStatus(record);
      }
    }
  }

  async #prune(issuer: KnownIssuer, state: IssuerState, now: Date): Promise<void> {
    const expired = state.delegates.filter((one) => one.certificate.validity.notAfter <= now);
    state.delegates = state.delegates.filter((one) => !expired.includes(one));
    for (const one of expired) {
      await this.#parts.store.removeCertificate(issuer.issuerId, one.certificate);
    }
  }
}

function usable(state: IssuerState): readonly OcspDelegate[] {
  return state.delegates.filter((one) => !state.withdrawnKeys.has(one.keyId));
}
