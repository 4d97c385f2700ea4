/** RFC 8555 §7.4 newOrder, §7.4.1 pre-authorization (A14, A21, I18). */
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Authorization,
  expectProblem,
  headerOf,
  json,
  type Order,
} from '../support/acme-client.ts';
import { csr } from '../support/acme-csr.ts';
import { expectTime } from '../support/acme-exchanges.ts';
import { acmeUnderTest } from '../support/acme-under-test.ts';
import { until } from '../support/quickstart-run.ts';

const under = await acmeUnderTest('acme-7-4');
const client = under.client();
let newOrder = '';

beforeAll(async () => {
  await client.register();
  ({ newOrder } = await client.directory());
});

describe('§7.4 newOrder', () => {
  it('A14: 201 with Location, the identifiers as asked, one authorization each', async () => {
    const names = ['a.example.test', 'b.example.test'];
    const answer = await client.newOrder(names);
    expect(answer.status).toBe(201);
    expect(headerOf(answer, 'location')).toMatch(/\/order\/[\w-]{22}$/);
    const order = json<Order>(answer);
    expect(order.status).toBe('pending');
    expect(order.identifiers.map(({ value }) => value).toSorted()).toEqual(names);
    expect(order.authorizations).toHaveLength(2);
    expectTime(order.expires, 'expires');
    const values = (await client.authorizations(order)).map(({ identifier }) => identifier.value);
    expect(values.toSorted()).toEqual(names);
  });

  it('A14, I40: a wildcard and its base have different authorizations, neither with the asterisk', async () => {
    const { order } = await client.order(['*.w.example.test', 'w.example.test']);
    expect(order.identifiers.map(({ value }) => value).toSorted()).toEqual([
      '*.w.example.test',
      'w.example.test',
    ]);
    const found = await client.authorizations(order);
    expect(found.map(({ identifier }) => identifier.value)).toEqual([
      'w.example.test',
      'w.example.test',
    ]);
    expect(new Set(order.authorizations).size).toBe(2);
    expect(found.map(({ wildcard }) => wildcard ?? false).toSorted()).toEqual([false, true]);
    // T-WILD-1: the base proven does not prove the wildcard, nor the other way.
    await client.respond(
      found
        .find(({ wildcard }) => wildcard !== true)
        ?.challenges.find(({ type }) => type === 'dns-01'),
    );
    const wild = await client.order(['*.w.example.test']);
    expect(wild.order.status).toBe('pending');
  });

  it('a name asked twice, or in capitals, is one identifier', async () => {
    const { order } = await client.order(['Twice.Example.Test', 'twice.example.test']);
    expect(order.identifiers).toEqual([{ type: 'dns', value: 'twice.example.test' }]);
    expect(order.authorizations).toHaveLength(1);
  });

  it('RFC 8738: addresses, in the form of RFC 5952', async () => {
    const { order } = await client.order([
      { type: 'ip', value: '192.0.2.7' },
      { type: 'ip', value: '2001:db8::7' },
    ]);
    expect(order.identifiers.map(({ value }) => value).toSorted()).toEqual([
      '192.0.2.7',
      '2001:db8::7',
    ]);
    for (const { challenges } of await client.authorizations(order)) {
      // RFC 8738 §7: no dns-01 for addresses.
      expect(challenges.map(({ type }) => type).toSorted()).toEqual(['http-01', 'tls-alpn-01']);
    }
  });

  it.each([
    ['an unknown type', { type: 'email', value: 'x@example.test' }, 'unsupportedIdentifier'],
    ['an underscore', { type: 'dns', value: 'a_b.example.test' }, 'rejectedIdentifier|malformed'],
    ['an address as a name', { type: 'dns', value: '192.0.2.1' }, 'rejectedIdentifier|malformed'],
    [
      'a name as an address',
      { type: 'ip', value: 'a.example.test' },
      'rejectedIdentifier|malformed',
    ],
    [
      'an address with leading zeros',
      { type: 'ip', value: '192.0.02.1' },
      'rejectedIdentifier|malformed',
    ],
    ['a CIDR block', { type: 'ip', value: '192.0.2.0/24' }, 'rejectedIdentifier|malformed'],
    ['two asterisks', { type: 'dns', value: '*.*.example.test' }, 'rejectedIdentifier|malformed'],
    [
      'an asterisk in the middle',
      { type: 'dns', value: 'a.*.example.test' },
      'rejectedIdentifier|malformed',
    ],
    [
      'an asterisk within a label',
      { type: 'dns', value: 'a*.example.test' },
      'rejectedIdentifier|malformed',
    ],
    ['an asterisk alone', { type: 'dns', value: '*' }, 'rejectedIdentifier|malformed'],
    ['an empty label', { type: 'dns', value: 'a..example.test' }, 'rejectedIdentifier|malformed'],
    ['a trailing dot', { type: 'dns', value: 'a.example.test.' }, 'rejectedIdentifier|malformed'],
    ['a bad A-label', { type: 'dns', value: 'xn--a.example.test' }, 'rejectedIdentifier|malformed'],
    ['a U-label', { type: 'dns', value: 'bücher.example.test' }, 'rejectedIdentifier|malformed'],
    [
      'a label of 64',
      { type: 'dns', value: `${'a'.repeat(64)}.example.test` },
      'rejectedIdentifier|malformed',
    ],
    ['a NUL', { type: 'dns', value: 'a\0.example.test' }, 'rejectedIdentifier|malformed'],
    ['a line', { type: 'dns', value: 'a.example.test\nb' }, 'rejectedIdentifier|malformed'],
    ['a quote (I5)', { type: 'dns', value: 'a",b.example.test' }, 'rejectedIdentifier|malformed'],
    ['a port', { type: 'dns', value: 'a.example.test:443' }, 'rejectedIdentifier|malformed'],
    ['nothing', { type: 'dns', value: '' }, 'rejectedIdentifier|malformed'],
  ])(
    'A21: %s is refused by name, and the good one beside it is not blamed',
    async (_, bad, type) => {
      const answer = await client.newOrder(['good.example.test', bad]);
      expect([400, 403], answer.text).toContain(answer.status);
      const problem = json<NonNullable<Order['error']>>(answer);
      expect(problem.type).toMatch(new RegExp(`:(${type}|compound)$`));
      for (const { identifier } of problem.subproblems ?? []) {
        expect(identifier?.value).not.toBe('good.example.test');
      }
    },
  );

  it.each([
    ['no identifiers', {}],
    ['an empty list', { identifiers: [] }],
    ['an object', { identifiers: { type: 'dns', value: 'a.example.test' } }],
    ['strings', { identifiers: ['a.example.test'] }],
    ['a number as value', { identifiers: [{ type: 'dns', value: 7 }] }],
    ['no type', { identifiers: [{ value: 'a.example.test' }] }],
    ['null', { identifiers: [null] }],
    [
      'a bad notBefore',
      { identifiers: [{ type: 'dns', value: 'a.example.test' }], notBefore: 'soon' },
    ],
    [
      'a bad notAfter',
      { identifiers: [{ type: 'dns', value: 'a.example.test' }], notAfter: '2027-02-30T00:00:00Z' },
    ],
  ])('%s: malformed', async (_, payload) => {
    expectProblem(await client.post(newOrder, payload), 400, 'malformed');
  });

  it('more identifiers than the directory takes', async () => {
    const names = Array.from({ length: 5000 }, (_, n) => `n${n}.example.test`);
    const answer = await client.newOrder(names);
    expect([400, 413]).toContain(answer.status);
  });

  it('A21: notBefore and notAfter are granted to the second, or the order is refused', async () => {
    const name = 'dated.example.test';
    const at = (seconds: number): string =>
      new Date(under.clock.now().getTime() + seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
    const [notBefore, notAfter] = [at(0), at(10 * 86_400)];
    const done = await client.obtain([name], csr([name]).der, { notBefore, notAfter });
    expect(done.order).toMatchObject({ notBefore, notAfter });
    expect(new Date(done.certificate.validFrom)).toEqual(new Date(notBefore));
    expect(new Date(done.certificate.validTo)).toEqual(new Date(notAfter));
    for (const refused of [
      { notAfter: at(20 * 365 * 86_400) },
      { notAfter: at(-1) },
      { notBefore: at(3600), notAfter: at(60) },
      { notBefore: at(-90 * 86_400) },
      { notBefore: at(400 * 86_400) },
    ]) {
      const answer = await client.newOrder([name], refused);
      expect(answer.status, JSON.stringify(refused)).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
    }
  });

  it('I18: for every place of a refused name among six', async () => {
    for (let place = 0; place < 6; place += 1) {
      const names = Array.from({ length: 6 }, (_, n) =>
        n === place ? 'a.denied.test' : `n${n}.example.test`,
      );
      const problem = expectProblem(await under.denying.newOrder(names), 400, 'rejectedIdentifier');
      expect(problem.subproblems?.map(({ identifier }) => identifier?.value)).toEqual([
        'a.denied.test',
      ]);
    }
  });
});

describe('§7.4.1 newAuthz', () => {
  it('201, Location, pending; then an order for the name is ready at once', async () => {
    const { newAuthz = '' } = await client.directory();
    const identifier = { type: 'dns', value: 'pre.example.test' };
    const answer = await client.post(newAuthz, { identifier });
    expect(answer.status, answer.text).toBe(201);
    const url = headerOf(answer, 'location') ?? '';
    const made = json<Authorization>(answer);
    expect(made).toMatchObject({ status: 'pending', identifier });
    expect(made.wildcard).toBeUndefined();
    await client.respond(made.challenges.find(({ type }) => type === 'http-01'));
    await until('the authorization to be valid', async () => {
      return (await client.fetch<Authorization>(url)).status === 'valid';
    });
    const { order } = await client.order(['pre.example.test']);
    expect(order.status).toBe('ready');
    expect(order.authorizations).toEqual([url]);
  });

  it('wildcards, wrong types and wrong forms are refused; unwilling is 403', async () => {
    const { newAuthz = '' } = await client.directory();
    for (const identifier of [
      { type: 'dns', value: '*.pre.example.test' },
      { type: 'email', value: 'x@y' },
      { type: 'dns', value: 'a_b' },
      'pre.example.test',
      undefined,
    ]) {
      const answer = await client.post(newAuthz, { identifier });
      expect([400, 403]).toContain(answer.status);
    }
    const denied = await under.denying.post((await under.denying.directory()).newAuthz ?? '', {
      identifier: { type: 'dns', value: 'a.denied.test' },
    });
    expectProblem(denied, 403, 'rejectedIdentifier');
  });
});
