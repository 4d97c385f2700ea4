/**
 * The order flow as a model: random acts of two accounts on orders and authorizations while time
 * passes, and whatever happens, states go forward only (the judges of `judged`), an order is ready
 * exactly while every authorization of it is valid, and each certificate is what its order asked for.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AcmeClient, Authorization, Order } from '../support/acme-client.ts';
import { json } from '../support/acme-client.ts';
import { csr } from '../support/acme-csr.ts';
import { acmeUnderTest } from '../support/acme-under-test.ts';

/** What a client does next; `of` is one of the orders so far, `which` one of its authorizations. */
type Step =
  | { readonly kind: 'order'; readonly by: number; readonly names: readonly string[] }
  | {
      readonly kind: 'answer';
      readonly of: number;
      readonly which: number;
      readonly found: 'valid' | 'invalid';
    }
  | { readonly kind: 'deactivate'; readonly of: number; readonly which: number }
  | { readonly kind: 'finalize'; readonly of: number; readonly right: boolean }
  | { readonly kind: 'wait'; readonly hours: number };

const pool = ['a.model.test', 'b.model.test', '*.a.model.test', 'c.model.test'];
const of = fc.nat({ max: 9 });
const which = fc.nat({ max: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('order' as const),
      by: fc.nat({ max: 1 }),
      names: fc.uniqueArray(fc.constantFrom(...pool), { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      of,
      which,
      found: fc.constantFrom(
        'valid' as const,
        'valid' as const,
        'valid' as const,
        'invalid' as const,
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('deactivate' as const), of, which }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('finalize' as const), of, right: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      hours: fc.constantFrom(1, 24, 100),
    }),
  },
);

interface Placed {
  readonly by: AcmeClient;
  readonly url: string;
  readonly names: readonly string[];
  readonly order: Order;
}

const under = await acmeUnderTest('acme-model');
/** States that were met: a walk that never gets anywhere proves nothing. */
const met = new Set<string>();
const started = under.clock.now();

describe('random acts on orders', () => {
  test('leave states, authorizations and certificates that agree', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 40 }), async (taken) => {
        under.clock.set(started);
        const clients = [under.client(), under.client()];
        for (const client of clients) await client.register();
        const placed: Placed[] = [];
        const issued = new Map<string, string>();
        for (const one of taken) {
          await take(one, clients, placed, issued);
          for (const mine of placed.slice(-4)) await agree(mine, issued);
        }
        for (const mine of placed) await agree(mine, issued);
        // A serial number is one order's.
        expect(new Set(issued.values()).size).toBe(issued.size);
      }),
      { numRuns: process.env['CHANCERY_TEST_ALL'] === '1' ? 50 : 10, endOnFailure: true },
    );
    expect([...met]).toEqual(expect.arrayContaining(['pending', 'ready', 'valid', 'invalid']));
  }, 400_000);
});

async function take(
  one: Step,
  clients: readonly AcmeClient[],
  placed: Placed[],
  issued: Map<string, string>,
): Promise<void> {
  if (one.kind === 'wait') {
    under.clock.advance(one.hours * 3600);
    return;
  }
  if (one.kind === 'order') {
    const by = clients[one.by] ?? under.client();
    const { url, order } = await by.order(one.names);
    placed.push({ by, url, order, names: one.names });
    return;
  }
  const mine = placed[one.of % Math.max(1, placed.length)];
  if (mine === undefined) return;
  const { by, order, names, url } = mine;
  if (one.kind === 'finalize') {
    const before = await by.fetch<Order>(url);
    const asked = one.right ? names : [...names, 'other.model.test'];
    const answer = await by.finalize(order, csr(asked).der);
    if (before.status === 'ready' && one.right) {
      expect(answer.status, answer.text).toBe(200);
      const done = await by.settled(url);
      const chain = await by.get(done.certificate ?? '');
      issued.set(url, certificateOf(chain.text, names));
    } else {
      expect([400, 403], answer.text).toContain(answer.status);
      expect((await by.fetch<Order>(url)).status).toBe(before.status);
    }
    return;
  }
  const authorization = order.authorizations[one.which % order.authorizations.length] ?? '';
  if (one.kind === 'deactivate') {
    await by.post(authorization, { status: 'deactivated' });
    return;
  }
  under.validator.answer = () =>
    one.found === 'valid'
      ? { valid: true }
      : { valid: false, type: 'connection', detail: 'refused', retryable: false };
  const { challenges, status } = await by.fetch<Authorization>(authorization);
  if (challenges.length === 0) return;
  await by.respond(challenges[one.which % challenges.length]);
  if (status !== 'pending') return;
  // An attempt is awaited by the look at its authorization.
  const after = await by.fetch<Authorization>(authorization);
  expect(after.status).toBe(one.found);
}

/** The order is what its authorizations make of it, now. */
async function agree(
  { by, url, names }: Placed,
  issued: ReadonlyMap<string, string>,
): Promise<void> {
  const order = json<Order>(await by.get(url));
  met.add(order.status);
  const found = await by.authorizations(order);
  const states = found.map(({ status }) => status);
  expect(order.identifiers.map(({ value }) => value).toSorted()).toEqual([...names].toSorted());
  expect(order.status === 'valid', `${order.status} with ${states.join()}`).toBe(issued.has(url));
  if (order.status === 'ready') expect(new Set(states)).toEqual(new Set(['valid']));
  if (order.status === 'pending') {
    expect(states).toContain('pending');
    expect(states.filter((status) => !['pending', 'valid'].includes(status))).toEqual([]);
  }
  if (order.status === 'invalid') {
    const expired = Date.parse(order.expires ?? '') <= under.clock.now().getTime();
    expect(expired || states.some((status) => !['pending', 'valid'].includes(status))).toBe(true);
  }
}

/** Its serial number; it names what was ordered and nothing else. */
function certificateOf(pem: string, names: readonly string[]): string {
  const text = under.openssl(['x509', '-noout', '-serial', '-ext', 'subjectAltName'], pem);
  const found = [...text.matchAll(/DNS:([^,\s]+)/g)].map(([, name]) => name);
  expect(found.toSorted()).toEqual([...names].toSorted());
  return /serial=(\w+)/.exec(text)?.[1] ?? '';
}
