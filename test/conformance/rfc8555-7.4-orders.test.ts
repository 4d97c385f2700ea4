/** RFC 8555 §7.4 orders and finalize, §7.4.1 pre-authorization, §11.1 keys (A14, A21 to A23, I6, I18). */
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Authorization,
  expectProblem,
  headerOf,
  type Identifier,
  json,
  type Order,
} from '../support/acme-client.ts';
import { type CsrOptions, csr, extension } from '../support/acme-csr.ts';
import { expectTime } from '../support/acme-exchanges.ts';
import { acmeUnderTest } from '../support/acme-under-test.ts';
import { until } from '../support/quickstart-run.ts';
import { csrDefects } from '../vectors/acme-csr-defects.ts';

const under = await acmeUnderTest('acme-7-4');
const client = under.client();
let newOrder = '';

beforeAll(async () => {
  await client.register();
  ({ newOrder } = await client.directory());
});

/** Certificates that exist for a name, in whatever state. */
async function issued(name: string): Promise<number> {
  const rows = await under.authority.sql(`SELECT 1 FROM certificates WHERE $1 = ANY (names)`, [
    `DNS:${name}`,
  ]);
  return rows.length;
}

async function readyOrder(
  names: readonly (string | Identifier)[],
): Promise<{ url: string; order: Order }> {
  const made = await client.order(names);
  await client.authorize(made.order, 'dns-01');
  return made;
}

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

describe('§7.4 finalize', () => {
  it('A22: pending is 403 orderNotReady; unknown and foreign are not found', async () => {
    const { order, url } = await client.order(['early.example.test']);
    const answer = await client.finalize(order, csr(['early.example.test']).der);
    expectProblem(answer, 403, 'orderNotReady');
    expect((await client.fetch<Order>(url)).status).toBe('pending');
    const absent = order.finalize.replace(/[\w-]{22}/, 'AAAAAAAAAAAAAAAAAAAAAA');
    expect((await client.post(absent, { csr: 'AA' })).status).toBe(404);
  });

  it('A22: the order is valid with a certificate; again is orderNotReady and no second one', async () => {
    const name = 'whole.example.test';
    const { order, url } = await readyOrder([name]);
    const answer = await client.finalize(order, csr([name]).der);
    expect(answer.status).toBe(200);
    expect(headerOf(answer, 'location')).toBe(url);
    const done = await client.settled(url);
    expect(done.status).toBe('valid');
    const again = await client.finalize(order, csr([name]).der);
    expectProblem(again, 403, 'orderNotReady');
    expect(await issued(name)).toBe(1);
  });

  it('of six finalizations at once one certificate comes', async () => {
    const name = 'race.example.test';
    const { order, url } = await readyOrder([name]);
    const answers = await Promise.all(
      Array.from({ length: 6 }, async () => client.finalize(order, csr([name]).der)),
    );
    for (const answer of answers) expect([200, 403, 409], answer.text).toContain(answer.status);
    expect((await client.settled(url)).status).toBe('valid');
    expect(await issued(name)).toBe(1);
  });

  const san = 'x.example.test';
  const bad: Readonly<Record<string, () => Uint8Array>> = {
    ...csrDefects(san),
    'the account key (A23, §11.1)': () => csr([san], { privateKey: client.key.privateKey }).der,
  };
  it('A22, I6: a bad CSR is badCSR, the order stays ready, nothing is issued; then a right one is taken', async () => {
    const { order, url } = await readyOrder([san]);
    for (const [name, make] of Object.entries(bad)) {
      const answer = await client.finalize(order, make());
      const refused = `${name}: ${answer.status} ${answer.text}`;
      expect(answer.status, refused).toBe(400);
      expect(json<{ type: string }>(answer).type, refused).toMatch(
        ['no CSR', 'nothing', 'half of it', 'bytes after it'].includes(name)
          ? /:(badCSR|malformed)$/
          : /:badCSR$/,
      );
      expect((await client.fetch<Order>(url)).status, name).toBe('ready');
    }
    expect(await issued(san)).toBe(0);
    expect((await client.finalize(order, csr([san]).der)).status).toBe(200);
  });

  it.each<[string, readonly string[], CsrOptions]>([
    ['only in the CN', [], { commonNames: ['f.example.test'] }],
    ['in CN and SAN', ['f.example.test'], { commonNames: ['f.example.test'] }],
    ['in capitals', ['F.Example.TEST'], {}],
    ['twice', ['f.example.test', 'f.example.test'], {}],
    ['critical', ['f.example.test'], { criticalNames: true }],
  ])('A22: the name %s is the name', async (_, names, options) => {
    const { certificate } = await client.obtain(['f.example.test'], csr(names, options).der);
    expect(certificate.subjectAltName).toBe('DNS:f.example.test');
  });

  it('A22: names in any order; an IDN; addresses of both kinds; a wildcard', async () => {
    const asked = [
      ...['xn--bcher-kva.example.test', '*.m.example.test', 'm.example.test'],
      { type: 'ip', value: '192.0.2.9' },
      { type: 'ip', value: '2001:db8::9' },
    ];
    const { url, order } = await client.order(asked);
    // dns-01 where it is offered, else what is.
    await client.authorize(order, 'dns-01');
    const request = csr([
      '2001:db8::9',
      'm.example.test',
      '192.0.2.9',
      '*.m.example.test',
      'xn--bcher-kva.example.test',
    ]);
    expect((await client.finalize(order, request.der)).status).toBe(200);
    const done = await client.settled(url);
    const chain = await client.get(done.certificate ?? '');
    expect(chain.text.match(/BEGIN CERTIFICATE/g)?.length).toBeGreaterThan(1);
    expect(await issued('*.m.example.test')).toBe(1);
  });

  it('csr missing, no text, padded, PEM: malformed or badCSR', async () => {
    const { order } = await readyOrder(['form.example.test']);
    const der = Buffer.from(csr(['form.example.test']).der);
    for (const value of [
      undefined,
      7,
      null,
      '',
      '!!',
      `${der.toString('base64url')}=`,
      '-----BEGIN CERTIFICATE REQUEST-----',
    ]) {
      const answer = await client.post(order.finalize, { csr: value });
      expect(answer.status).toBe(400);
      expect(json<{ type: string }>(answer).type).toMatch(/:(malformed|badCSR)$/);
    }
  });

  it('A23: the key of any account of any directory is refused', async () => {
    const elsewhere = under.client('terms');
    await elsewhere.register();
    const { order } = await readyOrder(['k.example.test']);
    const request = csr(['k.example.test'], { privateKey: elsewhere.key.privateKey });
    expectProblem(await client.finalize(order, request.der), 400, 'badCSR');
  });

  it('an order that expired is invalid and issues nothing (§7.1.6)', async () => {
    const { order, url } = await readyOrder(['late.example.test']);
    const before = under.clock.now().getTime();
    under.clock.set(new Date(new Date(order.expires ?? '').getTime() + 1000));
    try {
      expect((await client.fetch<Order>(url)).status).toBe('invalid');
      const answer = await client.finalize(order, csr(['late.example.test']).der);
      expectProblem(answer, 403, 'orderNotReady');
      expect(await issued('late.example.test')).toBe(0);
    } finally {
      under.clock.set(new Date(before));
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

it('I29, §7.4: an extension that the profile does not grant is refused, not dropped', async () => {
  const name = 'plain.example.test';
  const ocspSigning = Uint8Array.of(0x30, 0x0a, 0x06, 0x08, 0x2b, 6, 1, 5, 5, 7, 3, 9);
  const { order, url } = await readyOrder([name]);
  const request = csr([name], { extensions: [extension('2.5.29.37', ocspSigning)] });
  expectProblem(await client.finalize(order, request.der), 400, 'badCSR');
  expect((await client.fetch<Order>(url)).status).toBe('ready');
});
