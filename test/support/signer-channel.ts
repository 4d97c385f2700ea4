/** A signer process driven directly over its channel, as nobody but a broken or captured parent would. */
import { afterAll } from 'vitest';
import { ChanceryError } from '../../src/domain/index.ts';
import type {
  Answers,
  FromSigner,
  Outcome,
  SignItem,
  TokenCall,
  TokenSettings,
} from '../../src/hsm/messages.ts';
import { SignerChild } from '../../src/hsm/signer-child.ts';
import type { GeneratedKey, GenerateKeyRequest, KeyLife } from '../../src/keys/ports.ts';
import type { TestToken } from './softhsm.ts';
import { ownName } from './to-be-signed.ts';

export interface SignerChannel {
  readonly pid: number;
  readonly log: readonly { readonly level: string; readonly message: string }[];
  call<C extends TokenCall>(call: C): Promise<Answers[C['name']]>;
  sign(item: Omit<SignItem, 'id'>): Promise<Uint8Array>;
  /** All chunks of a stream, then the signature. */
  stream(
    item: Omit<SignItem, 'id' | 'bytes'> & { readonly length: number },
    chunks: readonly Uint8Array[],
  ): Promise<Uint8Array>;
  /** A new P-256 key of the issuer `ownName`, still in pre-activation. */
  make(request?: Partial<GenerateKeyRequest>): Promise<GeneratedKey>;
  /** The same key in another life. */
  live(key: GeneratedKey, life: Partial<KeyLife>): Promise<GeneratedKey>;
  /** In order: exact counts are written. */
  close(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/** Opens the token in a signer process of its own; ended after the test file. */
export async function openSignerChannel(
  softhsm: TestToken,
  settings: Partial<TokenSettings> = {},
): Promise<SignerChannel> {
  const waiting = new Map<number, (outcome: Outcome<unknown>) => void>();
  const log: { level: string; message: string }[] = [];
  const opened = Promise.withResolvers<void>();
  let last = 0;
  const receive = (message: FromSigner): void => {
    if (message.type === 'ready') opened.resolve();
    else if (message.type === 'failed') opened.reject(new Error(message.error.message));
    else if (message.type === 'log') log.push(message);
    else if (message.type === 'signed') message.results.forEach((result) => settle(result));
    else if (message.type === 'answer') settle(message.outcome);
  };
  const settle = (outcome: Outcome<unknown>): void => {
    waiting.get(outcome.id)?.(outcome);
    waiting.delete(outcome.id);
  };
  const child = new SignerChild(
    { environment: softhsm.environment, sessions: 4 },
    {
      message: receive,
      ended: (how) => {
        opened.reject(new Error(how));
        const error = { code: 'outcomeUnknown', message: how } as const;
        for (const id of [...waiting.keys()]) settle({ id, ok: false, error });
      },
      log: (level, message) => log.push({ level, message }),
    },
  );
  afterAll(() => child.kill());
  const { modulePath: module, label, pinFile } = softhsm;
  child.send({
    type: 'open',
    settings: { role: 'issuing', module, label, pinFile, sessions: 4, ...settings },
    bindings: [],
    blocked: [],
  });
  await opened.promise;
  const answer = async (send: (id: number) => void): Promise<unknown> => {
    last += 1;
    const id = last;
    const outcome = await new Promise<Outcome<unknown>>((resolve) => {
      waiting.set(id, resolve);
      send(id);
    });
    if (outcome.ok) return outcome.value;
    throw new ChanceryError(outcome.error.code, { message: outcome.error.message });
  };
  const channel: SignerChannel = {
    pid: child.pid ?? 0,
    log,
    call: async (call) => (await answer((id) => child.send({ type: 'call', id, call }))) as never,
    async sign(item) {
      const send = (id: number): void => child.send({ type: 'sign', items: [{ id, ...item }] });
      return (await answer(send)) as Uint8Array;
    },
    async stream(item, chunks) {
      last += 1;
      const stream = last;
      await channel.call({ name: 'openStream', stream, ...item });
      for (const bytes of chunks) await channel.call({ name: 'writeStream', stream, bytes });
      return channel.call({ name: 'signStream', stream });
    },
    make: async (request = {}) =>
      channel.call({
        name: 'generateKeyPair',
        request: {
          keyAlgorithm: 'p256',
          signatureAlgorithm: 'ecdsa-with-SHA256',
          purposes: ['certificate', 'crl', 'certificationRequest'],
          label: 'issuer',
          issuerName: ownName.der,
          ...request,
        },
      }),
    async live(key, life) {
      const changed = { ...key, life: { ...key.life, ...life } };
      await channel.call({ name: 'bind', keys: [changed] });
      return changed;
    },
    async close() {
      child.send({ type: 'close' });
      await child.ended;
    },
    async kill() {
      child.kill();
      await child.ended;
    },
  };
  return channel;
}
