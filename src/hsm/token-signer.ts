import { randomBytes } from 'node:crypto';
import type { Module } from 'graphene-pk11';
import type { KeyId } from '../domain/index.ts';
import { ChanceryError } from '../domain/index.ts';
import {
  type AdoptKeyRequest,
  type GeneratedKey,
  type GenerateKeyRequest,
  type KeyBinding,
  type KeyDestruction,
  selfTestLabel,
  type TokenIdentity,
} from '../keys/ports.ts';
import { readBlockedKeys, writeBlockedKeys } from './blocked-keys.ts';
import { countsBeside } from './count-slots.ts';
import { attributeOf, cka, cko, findObjects, loadModule } from './cryptoki.ts';
import { IncomingStreams } from './incoming-streams.ts';
import { keepSessionsAlive } from './keep-alive.ts';
import { adoptedKey } from './key-adoption.ts';
import type { BoundKey } from './key-bindings.ts';
import { checkPurposes, KeyBindings } from './key-bindings.ts';
import { checkGenerateRequest, generateKeyPair } from './key-generation.ts';
import type { Answers, BlockedKey, TokenCall, TokenSettings } from './messages.ts';
import { proveSelfTest, selfTestBinding, selfTestMessage } from './self-test.ts';
import { SignatureCounts } from './signature-counts.ts';
import { WrongSignature } from './signature-value.ts';
import type { EngineHooks, SigningJob } from './signing-engine.ts';
import { SigningEngine } from './signing-engine.ts';
import type { TokenConnection } from './token-connection.ts';
import { connect, disconnect } from './token-connection.ts';
import { destroyObjects, tokenObjects } from './token-objects.ts';

const randomLimit = 65_536;

export type SignerHooks = Omit<EngineHooks, 'reconnect' | 'count'>;

/** One open token in the signer process: its bindings, its engine, and the acts beside signing. */
export class TokenSigner {
  readonly #settings: TokenSettings;
  readonly #module: Module;
  readonly #bindings: KeyBindings;
  readonly #engine: SigningEngine;
  readonly #streams: IncomingStreams;
  readonly #counts: SignatureCounts;
  readonly #hooks: SignerHooks;
  #selfTestKey: KeyId | undefined;
  #identity: TokenIdentity;

  /** Loads the module and opens the token; throws when it is not to be had. */
  constructor(
    settings: TokenSettings,
    bindings: readonly KeyBinding[],
    blocked: readonly BlockedKey[],
    hooks: SignerHooks,
  ) {
    this.#settings = settings;
    this.#hooks = hooks;
    this.#bindings = new KeyBindings([...readBlockedKeys(settings.pinFile), ...blocked]);
    this.#streams = new IncomingStreams(this.#bindings);
    this.#counts = new SignatureCounts(
      settings.countsFolder ?? countsBeside(settings.pinFile),
      hooks.log,
    );
    this.#module = loadModule(settings.module);
    const connection = this.#open(bindings);
    this.#identity = connection.identity;
    const engineHooks: EngineHooks = {
      lost: hooks.lost,
      log: hooks.log,
      blocked: (key) => {
        this.#keepBlocked();
        hooks.blocked(key);
      },
      count: ({ binding }) => {
        // Probes are no use of a key that anybody relies upon.
        if (binding.keyId !== this.#selfTestKey) this.#counts.take(binding.keyId, binding.life);
      },
      reconnect: () => {
        disconnect(this.#module);
        return this.#open(this.#bindings.bindings);
      },
    };
    this.#engine = new SigningEngine(connection, this.#bindings, engineHooks);
  }

  get identity(): TokenIdentity {
    return this.#identity;
  }

  get blocked(): readonly BlockedKey[] {
    return this.#bindings.blocked;
  }

  sign(job: SigningJob): void {
    this.#engine.submit(job);
  }

  close(): void {
    this.#counts.close();
    if (this.#engine.idle) disconnect(this.#module);
  }

  /** Opens the token, tries its self-test key and looks up every bound key. */
  #open(bindings: readonly KeyBinding[]): TokenConnection {
    const connection = connect(this.#module, this.#settings);
    this.#identity = connection.identity;
    const selfTestKey = this.#bindSelfTestKey(connection);
    const proven = selfTestKey !== undefined && this.#prove(connection, selfTestKey);
    if (connection.loginUnproven && !proven) {
      disconnect(this.#module);
      throw new Error(
        'the token says that a user is logged in already, and no test signature proves it',
      );
    }
    for (const binding of bindings) {
      if (this.#misusesSelfTest(binding)) continue;
      const { problem } = this.#bind(connection, binding);
      if (problem !== undefined) {
        this.#hooks.log('error', 'a bound key is not usable', { keyId: binding.keyId, problem });
      }
    }
    return connection;
  }

  #bind(connection: TokenConnection, binding: KeyBinding): BoundKey {
    const key = this.#bindings.bind(connection.lib, connection.control, binding);
    const { counted } = binding.life;
    if (counted !== undefined) this.#counts.atLeast(binding.keyId, counted);
    return key;
  }

  #bindSelfTestKey(connection: TokenConnection): BoundKey | undefined {
    const binding = selfTestBinding(connection);
    this.#selfTestKey = binding?.keyId;
    return binding && this.#bind(connection, binding);
  }

  #prove(connection: TokenConnection, key: BoundKey): boolean {
    const outcome = proveSelfTest(connection, key);
    if (!(outcome instanceof WrongSignature)) return outcome === 'signed';
    const { keyId } = key.binding;
    const blocked = { keyId, reason: outcome.message, since: new Date().toISOString() };
    this.#bindings.block(blocked);
    this.#keepBlocked();
    this.#hooks.blocked(blocked);
    return false;
  }

  #keepBlocked(): void {
    try {
      writeBlockedKeys(this.#settings.pinFile, this.#bindings.blocked);
    } catch (error) {
      this.#hooks.log('error', 'the list of blocked keys could not be kept on disk', {
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }

  /** One act beside signing. */
  async call(call: TokenCall): Promise<Answers[TokenCall['name']]> {
    switch (call.name) {
      case 'identity':
        return this.#identity;
      case 'bind':
        return await this.#bindAll(call.keys);
      case 'keyIds':
        return await this.#engine.run((connection) => this.#keyIds(connection), true);
      case 'random':
        return await this.#engine.run((connection) => this.#random(connection, call.length), true);
      case 'selfTest':
        return await this.#selfTest();
      case 'keepAlive':
        return await this.#engine.run(keepSessionsAlive, true);
      case 'generateKeyPair':
        return await this.#generate(call.request);
      case 'adoptKeyPair':
        return await this.#adopt(call.request);
      case 'usage':
        return this.#counts.usage();
      case 'objects':
        return await this.#engine.run(tokenObjects, true);
      case 'createSelfTestKey':
        return await this.#createSelfTestKey();
      case 'destroyKeyPair':
        return await this.#destroy(call.keyId);
      case 'clearBlockedKey':
        this.#bindings.clear(call.keyId);
        this.#keepBlocked();
        return undefined;
      case 'openStream':
        this.#streams.open(call);
        return undefined;
      case 'writeStream':
        this.#streams.write(call.stream, call.bytes);
        return undefined;
      case 'signStream':
        return await this.#signStream(call.stream);
      case 'dropStream':
        this.#streams.drop(call.stream);
        return undefined;
      default:
        return call satisfies never;
    }
  }

  #signStream(stream: number): Promise<Uint8Array> {
    const { message, call } = this.#streams.end(stream);
    const { keyId, purpose, algorithm } = call;
    return this.#engineSignature({ keyId, purpose, algorithm, message });
  }

  #engineSignature(item: SigningJob['item']): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#engine.submit({
        item,
        done: resolve,
        refused: (error) => reject(error instanceof Error ? error : new Error(String(error))),
        attempts: 0,
      });
    });
  }

  /** The purpose selfTest and the token's own self-test key belong to each other alone. */
  #misusesSelfTest(binding: KeyBinding): boolean {
    return binding.purposes.includes('selfTest') !== (binding.keyId === this.#selfTestKey);
  }

  async #bindAll(keys: readonly KeyBinding[]): Promise<undefined> {
    const misused = keys.find((key) => this.#misusesSelfTest(key));
    if (misused !== undefined) {
      throw new ChanceryError('purposeRefused', {
        message: `key ${misused.keyId} can't be bound to ${misused.purposes.join(', ')}: only the key that the token labels "${selfTestLabel}" signs probes, and it signs nothing else`,
      });
    }
    const problems = await this.#engine.run(
      (connection) =>
        keys
          .map((key) => this.#bindingProblem(connection, key))
          .filter((problem) => problem !== undefined),
      true,
    );
    const refused = problems.find((problem) => problem instanceof ChanceryError);
    if (refused !== undefined) throw refused;
    if (problems.length > 0) {
      throw new ChanceryError('keyBlocked', {
        message: `${problems.join('; ')}: compare the inventory with the token, and restore the token if its keys were lost`,
      });
    }
    return undefined;
  }

  /** One key that is refused does not keep the others from being bound. */
  #bindingProblem(
    connection: TokenConnection,
    key: KeyBinding,
  ): string | ChanceryError | undefined {
    try {
      return this.#bind(connection, key).problem;
    } catch (error) {
      if (error instanceof ChanceryError) return error;
      throw error;
    }
  }

  #keyIds({ lib, control: session }: TokenConnection): KeyId[] {
    const handles = findObjects(lib, session, [{ type: cka.class, value: cko.privateKey }]);
    const ids = handles.map((handle) => attributeOf(lib, session, handle, cka.id));
    return [...new Set(ids.flatMap((id) => (id === undefined ? [] : [id.toString('hex')])))].sort();
  }

  #random({ lib, control: session }: TokenConnection, length: number): Uint8Array {
    if (!Number.isInteger(length) || length < 1 || length > randomLimit) {
      throw new ChanceryError('invalidArgument', {
        message: `random octets: ${length} is not between 1 and ${randomLimit}`,
        field: 'length',
      });
    }
    return lib.C_GenerateRandom(session, Buffer.allocUnsafeSlow(length));
  }

  async #selfTest(): Promise<undefined> {
    const key = this.#selfTestKey === undefined ? undefined : this.#bindings.get(this.#selfTestKey);
    if (key === undefined) {
      throw new ChanceryError('tokenUnavailable', {
        message: `the token "${this.#settings.label}" has no key labelled "${selfTestLabel}"; make one with createSelfTestKey`,
      });
    }
    const { keyId, algorithm } = key.binding;
    await this.#engineSignature({
      keyId,
      algorithm,
      purpose: 'selfTest',
      message: selfTestMessage(),
    });
    return undefined;
  }

  async #generate(request: GenerateKeyRequest): Promise<GeneratedKey> {
    checkPurposes(request.purposes);
    checkGenerateRequest(request);
    return await this.#engine.run(async (connection) => {
      const key = await generateKeyPair(connection, request, randomBytes(20));
      if (key.label !== selfTestLabel) return this.#bindNew(connection, key);
      this.#selfTestKey = key.keyId;
      return this.#bindNew(connection, { ...key, life: { state: 'active', scope: 'full' } });
    }, false);
  }

  /** A pair that is in the token already: looked at, and not bound. One that is bound keeps the life that it has. */
  async #adopt(request: AdoptKeyRequest): Promise<GeneratedKey> {
    checkPurposes(request.purposes);
    return await this.#engine.run((connection) => {
      const key = adoptedKey(connection, request);
      const known = this.#bindings.get(key.keyId)?.binding;
      return known === undefined ? key : { ...key, life: known.life };
    }, true);
  }

  #bindNew(connection: TokenConnection, key: GeneratedKey): GeneratedKey {
    const { problem } = this.#bind(connection, key);
    if (problem !== undefined) throw new Error(problem);
    return key;
  }

  /** Makes the self-test key unless the token has it. */
  async #createSelfTestKey(): Promise<KeyId> {
    if (this.#selfTestKey !== undefined) return this.#selfTestKey;
    const { keyId } = await this.#generate({
      keyAlgorithm: 'p256',
      signatureAlgorithm: 'ecdsa-with-SHA256',
      purposes: ['selfTest'],
      label: selfTestLabel,
    });
    await this.#selfTest();
    return keyId;
  }

  async #destroy(keyId: KeyId): Promise<KeyDestruction> {
    const id = Buffer.from(keyId, 'hex');
    this.#bindings.forget(keyId);
    let objects = 0;
    // An empty CKA_ID would be anybody's.
    if (id.length > 0) {
      await this.#engine.run((connection) => {
        destroyObjects(connection, id, () => {
          objects += 1;
        });
      }, true);
    }
    if (objects === 0) {
      throw new ChanceryError('notFound', {
        message: `the token has no key with CKA_ID ${keyId}`,
        field: 'keyId',
      });
    }
    if (this.#selfTestKey === keyId) this.#selfTestKey = undefined;
    return { objects, token: this.#identity, absent: true };
  }
}
