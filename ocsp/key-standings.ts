import type { Clock, KeyId } from '../src/domain/index.ts';
import type { KeyLife } from '../src/keys/ports.ts';
import type { KeyStanding, Log, StatusSource } from './ports.ts';

/** Of a key's period, or of its signatures, the share after which the next key is made. */
const rotationShare = 0.9;

/**
 * Where the responder's keys stand in the CA's inventory: what is suspended, compromised or at the end
 * of its period signs nothing here, and what comes near to its end is followed by the next key
 * (SP 800-57 Part 1 §5.3, §7). While the inventory can't be asked, the last answer holds: delegates go
 * on answering.
 */
export class KeyStandings {
  readonly #source: Pick<StatusSource, 'keys'>;
  readonly #clock: Clock;
  readonly #log: Log;
  #known: ReadonlyMap<KeyId, KeyStanding> = new Map();
  readonly #asked = new Set<KeyId>();

  constructor(source: Pick<StatusSource, 'keys'>, clock: Clock, log: Log) {
    this.#source = source;
    this.#clock = clock;
    this.#log = log;
  }

  get(keyId: KeyId): KeyStanding | undefined {
    return this.#known.get(keyId);
  }

  /** Asks the inventory. @returns those that stand otherwise than before; none when it can't be asked */
  async refresh(keyIds: readonly KeyId[]): Promise<readonly KeyId[]> {
    const before = this.#known;
    await this.learn(keyIds);
    return keyIds.filter((keyId) => differ(before.get(keyId), this.#known.get(keyId)));
  }

  /** As `refresh`, for a key that is about to be taken into use: what is said of it is acted upon already. */
  async learn(keyIds: readonly KeyId[]): Promise<void> {
    if (keyIds.length === 0) return;
    let found: readonly KeyStanding[];
    try {
      found = (await this.#source.keys?.(keyIds)) ?? [];
    } catch (error) {
      this.#log('warn', 'the inventory of keys cannot be read; what was known holds', { error });
      return;
    }
    const known = new Map(this.#known);
    for (const keyId of keyIds) {
      known.delete(keyId);
      this.#asked.add(keyId);
    }
    for (const standing of found) known.set(standing.keyId, standing);
    this.#known = known;
  }

  /** Whether the inventory has answered for it, be it that it has no record. */
  wasAsked(keyId: KeyId): boolean {
    return this.#asked.has(keyId);
  }

  /** Whether it may sign answers: a key that the inventory does not know yet may. */
  maySign(keyId: KeyId): boolean {
    const standing = this.#known.get(keyId);
    if (standing === undefined) return true;
    const { state, originatorUsageEnd } = standing;
    const over = originatorUsageEnd !== undefined && originatorUsageEnd <= this.#clock.now();
    return state === 'active' && !over;
  }

  /** Whether the next key should be made now. @param signatures what was signed with it */
  rotationDue(keyId: KeyId, signatures = 0): boolean {
    if (!this.maySign(keyId)) return true;
    const { activatedAt, originatorUsageEnd, signatureLimit } = this.#known.get(keyId) ?? {};
    if (signatureLimit !== undefined && signatures >= signatureLimit * rotationShare) return true;
    if (originatorUsageEnd === undefined) return false;
    const end = originatorUsageEnd.getTime();
    const period = end - (activatedAt?.getTime() ?? end);
    return this.#clock.now().getTime() >= end - period * (1 - rotationShare);
  }

  /** What the signer process is told of a key that has a certificate. */
  lifeOf(keyId: KeyId): KeyLife {
    const standing = this.#known.get(keyId);
    return {
      state: standing?.state ?? 'active',
      scope: 'full',
      originatorUsageEnd: standing?.originatorUsageEnd?.getTime(),
      allotted: standing?.signatureLimit,
    };
  }
}

function differ(one: KeyStanding | undefined, other: KeyStanding | undefined): boolean {
  return (
    one?.state !== other?.state ||
    one?.originatorUsageEnd?.getTime() !== other?.originatorUsageEnd?.getTime() ||
    one?.signatureLimit !== other?.signatureLimit
  );
}
