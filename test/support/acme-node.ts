/**
 * The ACME server in the test's own process, over `testAuthority`: real PostgreSQL, real SoftHSM. The
 * test moves the clock, says what validation finds, reaches each step and sends requests without a
 * network.
 */
import { randomBytes } from 'node:crypto';
import { type Acme, type AcmeFailpoint, createAcme } from '../../src/acme/index.ts';
import type {
  AcmeTransaction,
  AcmeUnitOfWork,
  ChallengeValidator,
  DirectoryPolicy,
  ValidationOutcome,
} from '../../src/acme/ports.ts';
import type { Authority } from '../../src/authority/index.ts';
import { defaultTenant } from '../../src/domain/index.ts';
import { AcmeClient, type Answer, type Call, type Transport } from './acme-client.ts';
import type { JwsKey } from './acme-keys.ts';
import { type TestAuthority, testAuthority } from './authority.ts';
import type { LogLine, TestAuthorityOptions } from './authority-node.ts';

export const baseUrl = 'https://ca.example.test:8443';

export type AskedChallenge = Parameters<ChallengeValidator['validate']>[0];

/** Finds every challenge fulfilled until the test says otherwise. */
export class SteeredValidator implements ChallengeValidator {
  readonly asked: AskedChallenge[] = [];
  /** May wait, and may throw as a process that ends there does. */
  answer: (challenge: AskedChallenge) => ValidationOutcome | Promise<ValidationOutcome> = () => ({
    valid: true,
  });

  async validate(challenge: AskedChallenge): Promise<ValidationOutcome> {
    this.asked.push(challenge);
    return this.answer(challenge);
  }
}

/** A directory that takes what it is asked for; `change` narrows it. */
export function directoryPolicy(
  name: string,
  change: Partial<DirectoryPolicy> = {},
): DirectoryPolicy {
  return {
    name,
    profiles: new Map([
      ['tls-server', 'for servers'],
      ['short-lived', 'for a week'],
    ]),
    defaultProfile: 'tls-server',
    challengeTypes: ['http-01', 'dns-01', 'tls-alpn-01'],
    names: {},
    externalAccount: 'none',
    limits: {},
    maximumIdentifiers: 100,
    orderLifetimeSeconds: 7 * 86_400,
    authorizationLifetimeSeconds: 7 * 86_400,
    retrySeconds: [],
    ...change,
  };
}

export interface TestAcmeOptions extends TestAuthorityOptions {
  /** Beside `default` (or instead of it), `eab` (external accounts always) and `bound` (for new accounts). */
  readonly directories?: readonly DirectoryPolicy[] | undefined;
  readonly acme?: Partial<Parameters<typeof createAcme>[0]> | undefined;
}

/** One process of the test that answers ACME requests. */
export interface AcmeNode {
  readonly acme: Acme;
  readonly authority: Authority;
  readonly validator: SteeredValidator;
  /** Runs when a step is reached; throwing there is how a process ends at that step. */
  readonly at: Partial<Record<AcmeFailpoint, () => void>>;
  /** Requests as if from this address. */
  transport(remoteAddress?: string): Transport;
  client(directory?: string, key?: JwsKey): AcmeClient;
}

export class TestAcme implements AcmeNode {
  readonly chancery: TestAuthority;
  /** Newest first, the same on every node; a test may replace them for nodes that it makes later. */
  secrets: readonly Uint8Array[] = [new Uint8Array(randomBytes(32))];
  databaseTime = (): Date => this.clock.now();
  readonly #options: TestAcmeOptions;
  readonly #node: AcmeNode;

  constructor(chancery: TestAuthority, options: TestAcmeOptions) {
    this.chancery = chancery;
    this.#options = options;
    this.#node = this.#make(chancery.authority, options);
  }

  get acme(): Acme {
    return this.#node.acme;
  }
  get authority(): Authority {
    return this.#node.authority;
  }
  get validator(): SteeredValidator {
    return this.#node.validator;
  }
  get at(): AcmeNode['at'] {
    return this.#node.at;
  }
  get clock(): TestAuthority['clock'] {
    return this.chancery.clock;
  }
  get log(): LogLine[] {
    return this.chancery.log;
  }
  /** The database's clock follows the test's, unless `databaseTime` says otherwise. */
  get unitOfWork(): AcmeUnitOfWork {
    const { acme } = this.chancery.storage;
    return {
      // Asked for at each call: a test may watch the storage.
      run: async (work) => acme.run(work),
      read: async (work) => acme.read(work),
      storeOf: (transaction) => acme.storeOf(transaction),
      readOne: async (work) =>
        acme.readOne(async (transaction) =>
          work(
            Object.create(transaction, {
              installation: {
                value: { databaseTime: async () => Promise.resolve(this.databaseTime()) },
              },
            }) as AcmeTransaction,
          ),
        ),
    };
  }

  transport(remoteAddress?: string): Transport {
    return this.#node.transport(remoteAddress);
  }
  client(directory?: string, key?: JwsKey): AcmeClient {
    return this.#node.client(directory, key);
  }

  /** An account that is registered. */
  async registered(directory?: string, payload?: unknown, key?: JwsKey): Promise<AcmeClient> {
    const client = this.client(directory, key);
    await client.register(payload);
    return client;
  }

  /** Another process over the same database, tokens and secrets, with an authority and a validator of its own. */
  async node(name: string, change: Partial<TestAcmeOptions> = {}): Promise<AcmeNode> {
    const options = { ...this.#options, ...change };
    const { authority } = await this.chancery.node(name, options);
    return this.#make(authority, options);
  }

  #make(authority: Authority, options: TestAcmeOptions): AcmeNode {
    const validator = new SteeredValidator();
    const at: AcmeNode['at'] = {};
    const policies = [
      directoryPolicy('default'),
      directoryPolicy('eab', { externalAccount: 'always' }),
      directoryPolicy('bound', { externalAccount: 'newAccounts' }),
      ...(options.directories ?? []),
    ];
    const { clock, log } = this.chancery;
    const acme = createAcme({
      tenant: defaultTenant,
      unitOfWork: this.unitOfWork,
      authority,
      validator,
      directories: new Map(policies.map((policy) => [policy.name, policy])),
      defaultDirectory: 'default',
      baseUrl,
      secrets: this.secrets,
      randomBytes: (length) => new Uint8Array(randomBytes(length)),
      clock,
      log: (level, message, fields) => log.push({ level, message, fields: fields ?? {} }),
      failpoint: (step) => at[step]?.(),
      settings: { validationConcurrency: 16, claimSeconds: 60, settleAfterSeconds: 20 },
      ...options.acme,
    });
    const transport = (remoteAddress = '192.0.2.1'): Transport => {
      return async (call) => send(acme, call, remoteAddress);
    };
    return {
      acme,
      authority,
      validator,
      at,
      transport,
      client: (directory = 'default', key) =>
        new AcmeClient(transport(), `${baseUrl}/acme/${directory}/directory`, key),
    };
  }
}

/** The server of a test file; `tick()` and the authority's schedule run when the test calls them. */
export async function testAcme(name: string, options: TestAcmeOptions = {}): Promise<TestAcme> {
  return new TestAcme(await testAuthority(name, options), options);
}

/** What the listener does with a request. */
async function send(acme: Acme, call: Call, remoteAddress: string): Promise<Answer> {
  const url = new URL(call.url);
  const [, top, first = '', ...rest] = url.pathname.split('/');
  if (url.origin !== baseUrl || top !== 'acme') throw new Error(`${call.url} is not this server's`);
  const isDefault = first === 'directory' && rest.length === 0;
  const answer = await acme.answer({
    method: call.method,
    directory: isDefault ? '' : first,
    path: isDefault ? first : rest.join('/'),
    query: url.searchParams,
    contentType: call.contentType,
    body: Buffer.from(call.body ?? ''),
    remoteAddress,
  });
  return {
    status: answer.status,
    headers: answer.headers as Answer['headers'],
    text:
      answer.body === undefined || typeof answer.body === 'string'
        ? (answer.body ?? '')
        : Buffer.from(answer.body).toString('utf8'),
  };
}
