/**
 * I1, T-AUTH-1: an exception in any statement of ACME's rows, wherever it comes, denies. Nothing is
 * issued, nothing of the inside is told, and what failed goes through when it is asked again.
 */
import { describe, expect, it } from 'vitest';
import type {
  AcmeStore,
  AcmeTransaction,
  AcmeUnitOfWork,
  ValidationOutcome,
} from '../../src/acme/ports.ts';
import { ChanceryError } from '../../src/domain/index.ts';
import { AcmeClient, type Answer, json, type Order } from '../support/acme-client.ts';
import { csr } from '../support/acme-csr.ts';
import { judged } from '../support/acme-exchanges.ts';
import { externalAccountBinding } from '../support/acme-keys.ts';
import { baseUrl, directoryPolicy, testAcme } from '../support/acme-node.ts';
import { admin } from '../support/authority.ts';
import { until } from '../support/quickstart-run.ts';

const secret = 'the inside of the server';
/** Names of statements that fail now, and how. */
const failing = new Set<string>();
let failure: () => Error = () => new Error(secret);
const called = new Set<string>();

/** Rows whose statements fail as the test says. */
function fragile(store: AcmeStore): AcmeStore {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return async (...parameters: unknown[]): Promise<unknown> => {
        called.add(String(name));
        if (failing.has(String(name))) throw failure();
        return (await Reflect.apply(value, target, parameters)) as unknown;
      };
    },
  });
}

function fragileTransaction(transaction: AcmeTransaction): AcmeTransaction {
  return Object.create(transaction, {
    acme: { value: fragile(transaction.acme) },
  }) as AcmeTransaction;
}

/** Set once the server is there: dependencies are asked for before. */
const inner: { unitOfWork?: AcmeUnitOfWork } = {};
function real(): AcmeUnitOfWork {
  if (inner.unitOfWork === undefined) throw new Error('not there yet');
  return inner.unitOfWork;
}
const unitOfWork: AcmeUnitOfWork = {
  readOne: async (work) => real().readOne(async (t) => work(fragileTransaction(t))),
  read: async (work) => real().read(async (t) => work(fragileTransaction(t))),
  run: async (work) => real().run(async (t) => work(fragileTransaction(t))),
  storeOf: (transaction) => fragile(real().storeOf(transaction)),
};

const server = await testAcme('acme-errors', {
  acme: { unitOfWork },
  directories: [
    directoryPolicy('limited', {
      limits: {
        newAccountPerAddress: { burst: 1000, seconds: 1 },
        newOrderPerAccount: { burst: 1000, seconds: 1 },
        failedValidationPerName: { burst: 1000, seconds: 1 },
      },
    }),
  ],
});
inner.unitOfWork = server.unitOfWork;
const { chancery } = server;
const directoryUrl = `${baseUrl}/acme/limited/directory`;

await chancery.authority.createPrincipal(admin, { name: 'owner', role: 'subscriber' });

function newClient(): AcmeClient {
  return new AcmeClient(judged(server.transport()), directoryUrl);
}

async function rows(): Promise<{ certificates: number; accounts: number }> {
  const [row] = await chancery.sql(
    `SELECT (SELECT count(*)::int FROM certificate_contents WHERE owner <> 'x') AS certificates,
      (SELECT count(*)::int FROM acme_accounts) AS accounts`,
  );
  return row as { certificates: number; accounts: number };
}

let count = 0;
/** Everything that a client does, step by step; each answers what the server said last. */
const steps: readonly (readonly [string, (run: Run) => Promise<Answer>])[] = [
  ['newAccount', async ({ client, binding }) => register(client, await binding())],
  ['account', async ({ client }) => client.get(client.kid)],
  ['update', async ({ client }) => client.post(client.kid, { contact: ['mailto:a@example.test'] })],
  [
    'newOrder',
    async (run) => {
      const answer = await run.client.newOrder([run.name]);
      if (answer.status === 201) run.order = json<Order>(answer);
      return answer;
    },
  ],
  ['orders', async ({ client }) => client.get(`${client.kid}/orders`)],
  ['authorization', async (run) => run.client.get(run.order?.authorizations[0] ?? '')],
  [
    'challenge',
    async (run) => {
      const url = `${(run.order?.authorizations[0] ?? '').replace('/authorization/', '/challenge/')}/http-01`;
      return run.client.post(url, {});
    },
  ],
  [
    'order',
    async (run) => {
      if (run.order !== undefined && failing.size === 0) await run.client.authorize(run.order);
      return run.client.get((run.order?.finalize ?? '').replace('/finalize', ''));
    },
  ],
  [
    'finalize',
    async (run) => {
      run.request ??= csr([run.name]).der;
      return run.order === undefined
        ? run.client.get('x')
        : run.client.finalize(run.order, run.request);
    },
  ],
  [
    'certificate',
    async (run) =>
      run.client.get(
        (run.order?.finalize ?? '').replace('/order/', '/certificate/').replace('/finalize', ''),
      ),
  ],
];

interface Run {
  readonly client: AcmeClient;
  readonly name: string;
  readonly binding: () => Promise<unknown>;
  order?: Order;
  request?: Uint8Array;
}

async function register(client: AcmeClient, binding: unknown): Promise<Answer> {
  const { newAccount } = await client.directory();
  const answer = await client.post(newAccount, { externalAccountBinding: binding }, { jwk: true });
  if (answer.status < 300) client.kid = String(answer.headers['location']);
  return answer;
}

function newRun(): Run {
  count += 1;
  const client = newClient();
  return {
    client,
    name: `e${count}.example.test`,
    binding: async () => {
      const { credential, hmacKey } = await server.acme.createCredential(admin, {
        directory: 'limited',
        owner: 'owner',
        quota: 5,
      });
      const { newAccount } = await client.directory();
      return externalAccountBinding({ kid: credential.kid, hmacKey }, newAccount, client.key.jwk);
    },
  };
}

/** Which statements each step uses, learned from a run without faults. */
const used = new Map<string, readonly string[]>();
{
  const run = newRun();
  await run.client.directory();
  for (const [name, step] of steps) {
    called.clear();
    const answer = await step(run);
    expect(answer.status, `${name}: ${answer.text}`).toBeLessThan(300);
    // Making a credential is an operator's act, not the protocol's.
    used.set(
      name,
      [...called].filter((statement) => statement !== 'insertCredential'),
    );
  }
}

describe('I1: a statement that throws denies', () => {
  const cases = steps.flatMap(([name, step]) =>
    (used.get(name) ?? []).map((statement) => ({ name, step, statement })),
  );

  it('the authorising ones are among them', () => {
    const statements = new Set(cases.map(({ statement }) => statement));
    expect([...statements]).toEqual(
      expect.arrayContaining([
        'admit',
        'findCredential',
        'bindCredential',
        'takeRateLimits',
        'findAuthorization',
        'isAccountKey',
        'beginProcessing',
        'spendQuota',
        'completeOrder',
      ]),
    );
  });

  it.each(cases)('$statement at $name', async ({ name, step, statement }) => {
    const run = newRun();
    for (const [earlier, before] of steps) {
      if (earlier === name) break;
      expect((await before(run)).status, earlier).toBeLessThan(300);
    }
    const at = await rows();
    failing.add(statement);
    let answer: Answer;
    try {
      answer = await step(run);
    } finally {
      failing.clear();
    }
    expect(answer.text).not.toContain(secret);
    const now = await rows();
    // What the answer does not need may be swallowed; what authorises may not.
    if (answer.status >= 400) {
      expect(answer.status, answer.text).toBeGreaterThanOrEqual(500);
      expect(now.accounts).toBe(at.accounts);
    } else {
      expect([
        'findCredential',
        'bindCredential',
        'admit',
        'takeRateLimits',
        'isAccountKey',
        'beginProcessing',
        'spendQuota',
      ]).not.toContain(statement);
    }
    if (statement !== 'completeOrder') {
      expect(now.certificates, 'nothing is issued on an error').toBe(at.certificates);
    } else {
      const [row] = await chancery.sql(
        `SELECT count(*)::int AS issued FROM certificate_contents c JOIN issuance_outcomes o ON o.certificate_id = c.certificate_id AND o.state = 'issued' WHERE $1 = ANY (c.names)`,
        [`DNS:${run.name}`],
      );
      expect(row?.['issued']).toBe(0);
    }
  });
});

describe('the database loses what it did not wait for, or is away for a moment', () => {
  interface Begun {
    readonly client: AcmeClient;
    readonly order: Order;
    /** Ends the validation that is under way. */
    readonly go: (outcome: ValidationOutcome) => void;
  }

  /** A challenge that is answered, and whose validation is under way. */
  async function begun(): Promise<Begun> {
    let go: (outcome: ValidationOutcome) => void = () => undefined;
    const gate = new Promise<ValidationOutcome>((done) => {
      go = done;
    });
    const { name } = newRun();
    // Not judged: for a moment the challenge is seen to go back, which is what was lost.
    const client = server.client('limited');
    await client.register({});
    const { order } = await client.order([name]);
    const [authorization] = await client.authorizations(order);
    server.validator.answer = () => gate;
    const answer = await client.respond(authorization?.challenges[0]);
    expect(json<{ status: string }>(answer).status).toBe('processing');
    return { client, order, go };
  }

  async function becomes({ client, order }: Begun, status: string): Promise<void> {
    await until(`the authorization to be ${status}`, async () => {
      const [found] = await client.authorizations(order);
      return found?.status === status;
    });
    server.validator.answer = () => ({ valid: true });
  }

  it.each<[string, ValidationOutcome]>([
    ['valid', { valid: true }],
    ['invalid', { valid: false, type: 'connection', detail: 'refused', retryable: false }],
  ])('that a challenge was answered: it is %s all the same', async (status, outcome) => {
    const run = await begun();
    // What a server that was killed finds in its log: the row as it was before.
    await chancery.sql(
      `UPDATE acme_authorizations SET challenge_status = 'pending', attempted = NULL,
        claimed_until = NULL WHERE authorization_id = $1`,
      [run.order.authorizations[0]?.split('/').at(-1)],
    );
    run.go(outcome);
    await becomes(run, status);
  });

  it('it does not answer when the outcome is there: the outcome is written down later', async () => {
    const run = await begun();
    failure = () => new ChanceryError('databaseUnavailable', { message: 'it is away' });
    failing.add('recordValid');
    called.clear();
    run.go({ valid: true });
    await until('the outcome to be refused', () => called.has('recordValid'));
    failing.clear();
    failure = () => new Error(secret);
    await becomes(run, 'valid');
  });
});
