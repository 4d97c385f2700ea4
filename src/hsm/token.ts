import type { KeyId } from '../domain/index.ts';
import { ChanceryError } from '../domain/index.ts';
import type { SignedBy, Signer, SignRequest, SignStreamRequest } from '../issuance/ports.ts';
import type {
  AdoptKeyRequest,
  GeneratedKey,
  GenerateKeyRequest,
  KeyBinding,
  KeyDestruction,
  KeyToken,
  KeyUse,
  TokenIdentity,
  TokenObject,
  TokenRole,
} from '../keys/ports.ts';
import { CountSlots, countsBeside } from './count-slots.ts';
import { FailoverToken, type MemberToken } from './failover-token.ts';
import type { Answers, BlockedKey, TokenCall } from './messages.ts';
import { breakerDelay } from './outage.ts';
import { OutgoingStreams } from './outgoing-stream.ts';
import { RandomReserve } from './random-reserve.ts';
import { defaultQueueLimit, SignerSupervisor } from './signer-supervisor.ts';
import type { TokenHealth, TokenMetrics, TokenOptions } from './token-options.ts';

/** One PKCS#11 token behind its signer process. */
export interface Token extends Signer, KeyToken {
  /** Makes the token's own self-test key (P-256, purpose selfTest only) unless it is there. Answers its CKA_ID. */
  createSelfTestKey(): Promise<KeyId>;
  /** Keys that wait for an operator after a wrong signature. */
  blockedKeys(): readonly BlockedKey[];
  /** An operator examined the token: the key may sign again. */
  clearBlockedKey(keyId: KeyId): Promise<void>;
  health(): TokenHealth;
  metrics(): TokenMetrics;
  /** The second token with the same keys, where one is configured. */
  readonly standby?: Standby | undefined;
  /** Takes no more, waits for what runs (5 s at most), ends the signer process. */
  close(): Promise<void>;
}

/** A second token, and what a drill does with the two. */
export interface Standby {
  readonly token: Token;
  /** Whether signatures go there now. */
  readonly serving: boolean;
  /** Ends the first token's signer process and starts none, as if its device were gone. */
  holdFirst(): void;
  releaseFirst(): void;
}

/** RSA 4096 takes a card minutes, SoftHSM seconds. */
const generationDeadline = 120_000;

class ChildToken implements MemberToken {
  readonly role: TokenRole;
  readonly #supervisor: SignerSupervisor;
  readonly #defaultDeadline: number;
  readonly #countsFolder: string;
  readonly #random: RandomReserve;
  readonly #streams: OutgoingStreams;

  /** @param patience as the supervisor's */
  constructor(options: TokenOptions, patience?: () => number) {
    this.role = options.role;
    this.#defaultDeadline = options.defaultDeadline ?? 5000;
    this.#countsFolder = options.countsFolder ?? countsBeside(options.pinFile);
    this.#supervisor = new SignerSupervisor(options, patience);
    this.#streams = new OutgoingStreams(
      (call, deadline) => this.#supervisor.call(call, deadline),
      options.queueLimit ?? defaultQueueLimit,
    );
    this.#random = new RandomReserve((length) => this.#call({ name: 'random', length }));
  }

  sign(request: SignRequest, signedBy?: SignedBy): Promise<Uint8Array> {
    return this.#supervisor.sign(request, signedBy);
  }

  async signStream(request: SignStreamRequest, signedBy?: SignedBy): Promise<Uint8Array> {
    const signature = await this.#streams.sign(request);
    const { token } = this.#supervisor;
    if (token !== undefined) signedBy?.(token);
    return signature;
  }

  get lost(): boolean {
    return this.#supervisor.lost;
  }

  get wellSince(): number | undefined {
    return this.#supervisor.wellSince;
  }

  remember(keys: readonly KeyBinding[]): void {
    this.#supervisor.keys.remember(keys);
  }

  block(key: BlockedKey): void {
    this.#supervisor.keys.block(key);
  }

  hold(): void {
    this.#supervisor.hold();
  }

  release(): void {
    this.#supervisor.release();
  }

  async #call<C extends TokenCall>(
    call: C,
    deadline = this.#defaultDeadline,
  ): Promise<Answers[C['name']]> {
    return (await this.#supervisor.call(call, deadline)) as Answers[C['name']];
  }

  identity(): Promise<TokenIdentity> {
    return this.#call({ name: 'identity' });
  }

  async generateKeyPair(request: GenerateKeyRequest): Promise<GeneratedKey> {
    const made = owned(await this.#call({ name: 'generateKeyPair', request }, generationDeadline));
    this.#supervisor.keys.remember([made]);
    return made;
  }

  async adoptKeyPair(request: AdoptKeyRequest): Promise<GeneratedKey> {
    return owned(await this.#call({ name: 'adoptKeyPair', request }));
  }

  async usage(): Promise<readonly KeyUse[]> {
    if (this.#supervisor.health().state === 'ready') return this.#call({ name: 'usage' });
    // A token that is closed or away is not needed for this: what its processes left is on disk.
    const { others } = new CountSlots(this.#countsFolder).look();
    return [...others].map(([keyId, signatures]) => ({ keyId, signatures }));
  }

  objects(): Promise<readonly TokenObject[]> {
    return this.#call({ name: 'objects' });
  }

  /** The bindings are remembered even when the token is away: they hold once it is back. */
  async bind(keys: readonly KeyBinding[]): Promise<void> {
    this.#supervisor.keys.remember(keys);
    // A closed on-demand token is not opened for this: the comparison is made when it is.
    if (this.#supervisor.health().state === 'idle') return;
    await this.#call({ name: 'bind', keys });
  }

  keyIds(): Promise<readonly KeyId[]> {
    return this.#call({ name: 'keyIds' });
  }

  random(length: number): Promise<Uint8Array> {
    return this.#random.take(length);
  }

  async selfTest(): Promise<void> {
    await this.#call({ name: 'selfTest' });
  }

  createSelfTestKey(): Promise<KeyId> {
    return this.#call({ name: 'createSelfTestKey' }, generationDeadline);
  }

  async destroyKeyPair(keyId: KeyId): Promise<KeyDestruction> {
    this.#supervisor.keys.forget(keyId);
    return this.#call({ name: 'destroyKeyPair', keyId });
  }

  blockedKeys(): readonly BlockedKey[] {
    return this.#supervisor.keys.blocked;
  }

  async clearBlockedKey(keyId: KeyId): Promise<void> {
    await this.#call({ name: 'clearBlockedKey', keyId });
    this.#supervisor.keys.unblock(keyId);
  }

  health(): TokenHealth {
    return this.#supervisor.health();
  }

  metrics(): TokenMetrics {
    return this.#supervisor.metrics();
  }

  close(): Promise<void> {
    return this.#supervisor.close();
  }
}

/**
 * Opens a token behind a signer process of its own. Returns at once: what is asked waits, up to
 * its deadline, for the token to be open.
 *
 * Acts reject with ChanceryError `purposeRefused`, `overloaded` (queue full), `tokenUnavailable`
 * (nothing was signed), `keyBlocked` (wrong signature, or another public key), `outcomeUnknown`
 * (the process was lost while it signed).
 *
 * With a standby, what the first provably did not sign goes to the second: see `FailoverToken`.
 */
export function openToken(options: TokenOptions): Token {
  const { standby } = options;
  if (standby === undefined) return new ChildToken(options);
  const patience = (other: () => Token): (() => number) => {
    return () => (other().health().state === 'ready' ? 0 : breakerDelay);
  };
  const first: ChildToken = new ChildToken(
    { ...options, standby: undefined },
    patience(() => second),
  );
  const second: ChildToken = new ChildToken(
    {
      ...options,
      // Nothing of the first's place holds for the second.
      ...{ serialNumber: undefined, environment: undefined, libraryParameters: undefined },
      countsFolder: options.countsFolder ?? countsBeside(options.pinFile),
      ...standby,
    },
    patience(() => first),
  );
  return new FailoverToken(first, second, options);
}

/** One Signer over several tokens: each key's signatures are made in the token that has it. */
export function routeSigner(
  tokens: readonly Token[],
  where: (keyId: KeyId) => TokenRole | undefined,
): Signer {
  const byRole = new Map(tokens.map((token) => [token.role, token]));
  const tokenOf = (keyId: KeyId): Token => {
    const role = where(keyId);
    const token = role === undefined ? undefined : byRole.get(role);
    if (token !== undefined) return token;
    throw new ChanceryError('purposeRefused', {
      message: `key ${keyId} signs nothing: ${role === undefined ? 'the key inventory knows no token for it' : `this process has no ${role} token`}`,
    });
  };
  return {
    sign: async (request, signedBy) => tokenOf(request.keyId).sign(request, signedBy),
    signStream: async (request, signedBy) => tokenOf(request.keyId).signStream(request, signedBy),
  };
}

/** What comes out of the channel is a view of the whole message, which it would keep alive. */
function owned(key: GeneratedKey): GeneratedKey {
  return { ...key, subjectPublicKeyInfo: Uint8Array.from(key.subjectPublicKeyInfo) };
}
