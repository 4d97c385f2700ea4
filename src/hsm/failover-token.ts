import { ChanceryError, isChanceryError, type KeyId } from '../domain/index.ts';
import type { SignedBy, SignRequest, SignStreamRequest } from '../issuance/ports.ts';
import type {
  AdoptKeyRequest,
  GeneratedKey,
  GenerateKeyRequest,
  KeyBinding,
  KeyDestruction,
  KeyUse,
  TokenIdentity,
  TokenObject,
  TokenRole,
} from '../keys/ports.ts';
import { readBlockedKeys } from './blocked-keys.ts';
import type { BlockedKey } from './messages.ts';
import type { Log } from './signer-child.ts';
import type { Standby, Token } from './token.ts';
import type { TokenHealth, TokenMetrics, TokenOptions } from './token-options.ts';

/** One of two tokens, as the pair looks at it. */
export interface MemberToken extends Token {
  /** It failed, and does not sign at present. */
  readonly lost: boolean;
  /** Monotonic time since which it has signed without a stop; undefined while it can't. */
  readonly wellSince: number | undefined;
  /** For its next signer process; `bind` tells the present one too. */
  remember(keys: readonly KeyBinding[]): void;
  block(key: BlockedKey): void;
  hold(): void;
  release(): void;
}

const defaultFailBack = 60_000;
/** How often a lost first token is looked at, in milliseconds. */
const lookInterval = 500;

/**
 * Two tokens with the same keys. The first signs; when it is lost, the second does, until the first
 * has been open for `failBackAfter` without a stop and has then made a test signature.
 *
 * What moves to the other token is only what provably was not signed (`tokenUnavailable`); a
 * signature of unknown outcome stays that. A wrong signature blocks the key in both. Keys are made
 * in the first token alone: the makers' own cloning brings them into the second.
 */
export class FailoverToken implements Token {
  readonly role: TokenRole;
  readonly #first: MemberToken;
  readonly #second: MemberToken;
  readonly #log: Log;
  readonly #failBackAfter: number;
  readonly #onDemand: boolean;
  readonly #watch: NodeJS.Timeout;
  #serving: MemberToken;
  #lostAt = 0;
  #returning = false;
  /** Why it did not return, as it was logged last. */
  #refusal: string | undefined;
  #secondMissed = false;

  constructor(first: MemberToken, second: MemberToken, options: TokenOptions) {
    this.role = options.role;
    this.#first = first;
    this.#second = second;
    this.#serving = first;
    this.#log = options.log ?? (() => undefined);
    this.#failBackAfter = options.standby?.failBackAfter ?? defaultFailBack;
    this.#onDemand = options.onDemand === true;
    // Each process reads its own list: a key that one of them blocked stays blocked while that one is away.
    for (const pinFile of [options.pinFile, options.standby?.pinFile]) {
      for (const key of pinFile === undefined ? [] : readBlockedKeys(pinFile)) this.#block(key);
    }
    this.#watch = setInterval(() => this.#look(), lookInterval);
    this.#watch.unref();
  }

  get standby(): Standby {
    return {
      token: this.#second,
      serving: this.#choose() === this.#second,
      holdFirst: () => this.#first.hold(),
      releaseFirst: () => this.#first.release(),
    };
  }

  async sign(request: SignRequest, signedBy?: SignedBy): Promise<Uint8Array> {
    const blocked = this.blockedKeys().find(({ keyId }) => keyId === request.keyId);
    if (blocked !== undefined) throw blockedError(blocked);
    const asked = performance.now();
    return this.#either((token) => {
      const deadline = request.deadline - (performance.now() - asked);
      return token.sign({ ...request, deadline: Math.max(deadline, 1) }, signedBy);
    });
  }

  /** The token is chosen at the start: what was sent is in one signer process. A lost one ends the stream. */
  async signStream(request: SignStreamRequest, signedBy?: SignedBy): Promise<Uint8Array> {
    const blocked = this.blockedKeys().find(({ keyId }) => keyId === request.keyId);
    if (blocked !== undefined) throw blockedError(blocked);
    return this.#choose().signStream(request, signedBy);
  }

  /** Of the first token: the one where keys are made. `standby` has the other's. */
  identity(): Promise<TokenIdentity> {
    return this.#first.identity();
  }

  generateKeyPair(request: GenerateKeyRequest): Promise<GeneratedKey> {
    return this.#first.generateKeyPair(request);
  }

  /** Both learn of it; the one that signs must have taken it. */
  async bind(keys: readonly KeyBinding[]): Promise<void> {
    this.#first.remember(keys);
    this.#second.remember(keys);
    const serving = this.#choose();
    const other = this.#otherThan(serving);
    const [answer] = await Promise.allSettled([
      serving.bind(keys),
      other.lost ? undefined : this.#bindOther(other, keys),
    ]);
    if (answer.status === 'rejected') throw answer.reason;
  }

  async #bindOther(token: MemberToken, keys: readonly KeyBinding[]): Promise<void> {
    try {
      await token.bind(keys);
    } catch (error) {
      this.#log('error', 'ALARM: the token that would take over does not have every key', {
        role: this.role,
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }

  keyIds(): Promise<readonly KeyId[]> {
    return this.#either((token) => token.keyIds());
  }

  random(length: number): Promise<Uint8Array> {
    return this.#either((token) => token.random(length));
  }

  selfTest(): Promise<void> {
    return this.#either((token) => token.selfTest());
  }

  adoptKeyPair(request: AdoptKeyRequest): Promise<GeneratedKey> {
    return this.#first.adoptKeyPair(request);
  }

  /** Both count in one folder, the first's: together they are the node's, and keep its limits. */
  usage(): Promise<readonly KeyUse[]> {
    return this.#choose().usage();
  }

  objects(): Promise<readonly TokenObject[]> {
    return this.#either((token) => token.objects());
  }

  createSelfTestKey(): Promise<KeyId> {
    return this.#first.createSelfTestKey();
  }

  /**
   * In both, whatever either says: asked again, what is left is destroyed.
   *
   * @throws ChanceryError `tokenUnavailable` while one of the two is away: its copy would outlive the act
   */
  async destroyKeyPair(keyId: KeyId): Promise<KeyDestruction> {
    const outcomes = await Promise.allSettled([
      this.#first.destroyKeyPair(keyId),
      this.#second.destroyKeyPair(keyId),
    ]);
    const failures = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [asError(outcome.reason)] : [],
    );
    const isMissing = (error: Error): boolean =>
      isChanceryError(error) && error.code === 'notFound';
    const [seen, copy] = outcomes.flatMap((outcome) =>
      outcome.status === 'fulfilled' ? [outcome.value] : [],
    );
    const failure = failures.find((error) => !isMissing(error));
    if (failure !== undefined) throw failure;
    if (seen === undefined) throw asError(failures[0]);
    if (copy === undefined) return seen;
    return { ...seen, objects: seen.objects + copy.objects, standby: copy.token };
  }

  blockedKeys(): readonly BlockedKey[] {
    const all = [...this.#first.blockedKeys(), ...this.#second.blockedKeys()];
    return [...new Map(all.map((key) => [key.keyId, key])).values()];
  }

  async clearBlockedKey(keyId: KeyId): Promise<void> {
    await Promise.all([this.#first.clearBlockedKey(keyId), this.#second.clearBlockedKey(keyId)]);
  }

  health(): TokenHealth {
    const serving = this.#choose();
    return {
      ...serving.health(),
      standby: { ...this.#second.health(), serving: serving === this.#second },
    };
  }

  metrics(): TokenMetrics {
    const serving = this.#choose();
    return {
      ...this.#first.metrics(),
      standby: { ...this.#second.metrics(), serving: serving === this.#second },
    };
  }

  async close(): Promise<void> {
    clearInterval(this.#watch);
    await Promise.all([this.#first.close(), this.#second.close()]);
  }

  #block(key: BlockedKey): void {
    this.#first.block(key);
    this.#second.block(key);
  }

  #otherThan(token: MemberToken): MemberToken {
    return token === this.#first ? this.#second : this.#first;
  }

  /** Whether it could sign now: open, or one that is opened for the act. */
  #mayServe(token: MemberToken): boolean {
    return token.wellSince !== undefined || (this.#onDemand && token.health().state === 'idle');
  }

  /** The token for the next act. */
  #choose(): MemberToken {
    const other = this.#otherThan(this.#serving);
    if (this.#serving.lost && this.#mayServe(other)) this.#switch(other, 'it is lost');
    return this.#serving;
  }

  #switch(to: MemberToken, why: string): void {
    const from = this.#serving;
    if (from === to) return;
    this.#serving = to;
    if (from === this.#first) this.#lostAt = performance.now();
    this.#log(
      'error',
      `ALARM: ${to === this.#first ? 'the first' : 'the standby'} token signs now`,
      {
        role: this.role,
        why,
        reason: from.health().reason,
      },
    );
  }

  /** What one token provably did not do is done by the other, if that can. */
  async #either<T>(act: (token: MemberToken) => Promise<T>): Promise<T> {
    const token = this.#choose();
    try {
      return await act(token);
    } catch (error) {
      const other = this.#otherThan(token);
      if (!isChanceryError(error) || error.code !== 'tokenUnavailable') throw error;
      if (!this.#mayServe(other)) throw error;
      const answer = await act(other).catch((second: unknown) => {
        // The other does not have the key: it is the first failure that tells what to mend.
        throw isChanceryError(second) && second.code === 'keyBlocked' ? error : second;
      });
      if (!this.#mayServe(token)) this.#switch(other, error.message);
      return answer;
    }
  }

  #look(): void {
    const serving = this.#choose();
    if (this.#second.lost !== this.#secondMissed) {
      this.#secondMissed = this.#second.lost;
      if (this.#secondMissed) {
        this.#log('error', 'ALARM: the standby token is lost; nothing would take over', {
          role: this.role,
          reason: this.#second.health().reason,
        });
      }
    }
    if (serving === this.#second && this.#firstWellAgain()) void this.#return();
  }

  #firstWellAgain(): boolean {
    const now = performance.now();
    const { wellSince } = this.#first;
    // An on-demand token is not opened to be looked at: the next act finds out.
    const since = this.#onDemand ? this.#lostAt : wellSince;
    return since !== undefined && now - since >= this.#failBackAfter;
  }

  /** Long enough is not well enough: it must sign as well. */
  async #return(): Promise<void> {
    if (this.#returning) return;
    this.#returning = true;
    try {
      if (!this.#onDemand) await this.#first.selfTest();
      this.#switch(this.#first, 'it is well again');
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason !== this.#refusal) {
        this.#refusal = reason;
        this.#log('warn', 'the first token is open again and does not sign; the standby goes on', {
          role: this.role,
          reason,
        });
      }
    } finally {
      this.#returning = false;
    }
  }
}

function blockedError({ keyId, since, reason }: BlockedKey): ChanceryError {
  return new ChanceryError('keyBlocked', {
    message: `key ${keyId} is blocked since ${since}: ${reason}; an operator must examine the token and clear the key`,
  });
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
