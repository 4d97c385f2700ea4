/** RFC 8555 §6.6: limits by account, credential, name and address, right over two nodes (A10). */
import { beforeAll, describe, expect, it } from 'vitest';
import type { DirectoryLimits } from '../../src/acme/ports.ts';
import { AcmeClient, type Answer, expectProblem, headerOf } from '../support/acme-client.ts';
import { judged } from '../support/acme-exchanges.ts';
import { externalAccountBinding, jwsKey } from '../support/acme-keys.ts';
import { type AcmeNode, directoryPolicy } from '../support/acme-node.ts';
import { acmeUnderTest } from '../support/acme-under-test.ts';
import { admin } from '../support/authority.ts';
import { until } from '../support/quickstart-run.ts';

const limited = (name: string, limits: DirectoryLimits): ReturnType<typeof directoryPolicy> =>
  directoryPolicy(name, { limits });
const under = await acmeUnderTest('acme-6-6', {
  directories: [
    limited('by-address', { newAccountPerAddress: { burst: 3, seconds: 3600 } }),
    limited('by-account', { newOrderPerAccount: { burst: 4, seconds: 3600 } }),
    limited('by-credential', { newOrderPerCredential: { burst: 3, seconds: 3600 } }),
    limited('by-name', { newOrderPerName: { burst: 2, seconds: 3600 } }),
    limited('by-failure', { failedValidationPerName: { burst: 2, seconds: 3600 } }),
  ],
});
let other: AcmeNode;

beforeAll(async () => {
  other = await under.server.node('node-2');
});

function clientOn(node: AcmeNode, directory: string, address?: string): AcmeClient {
  return new AcmeClient(judged(node.transport(address)), under.directoryUrl(directory), jwsKey());
}

/** 429 rateLimited that names the limit, with a Retry-After after which it is right again. */
function expectLimited(answer: Answer, limit: keyof DirectoryLimits): number {
  const problem = expectProblem(answer, 429, 'rateLimited');
  expect(problem.detail).toContain(limit);
  const seconds = Number(headerOf(answer, 'retry-after'));
  expect(seconds).toBeGreaterThan(0);
  return seconds;
}

async function register(client: AcmeClient): Promise<Answer> {
  return client.post((await client.directory()).newAccount, {}, { jwk: true });
}

describe('A10 accounts an address', () => {
  it('the fourth waits, on every node, for as long as Retry-After says; IPv6 counts by /64', async () => {
    const nodes = [under.server, other];
    for (const [n, address] of [
      '2001:db8:1:2::1',
      '2001:db8:1:2::ffff',
      '2001:db8:1:2:3::1',
    ].entries()) {
      const answer = await register(clientOn(nodes[n % 2] ?? other, 'by-address', address));
      expect(answer.status).toBe(201);
    }
    let wait = 0;
    for (const node of nodes) {
      wait = expectLimited(
        await register(clientOn(node, 'by-address', '2001:db8:1:2:9::9')),
        'newAccountPerAddress',
      );
    }
    // Another network is another matter.
    expect((await register(clientOn(other, 'by-address', '2001:db8:1:3::1'))).status).toBe(201);
    under.clock.advance(wait - 2);
    expectLimited(
      await register(clientOn(other, 'by-address', '2001:db8:1:2::1')),
      'newAccountPerAddress',
    );
    under.clock.advance(3);
    expect((await register(clientOn(other, 'by-address', '2001:db8:1:2::1'))).status).toBe(201);
  });

  it('a known key is found however many there are: nothing is created', async () => {
    const client = clientOn(under.server, 'by-address', '198.51.100.1');
    await client.register();
    for (let n = 0; n < 6; n += 1) expect((await register(client)).status).toBe(200);
  });
});

describe('A10 orders', () => {
  it('of twelve at once over two nodes four are taken, and the refused took nothing', async () => {
    const client = clientOn(under.server, 'by-account');
    await client.register();
    const there = new AcmeClient(judged(other.transport()), client.directoryUrl, client.key);
    there.kid = client.kid;
    const answers = await Promise.all(
      Array.from({ length: 12 }, async (_, n) =>
        (n % 2 === 0 ? client : there).newOrder([`o${n}.example.test`]),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(4);
    const refused = answers.filter(({ status }) => status !== 201);
    const waits = refused.map((answer) => expectLimited(answer, 'newOrderPerAccount'));
    // Each refusal names the same time: none of them used up a place.
    expect(Math.max(...waits) - Math.min(...waits)).toBeLessThanOrEqual(1);
    under.clock.advance(Math.max(...waits));
    expect((await client.newOrder(['later.example.test'])).status).toBe(201);
    expectLimited(await there.newOrder(['later2.example.test']), 'newOrderPerAccount');
  });

  it('a restart forgets nothing', async () => {
    const client = clientOn(under.server, 'by-account');
    await client.register();
    for (let n = 0; n < 4; n += 1) await client.order([`r${n}.example.test`]);
    const restarted = await under.server.node('node-1');
    const there = new AcmeClient(judged(restarted.transport()), client.directoryUrl, client.key);
    there.kid = client.kid;
    expectLimited(await there.newOrder(['r9.example.test']), 'newOrderPerAccount');
  });

  it('by credential, whichever of its accounts asks', async () => {
    const credential = await under.credential({ directory: 'by-credential' });
    const [first, second] = [under.client('by-credential'), under.client('by-credential')];
    for (const client of [first, second]) {
      const { newAccount } = await client.directory();
      await client.register({
        externalAccountBinding: externalAccountBinding(credential, newAccount, client.key.jwk),
      });
    }
    await first.order(['a.example.test']);
    await second.order(['b.example.test']);
    await first.order(['c.example.test']);
    expectLimited(await second.newOrder(['d.example.test']), 'newOrderPerCredential');
    // Who has no credential is not concerned.
    const free = under.client('by-credential');
    await free.register();
    expect((await free.newOrder(['e.example.test'])).status).toBe(201);
  });

  it('by name, whoever asks; a limit among many names refuses the whole order and takes from none', async () => {
    const [first, second] = [under.client('by-name'), under.client('by-name')];
    await first.register();
    await second.register();
    await first.order(['n.example.test']);
    await second.order(['N.example.test']);
    for (let n = 0; n < 3; n += 1) {
      expectLimited(await second.newOrder(['m.example.test', 'n.example.test']), 'newOrderPerName');
    }
    await first.order(['m.example.test']);
    await first.order(['m.example.test']);
    expectLimited(await first.newOrder(['m.example.test']), 'newOrderPerName');
  });

  it('an override lets one key through until it expires, and is audited', async () => {
    const client = under.client('by-account');
    await client.register();
    const accountId = client.kid.split('/').at(-1) ?? '';
    for (let n = 0; n < 4; n += 1) await client.order([`v${n}.example.test`]);
    expectLimited(await client.newOrder(['v.example.test']), 'newOrderPerAccount');
    await under.server.acme.putLimitOverride(admin, {
      limit: 'newOrderPerAccount',
      key: accountId,
      burst: 50,
      seconds: 60,
      notAfter: new Date(under.clock.now().getTime() + 600_000),
    });
    for (let n = 0; n < 20; n += 1) await client.order([`w${n}.example.test`]);
    expect(await under.audited(accountId)).not.toEqual([]);
    under.clock.advance(601);
    // What was given meanwhile is not held against it, but the old rate counts again.
    for (let n = 0; n < 4; n += 1) await client.newOrder([`y${n}.example.test`]);
    expectLimited(await client.newOrder(['x.example.test']), 'newOrderPerAccount');
  });
});

describe('A10 failed validations', () => {
  it("an account's failures of a name stop it, not another account and not another name", async () => {
    const [unlucky, lucky] = [under.client('by-failure'), under.client('by-failure')];
    await unlucky.register();
    await lucky.register();
    const fail = async (): Promise<void> => {
      const { order, url } = await unlucky.order(['f.example.test']);
      const [authorization] = await unlucky.authorizations(order);
      await unlucky.respond(authorization?.challenges[0]);
      expect((await unlucky.settled(url)).status).toBe('invalid');
    };
    under.validator.answer = () => ({
      valid: false,
      type: 'connection',
      detail: 'refused',
      retryable: false,
    });
    await fail();
    await fail();
    under.validator.answer = () => ({ valid: true });
    await until('the limit to be used up', async () => {
      const answer = await unlucky.newOrder(['f.example.test']);
      if (answer.status === 429) return true;
      const [authorization] = await unlucky.authorizations(JSON.parse(answer.text));
      const responded = await unlucky.respond(authorization?.challenges[0]);
      expectLimited(responded, 'failedValidationPerName');
      return true;
    });
    const { order } = await lucky.order(['f.example.test']);
    expect((await lucky.authorize(order))[0]?.status).toBe('valid');
    const elsewhere = await unlucky.order(['g.example.test']);
    expect((await unlucky.authorize(elsewhere.order))[0]?.status).toBe('valid');
  });
});
